//! The decoder of row formats: ranges of files and of streams to batches.
//!
//! One lives on each compute thread. It finds the rows that begin in a range, reads beyond the range's end for the last
//! of them, rejects rows that are too long without holding them, and deals with guesses (see [`super::handoff`]).
//! Invariant: the rows of all ranges together are those of one sequential reading.

use std::sync::Arc;

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use memchr::memchr;
use pelton_core::job::OnBadRow;

use super::{
    format::RowFormat,
    handoff::{Answer, Handoff},
    lines::{BytesRange, Chunk, FileRange, Head, RowDecoder, too_long},
    reader::Reader,
};
use crate::source::{BadRow, Decoded, Decoder, Emit, Range, RangeData, RowPlace, SourceError};

/// Bytes that are read beyond a range at once, for its last row.
const SLACK: u64 = 4 << 10;
/// Bytes that are read at once when rows are only looked for.
const SCAN_BYTES: u64 = 256 << 10;
/// Distance at which files are read ahead, in ranges.
const AHEAD: u64 = 4;

/// Decodes ranges of one source.
pub struct RowsDecoder {
    format: Arc<RowFormat>,
    columns: Vec<String>,
    on_bad_row: OnBadRow,
    /// Of the batches.
    schema: SchemaRef,
    rows: Option<(Arc<Head>, Box<dyn RowDecoder>)>,
    reader: Reader,
    decoded: Vec<Decoded>,
}

/// What to do with a row that does not end near its range's end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LongRow {
    Read,
    /// Where rows begin is only guessed: do not read far on its account.
    GiveUp,
}

impl RowsDecoder {
    /// A decoder of these columns, or metadata columns, in this order.
    pub fn new(format: Arc<RowFormat>, columns: &[String], on_bad_row: OnBadRow) -> Result<Self, SourceError> {
        let fields =
            columns.iter().map(|name| super::output_field(format.schema(), name)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            format,
            columns: columns.to_vec(),
            on_bad_row,
            schema: Arc::new(arrow::datatypes::Schema::new(fields)),
            rows: None,
            reader: Reader::default(),
            decoded: Vec::new(),
        })
    }
}

impl Decoder for RowsDecoder {
    fn decode(&mut self, range: &Range, emit: &mut dyn FnMut(Decoded) -> Emit) -> Result<(), SourceError> {
        self.decoded.clear();
        match &range.data {
            RangeData::File(part) => self.file_range(part)?,
            RangeData::Bytes(part) => self.bytes_range(part, &range.name)?,
            _ => {
                let reason = "its ranges are not of rows".to_owned();
                return Err(SourceError::Corrupt { file: range.name.to_string(), format: self.format.name(), reason });
            }
        }
        if self.on_bad_row == OnBadRow::Fail
            && let Some(bad) = self.decoded.iter().find_map(|decoded| decoded.rejected.first())
        {
            let BadRow { offset, reason, .. } = bad.clone();
            return Err(SourceError::BadRow { file: range.name.to_string(), place: RowPlace::Byte(offset), reason });
        }
        match self.decoded.drain(..).map(emit).find(|emit| *emit == Emit::Stop) {
            Some(_) => Err(SourceError::Stopped),
            None => Ok(()),
        }
    }
}

impl RowsDecoder {
    /// Decodes whole rows of a stream.
    fn bytes_range(&mut self, part: &BytesRange, name: &Arc<str>) -> Result<(), SourceError> {
        self.prepare(&part.head, name)?;
        let Some((_, rows)) = &mut self.rows else { return Ok(()) };
        let chunk =
            Chunk { bytes: &part.bytes, offset: part.offset, limit: part.bytes.len(), at_end: part.at_end, name };
        let mut taken = 0;
        while taken < part.bytes.len() {
            let rest = chunk.bytes.get(taken..).unwrap_or_default();
            let chunk = Chunk { bytes: rest, offset: part.offset + taken as u64, limit: rest.len(), ..chunk };
            match rows.decode(&chunk, &mut self.decoded)? {
                0 => {
                    let reason = format!("no row ends behind byte {}", chunk.offset);
                    return Err(SourceError::Corrupt { file: name.to_string(), format: self.format.name(), reason });
                }
                more => taken += more,
            }
        }
        part.rejected.iter().for_each(|bad| self.reject(bad.clone()));
        Ok(())
    }

    /// Decodes the rows that begin in part of a file.
    fn file_range(&mut self, part: &FileRange) -> Result<(), SourceError> {
        // Before anything can fail: the next range may be waiting.
        let teller = part.handoff.as_ref().map(Handoff::teller);
        self.reader.open(&part.file)?;
        self.prepare(&part.head, &part.file.name)?;
        let bytes = part.end - part.start;
        self.reader.advise(part.end + (AHEAD - 1) * bytes, bytes);
        if let (Some(handoff), Some(teller)) = (&part.handoff, teller) {
            teller.tell(self.handed_range(part, handoff)?);
        } else if let Some(start) = self.first_line(part)? {
            self.rows_from(part, start, LongRow::Read)?;
        }
        Ok(())
    }

