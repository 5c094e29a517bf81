//! Text that grows epoch by epoch, for jobs that keep checkpoints.
//!
//! ```text
//!  rows ─► pending ─┬─ prepare ─► outbox, beside the commit record ─► publish: written to the part
//!                   └─ more than 1 MiB: written to the part at once, behind its committed length, and synced in prepare
//! ```
//!
//! So a small epoch costs no sync of its own, and a large one is written once. A part is closed after the chunk that brings it
//! to `roll-bytes`, or at the end of the first epoch by whose time it is older than `roll-after`; the time at which it began is in the record. Compressed text ends a member with each epoch. With folders each has an open part of its own; the one that has waited longest is
//! closed when they become too many.

use std::sync::Arc;

use pelton_core::checkpoint::record::{PartContent, PartRecord, SinkState};

use super::{
    age::AgeLimit,
    compress::{Codec, MEMBER_BYTES_MIN},
    published::{Published, folder_of},
    rows::Buffers,
};
use crate::checkpoint::CommitPermit;
use crate::sink::{Closing, Encoded, Payload, Prepared, SinkError, SinkSummary, Writer};

/// Bytes of an epoch that are kept beside its record, at most, for each part.
const OUTBOX_BYTES_MAX: usize = 1 << 20;

/// Folders that have an open part, at most.
pub(super) const OPEN_MAX: usize = 256;

/// Puts chunks of rows into parts, in canonical order.
pub struct GrowingWriter {
    published: Published,
    header: Vec<u8>,
    codec: Option<Codec>,
    roll_bytes: u64,
    age: AgeLimit,
    buffers: Arc<Buffers>,
    /// The open part of each folder, the one that was written last at the end.
    open: Vec<Growing>,
    /// Parts of the open epoch that take no more rows.
    closed: Vec<PartRecord>,
    outbox: Vec<u8>,
    rows: u64,
}

/// The part that rows go to.
struct Growing {
    name: String,
    /// Its length when the open epoch began.
    from: u64,
    /// Bytes of the open epoch that are written, and that are not.
    in_place: u64,
    pending: Vec<u8>,
    /// Text that waits to be compressed.
    text: Vec<u8>,
    /// It has rows of the open epoch.
    is_touched: bool,
    /// Processing time of its first epoch.
    began: Option<i64>,
}

impl Growing {
    fn new(name: String, from: u64, began: Option<i64>) -> Self {
        Self { name, from, in_place: 0, pending: Vec::new(), text: Vec::new(), is_touched: false, began }
    }

    fn bytes(&self) -> u64 {
        self.from + self.in_place + self.pending.len() as u64
    }

    fn append(&mut self, bytes: &[u8], published: &mut Published) -> Result<(), SinkError> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() > OUTBOX_BYTES_MAX { self.write(published) } else { Ok(()) }
    }

    fn write(&mut self, published: &mut Published) -> Result<(), SinkError> {
        published.write(&self.name, self.from + self.in_place, &self.pending)?;
        self.in_place += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    fn compress(&mut self, codec: Option<Codec>, published: &mut Published) -> Result<(), SinkError> {
        let Some(codec) = codec.filter(|_| !self.text.is_empty()) else { return Ok(()) };
        let mut member = Vec::new();
        codec.compress(&self.text, &mut member)?;
        self.text.clear();
        self.append(&member, published)
    }

    /// What the record says of the open epoch's share. The next epoch begins.
    fn settle(
        &mut self,
        is_closed: bool,
        published: &mut Published,
        outbox: &mut Vec<u8>,
    ) -> Result<PartRecord, SinkError> {
        let content = if self.in_place > 0 {
            self.write(published)?;
            published.sync_part(&self.name)?;
            PartContent::InPlace
        } else {
            let offset = outbox.len() as u64;
            outbox.extend_from_slice(&self.pending);
            PartContent::Outbox { offset }
        };
        let to = self.bytes();
        let began = self.began.filter(|_| !is_closed);
        let record = PartRecord { name: self.name.clone(), from: self.from, to, is_closed, began, content };
        (self.from, self.in_place, self.is_touched) = (to, 0, false);
        self.pending.clear();
        Ok(record)
    }
}

impl GrowingWriter {
    pub fn new(
        published: Published,
        header: Vec<u8>,
        codec: Option<Codec>,
        (roll_bytes, age): (u64, AgeLimit),
        buffers: Arc<Buffers>,
    ) -> Self {
        Self {
            published,
            header,
            codec,
            roll_bytes,
            age,
            buffers,
            open: Vec::new(),
            closed: Vec::new(),
            outbox: Vec::new(),
            rows: 0,
        }
    }

