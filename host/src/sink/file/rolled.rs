//! Parquet and Arrow IPC epoch by epoch, for jobs that keep checkpoints.
//!
//! These formats end with a footer, so a part ends with its epoch (or at `roll-bytes`), and no part grows old: it is written under a temp name, synced in
//! `prepare`, and gets its name when the epoch has been committed. With folders each has an open part of its own, and so have few rows in memory that
//! the largest row group is ended when they become too many.

use arrow::datatypes::SchemaRef;
use pelton_core::checkpoint::record::{PartContent, PartRecord, SinkState};

use super::{
    growing::OPEN_MAX,
    published::{Published, folder_of},
    tables::{TableFile, TableFormat},
};
use crate::checkpoint::CommitPermit;
use crate::sink::{Closing, Encoded, Payload, Prepared, SinkError, SinkSummary, Writer};

/// Encoded bytes that open parts hold in memory together, about.
const HELD_BYTES_MAX: usize = 256 << 20;

/// Puts batches into parts, in canonical order.
pub struct RolledWriter {
    published: Published,
    format: TableFormat,
    schema: SchemaRef,
    roll_bytes: u64,
    /// The open part of each folder.
    open: Vec<(PartNames, TableFile)>,
    /// Parts of the open epoch that are whole.
    closed: Vec<PartRecord>,
    rows: u64,
    bytes: u64,
}

struct PartNames {
    temp: String,
    name: String,
}

impl RolledWriter {
    pub fn new(published: Published, format: TableFormat, schema: SchemaRef, roll_bytes: u64) -> Self {
        Self { published, format, schema, roll_bytes, open: Vec::new(), closed: Vec::new(), rows: 0, bytes: 0 }
    }

    fn begin(&mut self, folder: &str) -> Result<(PartNames, TableFile), SinkError> {
        if self.open.len() >= OPEN_MAX {
            return Err(self.published.too_many_folders(OPEN_MAX));
        }
        let name = self.published.next_name(folder)?;
        let (temp, part) = self.published.temp(&name)?;
        Ok((PartNames { temp, name }, self.format.open(part, &self.schema)?))
    }

    fn close(&mut self, (names, file): (PartNames, TableFile)) -> Result<(), SinkError> {
        let part = file.close()?;
        part.sync()?;
        self.bytes += part.bytes();
        let content = PartContent::Temp { name: names.temp };
        self.closed.push(PartRecord {
            name: names.name,
            from: 0,
            to: part.bytes(),
            is_closed: true,
            began: None,
            content,
        });
        Ok(())
    }

    fn write_to(&mut self, folder: &str, payload: Payload) -> Result<(), SinkError> {
        let Payload::Batch(batch) = payload else {
            return Err(SinkError::Encode { format: "tables", reason: "not this sink's encoder".into() });
        };
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.rows += batch.num_rows() as u64;
        let mut current = match self.open.iter().rposition(|(names, _)| folder_of(&names.name) == folder) {
            Some(place) => self.open.remove(place),
            None => self.begin(folder)?,
        };
        current.1.write(&batch)?;
        if current.1.bytes() >= self.roll_bytes {
            return self.close(current);
        }
        self.open.push(current);
        self.bound_memory()
    }

    /// Ends the largest row group, if those of all parts hold too much.
    fn bound_memory(&mut self) -> Result<(), SinkError> {
        let held: usize = self.open.iter().map(|(_, file)| file.held_bytes()).sum();
        if self.open.len() < 2 || held <= HELD_BYTES_MAX {
            return Ok(());
        }
        match self.open.iter_mut().max_by_key(|(_, file)| file.held_bytes()) {
            Some((_, largest)) => largest.flush(),
            None => Ok(()),
        }
    }
}

impl Writer for RolledWriter {
    fn write(&mut self, encoded: Encoded) -> Result<(), SinkError> {
        match encoded.payload {
            Payload::Folders(folders) => {
                folders.into_iter().try_for_each(|(folder, encoded)| self.write_to(&folder, encoded.payload))
            }
            payload => self.write_to("", payload),
        }
    }

    fn prepare(&mut self, end: Closing) -> Result<Prepared, SinkError> {
        if end.is_end && self.published.is_empty() && !self.published.has_folders() {
            let only = self.begin("")?;
            self.open.push(only);
        }
        for current in std::mem::take(&mut self.open) {
            self.close(current)?;
        }
        // The names of temp files too: a record must not name what is not there.
        self.published.sync_names()?;
        let parts = std::mem::take(&mut self.closed);
        Ok(Prepared { state: self.published.state(parts), ..Prepared::default() })
    }

    fn publish(&mut self, permit: &CommitPermit, prepared: &Prepared) -> Result<(), SinkError> {
        self.published.publish(permit.epoch(), prepared)
    }

    fn sync(&mut self) -> Result<(), SinkError> {
        self.published.sync()
    }

    fn recover(&mut self, last: &SinkState) -> Result<(), SinkError> {
        self.published.recover(last).map(|_| ())
    }

    fn finish(&mut self) -> Result<SinkSummary, SinkError> {
        self.published.sync()?;
        Ok(SinkSummary { rows: self.rows, bytes: self.bytes, details: self.published.details() })
    }
}
