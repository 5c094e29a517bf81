//! Files of rows, one after the other: plain ones cut into ranges of a fixed size, compressed ones as they are read.
//!
//! Runs on the planner's thread. Invariant: the cuts depend on the files alone, never on threads or timing.

use std::{sync::Arc, time::Instant};

use pelton_core::{
    checkpoint::record::{FileRecord, Position},
    job::FileSourceSpec,
};

use super::{
    codec::{self, Codec},
    format,
    handoff::Handoff,
    lines::{FileRange, Head},
    listing::ListedFile,
    stream::ReadAhead,
    watch::Watch,
};
use crate::source::{Bookmark, Next, Planner, Range, RangeData, RangeLabel, SourceError};

/// Bytes of a range: with common rows about one batch, and they stay in the second-level cache while they are decoded.
pub const RANGE_BYTES: u64 = 512 << 10;
/// Bytes in which a file's head is looked for at first, and at most.
const HEAD_BYTES: u64 = 64 << 10;
const HEAD_BYTES_MAX: u64 = 16 << 20;

/// Hands out files one after the other, range by range.
pub struct FilePlanner {
    files: Arc<Vec<Arc<ListedFile>>>,
    spec: FileSourceSpec,
    /// Whether ranges must tell each other where rows begin.
    handoffs: bool,
    range_bytes: u64,
    /// Of each file only the first range.
    only_first: bool,
    /// Index of the next file to begin with.
    next_file: usize,
    current: Option<Current>,
    /// Ranges of a compressed file that have been handed out.
    handed: u64,
    /// None: the files that are listed are all.
    watch: Option<Watch>,
}

/// The file that is being handed out.
enum Current {
    Plain(Cuts),
    Compressed(ReadAhead),
}

/// A plain file's ranges.
pub struct Cuts {
    file: Arc<ListedFile>,
    partition: u32,
    head: Arc<Head>,
    /// Where the next range begins, and which it is.
    start: u64,
    sequence: u64,
    handoff: Option<Handoff>,
}

impl FilePlanner {
    pub fn new(files: Arc<Vec<Arc<ListedFile>>>, spec: FileSourceSpec, handoffs: bool) -> Self {
        Self {
            files,
            spec,
            handoffs,
            range_bytes: RANGE_BYTES,
            only_first: false,
            next_file: 0,
            current: None,
            handed: 0,
            watch: None,
        }
    }

    /// Hands out the first range of each file and no other.
    pub fn only_first(self) -> Self {
        Self { only_first: true, ..self }
    }

    /// Goes on with new files when it has come to the end of those that are listed.
    pub fn watching(self, watch: Watch) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// Begins at a place that [`Planner::bookmark`] gave, of the same files.
    pub fn from(mut self, position: &Position) -> Result<Self, SourceError> {
        match *position {
            Position::Start => {}
            Position::End => self.next_file = self.files.len(),
            Position::Range { partition, sequence, offset, rows_at } => {
                self.next_file = partition as usize;
                let file = self.files.get(self.next_file).filter(|_| sequence > 0).cloned();
                if let Some(file) = file {
                    self.begin(&file)?;
                    self.skip_to(sequence, offset, rows_at)?;
                }
            }
        }
        Ok(self)
    }

    /// Leaves out the first ranges of the file that has just been begun.
    fn skip_to(&mut self, sequence: u64, offset: u64, rows_at: Option<u64>) -> Result<(), SourceError> {
        match &mut self.current {
            Some(Current::Plain(cuts)) => {
                (cuts.start, cuts.sequence) = (offset, sequence);
                cuts.handoff = self.handoffs.then(|| Handoff::first(rows_at.unwrap_or(offset)));
            }
            // What is compressed can only be read from its beginning.
            Some(Current::Compressed(file)) => {
                while self.handed < sequence && !matches!(file.next_range()?, Next::End) {
                    self.handed += 1;
                }
            }
            None => {}
        }
        Ok(())
    }

    /// Cuts ranges of so many bytes.
    #[cfg(test)]
    pub fn with_range_bytes(self, range_bytes: u64) -> Self {
        Self { range_bytes, ..self }
    }

    fn begin(&mut self, file: &Arc<ListedFile>) -> Result<(), SourceError> {
        let partition = u32::try_from(self.next_file).unwrap_or(u32::MAX);
        self.next_file += 1;
        self.handed = 0;
        self.current = Some(match codec::of_file(file, self.spec.compression)? {
            Some(codec) => Current::Compressed(self.read_ahead(file, codec, partition)?),
            None => {
                let head = head(&self.spec, file)?;
                let start = head.rows_at;
                let handoff = self.handoffs.then(|| Handoff::first(start));
                Current::Plain(Cuts {
                    file: Arc::clone(file),
                    partition,
                    head: Arc::new(head),
                    start,
                    sequence: 0,
                    handoff,
                })
            }
        });
        Ok(())
    }

