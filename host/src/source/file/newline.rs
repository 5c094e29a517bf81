//! What the formats share whose rows end at every newline (JSON lines, text): where whole rows end, and how
//! the columns that a job wants become a batch.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array},
    datatypes::{Fields, Schema, SchemaRef},
};
use pelton_core::job::FILE_COLUMN;

use super::{lines::Chunk, output_field};
use crate::source::{BadRow, SourceError, metadata};

/// Bytes of the chunk's rows that begin before its limit and end within it.
pub fn whole_rows(chunk: &Chunk<'_>) -> usize {
    let bytes = chunk.bytes;
    // The newline of the row that holds the last byte before the limit.
    let last = chunk.limit.min(bytes.len()).saturating_sub(1);
    let tail = bytes.get(last..).unwrap_or_default();
    match memchr::memchr(b'\n', tail) {
        _ if chunk.limit == 0 => 0,
        Some(at) => last + at + 1,
        None if chunk.at_end => bytes.len(),
        None => memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1),
    }
}

/// Cuts the first row off, without its line end.
pub fn split_row(bytes: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'\n', bytes) {
        Some(at) => {
            let (row, rest) = bytes.split_at(at);
            (row, rest.get(1..).unwrap_or_default())
        }
        None => (bytes, &[]),
    }
}

/// A row without the carriage return that may stand before its newline.
pub fn strip_return(row: &[u8]) -> &[u8] {
    row.strip_suffix(b"\r").unwrap_or(row)
}

/// A bad row, with as much of it as is kept.
pub fn bad_row(offset: u64, row: &[u8], reason: String) -> BadRow {
    let raw = row.get(..BadRow::RAW_MAX).unwrap_or(row).to_vec();
    BadRow { offset, reason, raw }
}

/// The reason of a row with this defect in its encoding.
pub fn not_utf8(error: std::str::Utf8Error) -> String {
    format!("invalid UTF-8 at byte {} of the row", error.valid_up_to())
}

/// The columns that a job wants, in its order.
#[derive(Debug)]
pub struct Layout {
    schema: SchemaRef,
    slots: Vec<Slot>,
    data: Fields,
}

#[derive(Debug, Clone, Copy)]
enum Slot {
    /// The next of the decoded columns.
    Data,
    File,
    Offset,
}

impl Layout {
    /// `columns` are names of `all` or of metadata columns.
    pub fn new(all: &Schema, columns: &[String]) -> Result<Self, SourceError> {
        let (mut fields, mut slots, mut data) = (Vec::new(), Vec::new(), Vec::new());
        for name in columns {
            let field = output_field(all, name)?;
            slots.push(match (all.fields().find(name), name.as_str()) {
                (None, FILE_COLUMN) => Slot::File,
                (None, _) => Slot::Offset,
                (Some(_), _) => {
                    data.push(Arc::clone(&field));
                    Slot::Data
                }
            });
            fields.push(field);
        }
        Ok(Self { schema: Arc::new(Schema::new(fields)), slots, data: data.into() })
    }

    /// The columns to decode.
    pub fn data(&self) -> &Fields {
        &self.data
    }

    pub fn wants_offsets(&self) -> bool {
        self.slots.iter().any(|slot| matches!(slot, Slot::Offset))
    }

    /// A batch of decoded columns, all of `rows` values; `offsets` has as many if offsets are wanted.
    pub fn batch(&self, data: Vec<ArrayRef>, rows: usize, offsets: Vec<u64>, file: &str) -> RecordBatch {
        let mut data = data.into_iter();
        let mut offsets = Some(offsets);
        let columns = self.slots.iter().filter_map(|slot| match slot {
            Slot::Data => data.next(),
            Slot::File => Some(metadata::file_column(file, rows)),
            Slot::Offset => Some(Arc::new(UInt64Array::from(offsets.take().unwrap_or_default())) as ArrayRef),
        });
        let columns: Vec<_> = columns.inspect(|column| debug_assert_eq!(column.len(), rows)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .expect("columns are made by their fields' types and end together")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &str, limit: usize, at_end: bool) -> usize {
        whole_rows(&Chunk { bytes: bytes.as_bytes(), offset: 0, limit, at_end, name: &Arc::from("x") })
    }

    #[test]
    fn a_row_belongs_to_the_chunk_that_it_begins_in() {
        assert_eq!(whole("a\nb\nc\n", 6, false), 6);
        assert_eq!(whole("a\nb\nc\n", 2, false), 2); // the next row begins at the limit
        assert_eq!(whole("a\nb\nc\n", 3, false), 4);
        assert_eq!(whole("a\nb\nc\n", 0, true), 0);
        assert_eq!(whole("a\nb\nc", 5, false), 4);
        assert_eq!(whole("a\nb\nc", 5, true), 5);
        assert_eq!(whole("a\nb\nc", 3, true), 4);
        assert_eq!(whole("abc", 2, false), 0);
        assert_eq!(whole("", 0, true), 0);
    }
}
