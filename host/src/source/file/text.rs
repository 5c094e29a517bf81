//! Text: every line is a row of one column, `line` unless the schema names it otherwise, of utf8 or binary.
//!
//! Called with chunks by the range decoders. A line ends at a newline; a carriage return before it belongs to the line
//! end. Empty lines are rows. A line of utf8 that is not valid is put aside; binary takes every line.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{ArrayRef, BinaryArray, StringArray},
    buffer::{OffsetBuffer, ScalarBuffer},
    datatypes::{DataType, Field, Schema},
};
use pelton_core::types;

use super::{
    lines::{Chunk, RowDecoder, too_long},
    newline::{self, Layout},
};
use crate::source::{BadRow, Decoded, SourceError};

/// The schema of text without a declared one.
pub fn schema() -> Schema {
    Schema::new(vec![Field::new("line", DataType::Utf8, false)])
}

/// Decodes lines.
pub struct TextDecoder {
    layout: Layout,
    kind: Kind,
    batch_rows: usize,
    max_row_bytes: usize,
    bytes: Vec<u8>,
    ends: Vec<i32>,
    offsets: Vec<u64>,
    rejected: Vec<BadRow>,
}

/// What is made of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Utf8,
    Binary,
    /// The job does not read the line.
    Nothing,
}

impl TextDecoder {
    /// A decoder of the one column of a checked schema, or metadata columns, in this order.
    pub fn new(
        schema: &Schema,
        columns: &[String],
        batch_rows: usize,
        max_row_bytes: usize,
    ) -> Result<Self, SourceError> {
        let layout = Layout::new(schema, columns)?;
        let kind = match layout.data().first().map(|field| field.data_type()) {
            None => Kind::Nothing,
            Some(DataType::Binary) => Kind::Binary,
            Some(_) => Kind::Utf8,
        };
        Ok(Self {
            layout,
            kind,
            batch_rows: batch_rows.max(1),
            max_row_bytes,
            bytes: Vec::new(),
            ends: vec![0],
            offsets: Vec::new(),
            rejected: Vec::new(),
        })
    }

    /// Decodes whole lines. `valid` says that they are UTF-8.
    fn decode_lines(&mut self, bytes: &[u8], offset: u64, valid: bool, file: &str, out: &mut Vec<Decoded>) {
        let wants_offsets = self.layout.wants_offsets();
        let check = self.kind == Kind::Utf8 && !valid;
        for Range { start, end } in lines(bytes) {
            let line = newline::strip_return(bytes.get(start..end).unwrap_or_default());
            let offset = offset + start as u64;
            if line.len() > self.max_row_bytes {
                self.rejected.push(too_long(offset, line, self.max_row_bytes));
                continue;
            }
            if check && let Err(error) = std::str::from_utf8(line) {
                self.reject(offset, line, newline::not_utf8(error));
                continue;
            }
            if self.kind != Kind::Nothing {
                self.bytes.extend_from_slice(line);
            }
            let Ok(end) = i32::try_from(self.bytes.len()) else {
                self.bytes.truncate(self.ends.last().map_or(0, |end| *end as usize));
                self.reject(offset, line, "the batch has no room for the line: it would pass 2 GiB".to_owned());
                continue;
            };
            self.ends.push(end);
            if wants_offsets {
                self.offsets.push(offset);
            }
            if self.ends.len() > self.batch_rows {
                self.flush(file, out);
            }
        }
        self.flush(file, out);
    }

    #[cold]
    fn reject(&mut self, offset: u64, line: &[u8], reason: String) {
        self.rejected.push(newline::bad_row(offset, line, reason));
    }

    fn flush(&mut self, file: &str, out: &mut Vec<Decoded>) {
        let rows = self.ends.len() - 1;
        let rejected = std::mem::take(&mut self.rejected);
        if rows == 0 && rejected.is_empty() {
            return;
        }
        let bytes = take(&mut self.bytes);
        let ends = take(&mut self.ends);
        self.ends.push(0);
        let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
        let data: Vec<ArrayRef> = match self.kind {
            Kind::Utf8 => {
                let array = StringArray::try_new(ends, bytes.into(), None).expect("each line was checked to be UTF-8");
                vec![Arc::new(array)]
            }
            Kind::Binary => vec![Arc::new(BinaryArray::new(ends, bytes.into(), None))],
            Kind::Nothing => Vec::new(),
        };
        let rows = self.layout.batch(data, rows, take(&mut self.offsets), file);
        out.push(Decoded { rows, rejected });
    }
}

