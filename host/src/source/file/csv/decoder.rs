//! Chunks of CSV to record batches.
//!
//! ```text
//!  window of the chunk ──Index──► places of separators ──► runs of regular rows ──► columns, one after the other
//!                                                     └──► odd rows (quotes, comments, wrong number of fields, a
//!                                                          bad value): read exactly, one by one
//! ```
//!
//! One decoder lives on one compute thread. Invariants: the two ways give the same rows; where windows and chunks end
//! makes no difference; a batch closes exactly when it is full.

use super::{
    index::{Index, Separators},
    row::Row,
    run::Run,
    writer::RowWriter,
};
use crate::source::{
    BadRow, Decoded, SourceError,
    file::lines::{Chunk, RowDecoder, too_long},
};

/// Bytes that are indexed at once: they and their places stay in the first-level cache.
pub(super) const WINDOW: usize = 16 << 10;

/// Decodes one file's rows, or those of all files with the same header.
pub struct CsvDecoder {
    pub(super) index: Index,
    pub(super) separators: Separators,
    pub(super) writer: RowWriter,
}

impl RowDecoder for CsvDecoder {
    fn decode(&mut self, chunk: &Chunk<'_>, out: &mut Vec<Decoded>) -> Result<usize, SourceError> {
        // Text offsets are 32 bits wide.
        let len = chunk.bytes.len().min(i32::MAX as usize);
        let chunk = Chunk {
            bytes: chunk.bytes.get(..len).unwrap_or_default(),
            limit: chunk.limit.min(len),
            at_end: chunk.at_end && len == chunk.bytes.len(),
            ..*chunk
        };
        let mut pass = Pass { writer: &mut self.writer, chunk, at: 0, out };
        while pass.at < chunk.limit {
            let start = pass.at;
            let rest = chunk.bytes.get(start..).unwrap_or_default();
            let window = rest.get(..WINDOW).unwrap_or(rest);
            let stopped = self.index.scan(window, &self.separators);
            pass.indexed_rows(&self.index)?;
            // Next comes a row that the index cannot read, or one that does not end within the window.
            let odd = stopped || pass.at == start;
            if odd && pass.at < chunk.limit && !pass.odd_row()? {
                break;
            }
        }
        let Pass { at, writer, out, .. } = pass;
        if writer.len > 0 || !writer.rejected.is_empty() {
            out.push(writer.finish(chunk.name)?);
        }
        Ok(at)
    }
}

/// One chunk on its way through the decoder.
struct Pass<'a> {
    writer: &'a mut RowWriter,
    chunk: Chunk<'a>,
    /// Where the next row begins.
    at: usize,
    out: &'a mut Vec<Decoded>,
}

impl<'a> Pass<'a> {
    fn rest(&self) -> &'a [u8] {
        self.chunk.bytes.get(self.at..).unwrap_or_default()
    }

    /// Takes the indexed rows that begin before the limit.
    fn indexed_rows(&mut self, index: &Index) -> Result<(), SourceError> {
        let all = Run {
            bytes: self.rest(),
            base: self.at,
            places: index.places_from(0),
            quoted: index.has_quotes(),
            fields: self.writer.fields,
            rows: index.newlines(),
        };
        if self.writer.looks_at_each_row() || !all.is_regular(index.places()) {
            return self.mixed_rows(index, all);
        }
        let room = self.chunk.limit - self.at;
        let beyond = all.starts().rev().take_while(|start| *start >= room).count();
        self.run(all.rows(0, all.rows - beyond))
    }

    /// The same when not all rows are regular.
    fn mixed_rows<'r>(&mut self, index: &'r Index, all: Run<'r>) -> Result<(), SourceError> {
        let mut run = Run { rows: 0, ..all };
        // Entry of the place before the row, and where the row begins.
        let (mut first, mut start) = (0, 0);
        for (entry, place) in index.places().iter().enumerate().skip(1) {
            let end = *place as usize;
            if all.bytes.get(end) != Some(&b'\n') {
                continue;
            }
            if all.base + start >= self.chunk.limit {
                break;
            }
            let text = all.bytes.get(start..end).unwrap_or_default();
            if entry - first == all.fields && !self.writer.is_odd(text) {
                run.rows += 1;
            } else {
                self.run(run)?;
                self.odd_row()?;
                run = Run { places: index.places_from(entry), rows: 0, ..all };
            }
            (first, start) = (entry, end + 1);
        }
        self.run(run)
    }

    /// Takes a run of regular rows, batch by batch.
    fn run(&mut self, run: Run<'_>) -> Result<(), SourceError> {
        let mut taken = 0;
        while taken < run.rows {
            let rows = (run.rows - taken).min(self.writer.batch_rows - self.writer.len);
            self.part_of_batch(run.rows(taken, rows))?;
            taken += rows;
        }
        Ok(())
    }

    /// Takes a run of regular rows for which the batch has room.
    fn part_of_batch(&mut self, run: Run<'_>) -> Result<(), SourceError> {
        let bad = self.writer.push_run(&run, self.chunk.offset);
        if bad.is_empty() {
            self.at = run.end();
            return self.close_full_batch();
        }
        // Once more, around the bad rows.
        let mut next = 0;
        for row in bad {
            if row > next {
                self.part_of_batch(run.rows(next, row - next))?;
            }
            self.at = run.rows(row, 1).start();
            self.odd_row()?;
            next = row + 1;
        }
        if next < run.rows { self.part_of_batch(run.rows(next, run.rows - next)) } else { Ok(()) }
    }

    /// Reads the row at hand exactly. Answers false if it needs more bytes.
    fn odd_row(&mut self) -> Result<bool, SourceError> {
        let bytes = self.rest();
        let writer = &mut *self.writer;
        let (text_end, end, closed) = match writer.row.read(bytes, &writer.dialect, self.chunk.at_end) {
            Row::Incomplete => return Ok(false),
            Row::Nothing { end } => {
                self.at += end;
                return Ok(true);
            }
            Row::Fields { text_end, end, closed } => (text_end, end, closed),
        };
        let text = bytes.get(..text_end).unwrap_or_default();
        let offset = self.chunk.offset + self.at as u64;
        self.at += end;
        if text_end > writer.max_row_bytes {
            writer.rejected.push(too_long(offset, text, writer.max_row_bytes));
        } else if let Err(reason) = writer.push_row(bytes, offset, closed) {
            let raw = text.get(..BadRow::RAW_MAX).unwrap_or(text).to_vec();
            writer.rejected.push(BadRow { offset, reason, raw });
        }
        self.close_full_batch()?;
        Ok(true)
    }

    fn close_full_batch(&mut self) -> Result<(), SourceError> {
        if self.writer.len == self.writer.batch_rows {
            self.out.push(self.writer.finish(self.chunk.name)?);
        }
        Ok(())
    }
}
