//! JSON lines: one object a row, its members by column name.
//!
//! One pass over the bytes, from tokens straight into the columns that the job reads; members that it does not read are
//! checked for their grammar and passed over. A bad row is taken back from all columns and put aside.
//!
//! ```text
//!  scan      tokens, grammar            number string time list object    one kind of value each
//!  column    growing, can take back     fault                             why a row is bad
//!  infer     columns from a sample
//! ```
//!
//! Empty lines are no rows. Of two members with one key the last counts; members without a column are ignored; a
//! missing member is null.

mod column;
mod fault;
mod infer;
mod list;
mod number;
mod object;
mod scan;
mod string;
mod time;

use arrow::datatypes::Schema;
use pelton_core::job::JsonOptions;

pub use self::infer::infer;
use self::{object::Object, scan::Scanner};
use super::{
    lines::{Chunk, RowDecoder, too_long},
    newline::{self, Layout},
};
use crate::source::{BadRow, Decoded, SourceError};

/// Whether JSON can be read as every column's type; the reason if it cannot.
pub fn check(schema: &Schema, options: &JsonOptions) -> Result<(), String> {
    Object::new(schema.fields().clone(), options).map(|_| ())
}

/// Decodes JSON lines.
pub struct JsonDecoder {
    layout: Layout,
    object: Object,
    batch_rows: usize,
    max_row_bytes: usize,
    rows: usize,
    offsets: Vec<u64>,
    wants_offsets: bool,
    rejected: Vec<BadRow>,
}

impl JsonDecoder {
    /// A decoder of these columns of `schema`, or metadata columns, in this order.
    pub fn new(
        schema: &Schema,
        columns: &[String],
        options: &JsonOptions,
        batch_rows: usize,
        max_row_bytes: usize,
    ) -> Result<Self, SourceError> {
        let layout = Layout::new(schema, columns)?;
        let object = Object::new(layout.data().clone(), options)
            .map_err(|reason| SourceError::Schema { file: "json".to_owned(), reason })?;
        let wants_offsets = layout.wants_offsets();
        Ok(Self {
            layout,
            object,
            batch_rows: batch_rows.max(1),
            max_row_bytes,
            rows: 0,
            offsets: Vec::new(),
            wants_offsets,
            rejected: Vec::new(),
        })
    }

    /// Decodes rows that are valid UTF-8.
    fn decode_valid(&mut self, bytes: &[u8], offset: u64, file: &str, out: &mut Vec<Decoded>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = self.decode_row(rest, offset + (bytes.len() - rest.len()) as u64);
            if self.rows == self.batch_rows {
                self.flush(file, out);
            }
        }
    }

    /// Decodes the first row of `bytes`; answers what follows it.
    #[inline]
    fn decode_row<'a>(&mut self, bytes: &'a [u8], offset: u64) -> &'a [u8] {
        let mut scanner = Scanner::new(bytes);
        scanner.skip_blank();
        if let [] | [b'\n', ..] = scanner.rest() {
            return scanner.rest().get(1..).unwrap_or_default();
        }
        let result = self.object.read(&mut scanner, self.rows);
        if result.is_ok() {
            scanner.skip_blank();
            let rest = scanner.rest();
            if let [] | [b'\n', ..] = rest
                && self.is_short(bytes, bytes.len() - rest.len())
            {
                self.rows += 1;
                if self.wants_offsets {
                    self.offsets.push(offset);
                }
                return rest.get(1..).unwrap_or_default();
            }
        }
        self.reject_row(
            bytes,
            offset,
            result.err().map(|problem| (problem, bytes.len() - scanner.rest().len())),
            scanner,
        )
    }

    /// Whether the first `length` bytes, without a carriage return at their end, are not too many for a row.
    fn is_short(&self, bytes: &[u8], length: usize) -> bool {
        length <= self.max_row_bytes
            || newline::strip_return(bytes.get(..length).unwrap_or_default()).len() <= self.max_row_bytes
    }

    /// Puts the first row aside, with its problem and where that was met; without one, something follows the object
    /// or the row is too long.
    #[cold]
    fn reject_row<'a>(
        &mut self,
        bytes: &'a [u8],
        offset: u64,
        problem: Option<(fault::Problem, usize)>,
        scanner: Scanner<'_>,
    ) -> &'a [u8] {
        self.object.truncate(self.rows);
        let (row, rest) = newline::split_row(bytes);
        let row = newline::strip_return(row);
        self.rejected.push(match problem {
            _ if row.len() > self.max_row_bytes => too_long(offset, row, self.max_row_bytes),
            Some((problem, at)) => newline::bad_row(offset, row, problem.reason(row, at)),
            None => {
                let at = bytes.len() - scanner.rest().len();
                newline::bad_row(offset, row, fault::Problem::Syntax("the row's end").reason(row, at))
            }
        });
        rest
    }

    fn flush(&mut self, file: &str, out: &mut Vec<Decoded>) {
        let rows = std::mem::take(&mut self.rows);
        let rejected = std::mem::take(&mut self.rejected);
        if rows > 0 || !rejected.is_empty() {
            let offsets = column::take(&mut self.offsets);
            let rows = self.layout.batch(self.object.finish(), rows, offsets, file);
            out.push(Decoded { rows, rejected });
        }
    }
}

impl RowDecoder for JsonDecoder {
    fn decode(&mut self, chunk: &Chunk<'_>, out: &mut Vec<Decoded>) -> Result<usize, SourceError> {
        let taken = newline::whole_rows(chunk);
        let bytes = chunk.bytes.get(..taken).unwrap_or_default();
        if simdutf8::basic::from_utf8(bytes).is_ok() {
            self.decode_valid(bytes, chunk.offset, chunk.name, out);
        } else {
            self.decode_mixed(bytes, chunk.offset, chunk.name, out);
        }
        self.flush(chunk.name, out);
        Ok(taken)
    }
}

impl JsonDecoder {
    /// Decodes rows of which some are not valid UTF-8, one by one.
    #[cold]
    fn decode_mixed(&mut self, bytes: &[u8], offset: u64, file: &str, out: &mut Vec<Decoded>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let offset = offset + (bytes.len() - rest.len()) as u64;
            let (row, next) = newline::split_row(rest);
            let row = newline::strip_return(row);
            match std::str::from_utf8(row) {
                _ if row.len() > self.max_row_bytes => self.rejected.push(too_long(offset, row, self.max_row_bytes)),
                Ok(_) => self.decode_valid(row, offset, file, out),
                Err(error) => self.rejected.push(newline::bad_row(offset, row, newline::not_utf8(error))),
            }
            rest = next;
        }
    }
}

#[cfg(test)]
mod tests;