    fn begin(&mut self, folder: &str) -> Result<Growing, SinkError> {
        let mut current = Growing::new(self.published.next_name(folder)?, 0, None);
        let header = if self.codec.is_some() { &mut current.text } else { &mut current.pending };
        header.extend_from_slice(&self.header);
        Ok(current)
    }

    /// The part that the rows of a folder go to.
    fn take(&mut self, folder: &str) -> Result<Growing, SinkError> {
        if let Some(place) = self.open.iter().rposition(|growing| folder_of(&growing.name) == folder) {
            return Ok(self.open.remove(place));
        }
        if self.open.len() >= OPEN_MAX {
            let idle = self.open.iter().position(|growing| !growing.is_touched);
            let idle = idle.ok_or_else(|| self.published.too_many_folders(OPEN_MAX))?;
            let idle = self.open.remove(idle);
            self.close(idle)?;
        }
        self.begin(folder)
    }

    fn write_to(&mut self, folder: &str, encoded: Encoded) -> Result<(), SinkError> {
        if encoded.rows == 0 {
            return Ok(());
        }
        self.rows += encoded.rows;
        let mut current = self.take(folder)?;
        current.is_touched = true;
        self.put(&mut current, encoded.payload)?;
        if current.bytes() >= self.roll_bytes {
            return self.close(current);
        }
        self.open.push(current);
        Ok(())
    }

    fn put(&mut self, current: &mut Growing, payload: Payload) -> Result<(), SinkError> {
        let bytes = match payload {
            Payload::Bytes(text) if self.codec.is_some() => {
                current.text.extend_from_slice(&text);
                if current.text.len() >= MEMBER_BYTES_MIN {
                    current.compress(self.codec, &mut self.published)?;
                }
                text
            }
            Payload::Bytes(text) => {
                current.append(&text, &mut self.published)?;
                text
            }
            Payload::Compressed(member) => {
                current.compress(self.codec, &mut self.published)?;
                current.append(&member, &mut self.published)?;
                member
            }
            Payload::Batch(_) | Payload::Checksums(_) | Payload::Rows { .. } | Payload::Folders(_) => {
                return Err(SinkError::Encode { format: "rows", reason: "not this sink's encoder".into() });
            }
        };
        self.buffers.give(bytes);
        Ok(())
    }

    fn close(&mut self, mut current: Growing) -> Result<(), SinkError> {
        current.compress(self.codec, &mut self.published)?;
        self.closed.push(current.settle(true, &mut self.published, &mut self.outbox)?);
        Ok(())
    }
}

impl Writer for GrowingWriter {
    fn write(&mut self, encoded: Encoded) -> Result<(), SinkError> {
        match encoded.payload {
            Payload::Folders(folders) => {
                folders.into_iter().try_for_each(|(folder, encoded)| self.write_to(&folder, encoded))
            }
            payload => self.write_to("", Encoded { payload, ..encoded }),
        }
    }

    fn prepare(&mut self, end: Closing) -> Result<Prepared, SinkError> {
        if end.is_end && self.published.is_empty() && !self.published.has_folders() {
            // Readers find the header, or a compressed file that is one.
            let mut current = self.begin("")?;
            if let Some(codec) = self.codec.filter(|_| current.text.is_empty()) {
                codec.compress(&[], &mut current.pending)?;
            }
            self.open.push(current);
        }
        let mut parts = std::mem::take(&mut self.closed);
        for mut current in std::mem::take(&mut self.open) {
            current.compress(self.codec, &mut self.published)?;
            let is_old = self.age.is_over(&mut current.began, end.now);
            parts.push(current.settle(is_old, &mut self.published, &mut self.outbox)?);
            if !is_old {
                self.open.push(current);
            }
        }
        Ok(Prepared {
            state: self.published.state(parts),
            outbox: std::mem::take(&mut self.outbox),
            ..Prepared::default()
        })
    }

    fn due(&self) -> Option<i64> {
        self.open.iter().filter_map(|part| self.age.due(part.began)).min()
    }

    fn publish(&mut self, permit: &CommitPermit, prepared: &Prepared) -> Result<(), SinkError> {
        self.published.publish(permit.epoch(), prepared)
    }

    fn sync(&mut self) -> Result<(), SinkError> {
        self.published.sync()
    }

    fn recover(&mut self, last: &SinkState) -> Result<(), SinkError> {
        let open = self.published.recover(last)?;
        self.open = open.into_iter().map(|part| Growing::new(part.name, part.to, part.began)).collect();
        Ok(())
    }

    fn finish(&mut self) -> Result<SinkSummary, SinkError> {
        self.published.sync()?;
        Ok(SinkSummary { rows: self.rows, bytes: self.published.bytes(), details: self.published.details() })
    }
}