impl RowDecoder for TextDecoder {
    fn decode(&mut self, chunk: &Chunk<'_>, out: &mut Vec<Decoded>) -> Result<usize, SourceError> {
        let taken = newline::whole_rows(chunk);
        let bytes = chunk.bytes.get(..taken).unwrap_or_default();
        let valid = self.kind == Kind::Utf8 && simdutf8::basic::from_utf8(bytes).is_ok();
        self.decode_lines(bytes, chunk.offset, valid, chunk.name, out);
        Ok(taken)
    }
}

/// Whether lines can fill the columns of `schema`; the reason if they cannot.
pub fn check(schema: &Schema) -> Result<(), String> {
    match schema.fields().as_ref() {
        [field] if matches!(field.data_type(), DataType::Utf8 | DataType::Binary) => Ok(()),
        [field] => Err(format!("a line is utf8 or binary, not {}", types::name(field.data_type()))),
        fields => Err(format!("text has one column, not {}", fields.len())),
    }
}

/// The places of all lines, without their newlines.
fn lines(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let last = (!bytes.is_empty() && !bytes.ends_with(b"\n")).then_some(bytes.len());
    let mut start = 0;
    memchr::memchr_iter(b'\n', bytes).chain(last).map(move |end| std::mem::replace(&mut start, end + 1)..end)
}

/// Takes a vector and leaves an empty one of the same size: the next batch will be like this one.
fn take<T>(values: &mut Vec<T>) -> Vec<T> {
    let next = Vec::with_capacity(values.len());
    std::mem::replace(values, next)
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, RecordBatch};

    use super::*;

    fn decode(input: &[u8], schema: &Schema, columns: &[&str], max_row_bytes: usize) -> Vec<Decoded> {
        let columns: Vec<_> = columns.iter().map(|name| (*name).to_owned()).collect();
        let mut decoder = TextDecoder::new(schema, &columns, 3, max_row_bytes).expect("a text schema");
        let name = Arc::from("log.txt");
        let chunk = Chunk { bytes: input, offset: 100, limit: input.len(), at_end: true, name: &name };
        let mut out = Vec::new();
        assert_eq!(decoder.decode(&chunk, &mut out).expect("text"), input.len());
        out
    }

    fn texts(batches: &[Decoded]) -> Vec<String> {
        let column = |rows: &RecordBatch| -> Vec<String> {
            rows.column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect()
        };
        batches.iter().flat_map(|batch| column(&batch.rows)).collect()
    }

    #[test]
    fn lines_end_at_newlines_and_carriage_returns_before_them() {
        let out = decode(b"a\r\n\n\xc3\xa9b\rc\nlast", &schema(), &["line"], 100);
        assert_eq!(texts(&out), ["a", "", "éb\rc", "last"]);
        assert_eq!(out.iter().map(|batch| batch.rows.num_rows()).collect::<Vec<_>>(), [3, 1]);
    }

    #[test]
    fn a_bad_line_costs_no_other() {
        // Two halves of one character would be valid end to end.
        let out = decode(b"one\nx\xc3\n\xa9y\ntwo\nlonger\n", &schema(), &["line"], 5);
        assert_eq!(texts(&out), ["one", "two"]);
        let rejected: Vec<_> = out.iter().flat_map(|batch| &batch.rejected).collect();
        assert_eq!(rejected.iter().map(|row| row.offset).collect::<Vec<_>>(), [104, 107, 114]);
        assert_eq!(rejected[0].raw, b"x\xc3");
        assert_eq!(rejected[0].reason, "invalid UTF-8 at byte 1 of the row");
        assert_eq!(rejected[2].reason, "the row is longer than 5 bytes (`max-row-bytes`)");
    }

    #[test]
    fn a_declared_column_may_be_binary_and_of_another_name() {
        let schema = Schema::new(vec![Field::new("raw", DataType::Binary, false)]);
        let out = decode(b"\xff\r\n", &schema, &["_offset", "raw", "_file"], 100);
        assert_eq!(out[0].rows.column(0).as_primitive::<arrow::datatypes::UInt64Type>().value(0), 100);
        assert_eq!(out[0].rows.column(1).as_binary::<i32>().value(0), b"\xff");
        assert_eq!(out[0].rows.column(2).as_string::<i32>().value(0), "log.txt");
        let two = Schema::new(vec![Field::new("a", DataType::Utf8, false), Field::new("b", DataType::Utf8, false)]);
        assert!(check(&schema).is_ok());
        assert!(check(&two).is_err());
        assert!(check(&Schema::new(vec![Field::new("a", DataType::Int64, false)])).is_err());
    }

    #[test]
    fn rows_are_counted_when_no_column_is_read() {
        let out = decode(b"a\nb\n\xff\n", &schema(), &[], 100);
        assert_eq!(out[0].rows.num_rows(), 3);
    }
}
