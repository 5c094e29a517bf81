//! Text that grows epoch by epoch, for jobs that keep checkpoints.
//!
//! ```text
//!  rows ─► pending ─┬─ prepare ─► outbox, beside the commit record ─► publish: written to the part
//!                   └─ more than 1 MiB: written to the part at once, behind its committed length, and synced in prepare
//! ```
//!
//! So a small epoch costs no sync of its own, and a large one is written once. A part is closed after the chunk that brings it
//! to `roll-bytes`. Compressed text ends a member with each epoch.

use std::sync::Arc;

use pelton_core::{
    checkpoint::record::{PartContent, PartRecord, SinkState},
    model::Epoch,
};

use super::{
    compress::{Codec, MEMBER_BYTES_MIN},
    published::Published,
    rows::Buffers,
};
use crate::checkpoint::CommitPermit;
use crate::sink::{Encoded, Payload, Prepared, SinkError, SinkSummary, Writer};

/// Bytes of an epoch that are kept beside its record, at most, for each part.
const OUTBOX_BYTES_MAX: usize = 1 << 20;

/// Puts chunks of rows into parts, in canonical order.
pub struct GrowingWriter {
    published: Published,
    header: Vec<u8>,
    codec: Option<Codec>,
    roll_bytes: u64,
    buffers: Arc<Buffers>,
    current: Option<Growing>,
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
}

impl Growing {
    fn new(name: String, from: u64) -> Self {
        Self { name, from, in_place: 0, pending: Vec::new(), text: Vec::new() }
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
        let record = PartRecord { name: self.name.clone(), from: self.from, to, is_closed, content };
        (self.from, self.in_place) = (to, 0);
        self.pending.clear();
        Ok(record)
    }
}

impl GrowingWriter {
    pub fn new(
        published: Published,
        header: Vec<u8>,
        codec: Option<Codec>,
        roll_bytes: u64,
        buffers: Arc<Buffers>,
    ) -> Self {
        Self {
            published,
            header,
            codec,
            roll_bytes,
            buffers,
            current: None,
            closed: Vec::new(),
            outbox: Vec::new(),
            rows: 0,
        }
    }

    fn begin(&mut self) -> Growing {
        let mut current = Growing::new(self.published.next_name(), 0);
        let header = if self.codec.is_some() { &mut current.text } else { &mut current.pending };
        header.extend_from_slice(&self.header);
        current
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
            Payload::Batch(_) | Payload::Checksums(_) => {
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
        if encoded.rows == 0 {
            return Ok(());
        }
        self.rows += encoded.rows;
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.begin(),
        };
        self.put(&mut current, encoded.payload)?;
        if current.bytes() >= self.roll_bytes {
            self.close(current)?;
        } else {
            self.current = Some(current);
        }
        Ok(())
    }

    fn prepare(&mut self, _epoch: Epoch, is_end: bool) -> Result<Prepared, SinkError> {
        if is_end && self.current.is_none() && self.published.is_empty() {
            // Readers find the header, or a compressed file that is one.
            let mut current = self.begin();
            if let Some(codec) = self.codec.filter(|_| current.text.is_empty()) {
                codec.compress(&[], &mut current.pending)?;
            }
            self.current = Some(current);
        }
        let mut parts = std::mem::take(&mut self.closed);
        if let Some(current) = &mut self.current {
            current.compress(self.codec, &mut self.published)?;
            parts.push(current.settle(false, &mut self.published, &mut self.outbox)?);
        }
        Ok(Prepared { state: self.published.state(parts), outbox: std::mem::take(&mut self.outbox) })
    }

    fn publish(&mut self, permit: &CommitPermit, prepared: &Prepared) -> Result<(), SinkError> {
        self.published.publish(permit.epoch(), prepared)
    }

    fn sync(&mut self) -> Result<(), SinkError> {
        self.published.sync()
    }

    fn recover(&mut self, last: &SinkState) -> Result<(), SinkError> {
        let open = self.published.recover(last)?;
        self.current = open.map(|part| Growing::new(part.name, part.to));
        Ok(())
    }

    fn finish(&mut self) -> Result<SinkSummary, SinkError> {
        self.published.sync()?;
        Ok(SinkSummary { rows: self.rows, bytes: self.published.bytes(), details: self.published.details() })
    }
}