    /// The same where newlines do not tell where rows begin; answers where the next range's rows do.
    fn handed_range(&mut self, part: &FileRange, handoff: &Handoff) -> Result<u64, SourceError> {
        let mut guess = None;
        if handoff.answer().is_none()
            && let Some(start) = self.first_line(part)?
        {
            // Errors of a wrong guess mean nothing, and those of a right one come again.
            let end = self.rows_from(part, start, LongRow::GiveUp).ok().flatten();
            guess = end.map(|end| (start, end));
        }
        let start = match handoff.wait() {
            Answer::Ends(start) => start,
            Answer::Failed => return Err(SourceError::Stopped),
            Answer::Unread => self.first_row(part)?,
        };
        if let Some((guessed, end)) = guess
            && guessed == start
        {
            return Ok(end);
        }
        self.decoded.clear();
        if start >= part.end {
            return Ok(start);
        }
        self.reader.load(start, part.end + SLACK)?;
        Ok(self.rows_from(part, start, LongRow::Read)?.unwrap_or(part.end))
    }

    /// The first beginning of a line in `part`, which is buffered from there on.
    fn first_line(&mut self, part: &FileRange) -> Result<Option<u64>, SourceError> {
        if part.start == part.head.rows_at {
            self.reader.load(part.start, part.end + SLACK)?;
            return Ok(Some(part.start));
        }
        // A newline just before the range makes its first byte a line's.
        let before = part.start - 1;
        self.reader.load(before, part.end + SLACK)?;
        let newline = memchr(b'\n', self.reader.bytes_from(before));
        Ok(newline.map(|at| part.start + at as u64).filter(|start| *start < part.end))
    }

    /// The first row that begins in `part` or behind it, found by reading the file from its first row on.
    fn first_row(&mut self, part: &FileRange) -> Result<u64, SourceError> {
        let mut row = part.head.rows_at;
        let mut scanner = self.format.scanner();
        let mut at = row;
        loop {
            self.reader.load(at, at + SCAN_BYTES)?;
            let mut rest = self.reader.bytes_from(at);
            if rest.is_empty() {
                return Ok(at);
            }
            while row < part.start
                && let Some(end) = scanner.next_end(rest)
            {
                rest = rest.get(end..).unwrap_or_default();
                row = self.reader.end() - rest.len() as u64;
            }
            if row >= part.start {
                return Ok(row);
            }
            at = self.reader.end();
        }
    }

    /// Decodes the rows from `start`, where one begins and from where the range is buffered; answers where the next range's
    /// rows begin, or none if it gave up.
    fn rows_from(&mut self, part: &FileRange, mut start: u64, long: LongRow) -> Result<Option<u64>, SourceError> {
        let mut grown = false;
        while start < part.end {
            let Some((_, rows)) = &mut self.rows else { return Ok(None) };
            let chunk = Chunk {
                bytes: self.reader.bytes_from(start),
                offset: start,
                limit: (part.end - start) as usize,
                at_end: self.reader.at_end(),
                name: &part.file.name,
            };
            let taken = rows.decode(&chunk, &mut self.decoded)? as u64;
            start += taken;
            if start >= part.end || chunk.at_end {
                break;
            }
            // The row at `start` ends beyond what is buffered.
            let have = self.reader.end() - start;
            if have > self.format.max_row_bytes() as u64 {
                let text = self.reader.bytes_from(start);
                let bad = too_long(start, text, self.format.max_row_bytes());
                self.reject(bad);
                if part.handoff.is_none() {
                    // No other row begins before the next newline, and the ranges behind find that by themselves.
                    break;
                }
                start = self.row_end(start)?;
                self.reader.load(start, part.end.max(start) + SLACK)?;
                continue;
            }
            if grown && long == LongRow::GiveUp {
                return Ok(None);
            }
            grown = true;
            self.reader.grow(start, self.reader.end() + have.max(SLACK))?;
        }
        Ok(Some(start))
    }

    /// Where the row at `start` ends, without holding it.
    fn row_end(&mut self, start: u64) -> Result<u64, SourceError> {
        let mut scanner = self.format.scanner();
        let mut at = start;
        loop {
            let bytes = self.reader.bytes_from(at);
            if let Some(end) = scanner.next_end(bytes) {
                return Ok(at + end as u64);
            }
            at = self.reader.end();
            if self.reader.at_end() {
                return Ok(at);
            }
            self.reader.load(at, at + SCAN_BYTES)?;
        }
    }

    /// Makes the decoder of rows fit inputs with this head.
    fn prepare(&mut self, head: &Arc<Head>, name: &str) -> Result<(), SourceError> {
        let fits = |known: &Arc<Head>| Arc::ptr_eq(known, head) || known.names == head.names;
        if !self.rows.as_ref().is_some_and(|(known, _)| fits(known)) {
            let rows = self.format.decoder(&self.columns, head, name)?;
            self.rows = Some((Arc::clone(head), rows));
        }
        Ok(())
    }

    fn reject(&mut self, bad: BadRow) {
        if self.decoded.is_empty() {
            let rows = RecordBatch::new_empty(Arc::clone(&self.schema));
            self.decoded.push(Decoded { rows, rejected: Vec::new() });
        }
        if let Some(last) = self.decoded.last_mut() {
            last.rejected.push(bad);
        }
    }
}

#[cfg(test)]
mod tests;
