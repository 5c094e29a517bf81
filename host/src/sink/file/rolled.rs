//! Parquet and Arrow IPC epoch by epoch, for jobs that keep checkpoints.
//!
//! These formats end with a footer, so a part ends with its epoch (or at `roll-bytes`): it is written under a temp name, synced in
//! `prepare`, and gets its name when the epoch has been committed.

use arrow::datatypes::SchemaRef;
use pelton_core::{
    checkpoint::record::{PartContent, PartRecord, SinkState},
    model::Epoch,
};

use super::{
    published::Published,
    tables::{TableFile, TableFormat},
};
use crate::checkpoint::CommitPermit;
use crate::sink::{Encoded, Payload, Prepared, SinkError, SinkSummary, Writer};

/// Puts batches into parts, in canonical order.
pub struct RolledWriter {
    published: Published,
    format: TableFormat,
    schema: SchemaRef,
    roll_bytes: u64,
    current: Option<(PartNames, TableFile)>,
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
        Self { published, format, schema, roll_bytes, current: None, closed: Vec::new(), rows: 0, bytes: 0 }
    }

    fn begin(&mut self) -> Result<(PartNames, TableFile), SinkError> {
        let name = self.published.next_name();
        let (temp, part) = self.published.temp(&name)?;
        Ok((PartNames { temp, name }, self.format.open(part, &self.schema)?))
    }

    fn close(&mut self, (names, file): (PartNames, TableFile)) -> Result<(), SinkError> {
        let part = file.close()?;
        part.sync()?;
        self.bytes += part.bytes();
        let content = PartContent::Temp { name: names.temp };
        self.closed.push(PartRecord { name: names.name, from: 0, to: part.bytes(), is_closed: true, content });
        Ok(())
    }
}

impl Writer for RolledWriter {
    fn write(&mut self, encoded: Encoded) -> Result<(), SinkError> {
        let Payload::Batch(batch) = encoded.payload else {
            return Err(SinkError::Encode { format: "tables", reason: "not this sink's encoder".into() });
        };
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.rows += encoded.rows;
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.begin()?,
        };
        current.1.write(&batch)?;
        if current.1.bytes() >= self.roll_bytes {
            self.close(current)?;
        } else {
            self.current = Some(current);
        }
        Ok(())
    }

    fn prepare(&mut self, _epoch: Epoch, is_end: bool) -> Result<Prepared, SinkError> {
        if is_end && self.published.is_empty() {
            self.current = Some(self.begin()?);
        }
        if let Some(current) = self.current.take() {
            self.close(current)?;
            // The names of temp files too: a record must not name what is not there.
            self.published.sync_names()?;
        }
        let parts = std::mem::take(&mut self.closed);
        Ok(Prepared { state: self.published.state(parts), outbox: Vec::new() })
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