    fn read_ahead(&self, file: &ListedFile, codec: Codec, partition: u32) -> Result<ReadAhead, SourceError> {
        let FileSourceSpec { format, max_row_bytes, .. } = &self.spec;
        ReadAhead::start(codec::open(file)?, codec, format, *max_row_bytes, partition, Arc::clone(&file.name))
    }
}

impl Planner for FilePlanner {
    fn next(&mut self, deadline: Option<Instant>) -> Result<Next, SourceError> {
        loop {
            let next = match &mut self.current {
                Some(Current::Plain(cuts)) => cuts.next(self.range_bytes).map_or(Next::End, Next::Range),
                // It is there: that its next bytes take a while must not cut an epoch, or epochs would depend on the machine.
                Some(Current::Compressed(file)) => file.next_range()?,
                None => Next::End,
            };
            if self.only_first && matches!(next, Next::Range(_)) {
                self.current = None;
            }
            if !matches!(next, Next::End) {
                self.handed += u64::from(matches!(next, Next::Range(_)));
                return Ok(next);
            }
            self.current = None;
            let files = Arc::clone(&self.files);
            if let Some(file) = files.get(self.next_file) {
                self.begin(file)?;
                continue;
            }
            drop(files);
            let Some(watch) = &mut self.watch else { return Ok(Next::End) };
            match watch.look(&self.spec, deadline)? {
                Some(found) => Arc::make_mut(&mut self.files).extend(found),
                None => return Ok(Next::Pending),
            }
        }
    }

    fn take_found(&mut self) -> Vec<FileRecord> {
        self.watch.as_mut().map(Watch::take_found).unwrap_or_default()
    }

    fn bookmark(&self) -> Option<Bookmark> {
        let number = |file: usize| u32::try_from(file).unwrap_or(u32::MAX);
        let at = |partition, sequence, offset| Position::Range { partition, sequence, offset, rows_at: None };
        Some(match &self.current {
            None => Bookmark::at(at(number(self.next_file), 0, 0)),
            Some(Current::Plain(cuts)) => {
                let handoff = cuts.handoff.as_ref().map(Handoff::watch);
                Bookmark { position: at(cuts.partition, cuts.sequence, cuts.start), handoff }
            }
            Some(Current::Compressed(_)) => Bookmark::at(at(number(self.next_file - 1), self.handed, 0)),
        })
    }
}

impl Cuts {
    /// Of a part of a file, or of all of it behind its head. `place`: the sequence and the byte at which it goes on; a row is known to begin at `rows_at`.
    pub fn new(
        (file, partition): (&Arc<ListedFile>, u32),
        head: Arc<Head>,
        (sequence, start): (u64, u64),
        rows_at: Option<u64>,
    ) -> Self {
        let handoff = rows_at.map(Handoff::first);
        Self { file: Arc::clone(file), partition, head, start, sequence, handoff }
    }

    /// The partition, the sequence and the byte of the next range; none: there are no more.
    pub fn place(&self) -> Option<Bookmark> {
        if self.start >= self.file.bytes {
            return None;
        }
        let (partition, sequence, offset) = (self.partition, self.sequence, self.start);
        let position = Position::Range { partition, sequence, offset, rows_at: None };
        Some(Bookmark { position, handoff: self.handoff.as_ref().map(Handoff::watch) })
    }

    pub fn next(&mut self, range_bytes: u64) -> Option<Range> {
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
            bytes: if sequence == 0 && self.file.growth.is_none() { end } else { end - start },
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

/// The head of a file.
pub fn head(spec: &FileSourceSpec, file: &ListedFile) -> Result<Head, SourceError> {
    let format = &spec.format;
    let corrupt = |reason| SourceError::Corrupt { file: file.name.to_string(), format: format.name(), reason };
    let mut bytes = HEAD_BYTES;
    loop {
        let (first, at_end) = codec::first_bytes(file, spec.compression, bytes)?;
        if let Some(head) = format::head(format, &first, at_end).map_err(corrupt)? {
            return Ok(head);
        }
        if bytes >= HEAD_BYTES_MAX || (first.len() as u64) < bytes {
            return Err(corrupt(format!("its header does not end within {} bytes", first.len())));
        }
        bytes *= 4;
    }
}
