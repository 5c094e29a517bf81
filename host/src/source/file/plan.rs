//! Plain files of rows, cut into ranges of a fixed size.
//!
//! Runs on the planner's thread. Invariant: the cuts depend on the files alone, never on threads or timing.

use std::{sync::Arc, time::Instant};

use pelton_core::job::Format;

use super::{
    format,
    handoff::Handoff,
    lines::{FileRange, Head},
    listing::ListedFile,
    reader,
};
use crate::source::{Next, Planner, Range, RangeData, RangeLabel, SourceError};

/// Bytes of a range: with common rows about one batch, and they stay in the second-level cache while they are decoded.
const RANGE_BYTES: u64 = 512 << 10;
/// Bytes in which a file's head is looked for at first, and at most.
const HEAD_BYTES: u64 = 64 << 10;
const HEAD_BYTES_MAX: u64 = 16 << 20;

/// Hands out files one after the other, range by range.
pub struct FilePlanner {
    files: Arc<Vec<Arc<ListedFile>>>,
    format: Format,
    /// Whether ranges must tell each other where rows begin.
    handoffs: bool,
    range_bytes: u64,
    /// Index of the next file to begin with.
    next_file: usize,
    current: Option<Current>,
}

/// The file that is being handed out.
struct Current {
    file: Arc<ListedFile>,
    partition: u32,
    head: Arc<Head>,
    /// Where the next range begins, and which it is.
    start: u64,
    sequence: u64,
    handoff: Option<Handoff>,
}

impl FilePlanner {
    pub fn new(files: Arc<Vec<Arc<ListedFile>>>, format: Format, handoffs: bool) -> Self {
        Self { files, format, handoffs, range_bytes: RANGE_BYTES, next_file: 0, current: None }
    }

    /// Cuts ranges of so many bytes.
    #[cfg(test)]
    pub fn with_range_bytes(self, range_bytes: u64) -> Self {
        Self { range_bytes, ..self }
    }

    fn begin(&mut self, file: &Arc<ListedFile>) -> Result<(), SourceError> {
        let head = head(&self.format, file)?;
        let start = head.rows_at;
        self.current = Some(Current {
            file: Arc::clone(file),
            partition: u32::try_from(self.next_file).unwrap_or(u32::MAX),
            head: Arc::new(head),
            start,
            sequence: 0,
            handoff: self.handoffs.then(|| Handoff::first(start)),
        });
        self.next_file += 1;
        Ok(())
    }
}

impl Planner for FilePlanner {
    fn next(&mut self, _deadline: Option<Instant>) -> Result<Next, SourceError> {
        loop {
            if let Some(range) = self.current.as_mut().and_then(|current| current.next(self.range_bytes)) {
                return Ok(Next::Range(range));
            }
            let files = Arc::clone(&self.files);
            match files.get(self.next_file) {
                Some(file) => self.begin(file)?,
                None => return Ok(Next::End),
            }
        }
    }
}

impl Current {
    fn next(&mut self, range_bytes: u64) -> Option<Range> {
        let start = self.start;
        if start >= self.file.bytes {
            return None;
        }
        let end = (start - start % range_bytes).saturating_add(range_bytes).min(self.file.bytes);
        let following = self.handoff.as_ref().map(Handoff::next);
        let handoff = std::mem::replace(&mut self.handoff, following);
        let sequence = self.sequence;
        (self.start, self.sequence) = (end, sequence + 1);
        Some(Range {
            partition: self.partition,
            sequence,
            name: Arc::clone(&self.file.name),
            // The head counts as part of the first range.
            bytes: if sequence == 0 { end } else { end - start },
            label: RangeLabel::Bytes(start, end),
            data: RangeData::File(FileRange {
                file: Arc::clone(&self.file),
                head: Arc::clone(&self.head),
                start,
                end,
                handoff,
            }),
        })
    }
}

/// The head of a plain file.
pub fn head(format: &Format, file: &ListedFile) -> Result<Head, SourceError> {
    let corrupt = |reason| SourceError::Corrupt { file: file.name.to_string(), format: format.name(), reason };
    let mut bytes = HEAD_BYTES;
    loop {
        let first = reader::first_bytes(file, bytes)?;
        let at_end = first.len() as u64 == file.bytes;
        if let Some(head) = format::head(format, &first, at_end).map_err(corrupt)? {
            return Ok(head);
        }
        if bytes >= HEAD_BYTES_MAX {
            return Err(corrupt(format!("its header does not end within {HEAD_BYTES_MAX} bytes")));
        }
        bytes *= 4;
    }
}
