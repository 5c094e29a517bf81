//! The metadata columns `_file` and `_offset`, the same for every source.
//!
//! Sources offer them in [`Source::metadata`](super::Source::metadata) and build them only when asked for.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, StringArray, UInt64Array},
    datatypes::{DataType, Field},
};
use pelton_core::job::{FILE_COLUMN, OFFSET_COLUMN};

/// `_file`: the name of the file that the row came from.
pub fn file_field() -> Field {
    Field::new(FILE_COLUMN, DataType::Utf8, false)
}

/// `_offset`: where the row is in its input: a byte offset in formats of rows, a row number in the others.
pub fn offset_field() -> Field {
    Field::new(OFFSET_COLUMN, DataType::UInt64, false)
}

/// `_file` for `rows` rows of one file.
pub fn file_column(name: &str, rows: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(name, rows)))
}

/// `_offset` for rows `first..first + rows` of an input that counts its rows.
pub fn row_number_column(first: u64, rows: usize) -> ArrayRef {
    let end = first.saturating_add(rows as u64);
    Arc::new(UInt64Array::from_iter_values(first..end))
}
