//! The size of a row of state, which the limit `state-row-bytes` bounds.
//!
//! Called with every change that a keyed operator asks for. Most tables are cleared by a bound that costs one pass over
//! offsets; single rows are measured only when that bound is too large.

use std::ops::Range;

use arrow::{
    array::{Array, ArrayRef, AsArray, GenericListArray, OffsetSizeTrait},
    buffer::OffsetBuffer,
    datatypes::DataType,
};

/// The bytes of a row that has more than `max`, if there is one.
pub(crate) fn larger_than(max: u64, rows: usize, columns: &[ArrayRef]) -> Option<u64> {
    let bound: usize = columns.iter().map(widest).sum();
    if bound as u64 <= max {
        return None;
    }
    (0..rows)
        .map(|row| columns.iter().map(|column| bytes(&column.slice(row, 1)) as u64).sum())
        .find(|bytes| *bytes > max)
}

/// No value of the column is wider than this.
fn widest(column: &ArrayRef) -> usize {
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().offsets().lengths().max().unwrap_or(0),
        DataType::LargeUtf8 => column.as_string::<i64>().offsets().lengths().max().unwrap_or(0),
        DataType::Binary => column.as_binary::<i32>().offsets().lengths().max().unwrap_or(0),
        DataType::LargeBinary => column.as_binary::<i64>().offsets().lengths().max().unwrap_or(0),
        other => other.primitive_width().unwrap_or_else(|| bytes(column)),
    }
}

/// Bytes of all values of an array, without bitmaps and offsets.
fn bytes(array: &ArrayRef) -> usize {
    match array.data_type() {
        DataType::Boolean => array.len(),
        DataType::Utf8 => range(array.as_string::<i32>().offsets()).len(),
        DataType::LargeUtf8 => range(array.as_string::<i64>().offsets()).len(),
        DataType::Binary => range(array.as_binary::<i32>().offsets()).len(),
        DataType::LargeBinary => range(array.as_binary::<i64>().offsets()).len(),
        DataType::List(_) => items(array.as_list::<i32>()),
        DataType::LargeList(_) => items(array.as_list::<i64>()),
        DataType::Struct(_) => array.as_struct().columns().iter().map(bytes).sum(),
        other => array.len().saturating_mul(other.primitive_width().unwrap_or(0)),
    }
}

fn items<O: OffsetSizeTrait>(array: &GenericListArray<O>) -> usize {
    let range = range(array.offsets());
    bytes(&array.values().slice(range.start, range.len()))
}

/// What the offsets span of the values.
fn range<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>) -> Range<usize> {
    offsets.first().as_usize()..offsets.last().as_usize()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{BinaryArray, BooleanArray, Int64Array, ListArray, StringArray},
        datatypes::Int64Type,
    };

    use super::*;

    #[test]
    fn rows_are_measured_over_all_columns() {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![1, 2, 3])),
            Arc::new(StringArray::from(vec!["four", "", "four"])),
            Arc::new(BinaryArray::from(vec![Some(&b"12"[..]), None, Some(b"123")])),
        ];
        assert_eq!(larger_than(15, 3, &columns), None);
        assert_eq!(larger_than(14, 3, &columns), Some(15));
        assert_eq!(larger_than(13, 3, &columns), Some(14), "the first that is too large is told");
        assert_eq!(larger_than(0, 0, &[]), None);
    }

    #[test]
    fn a_wide_column_of_narrow_rows_passes() {
        let texts: Vec<String> = (0..1_000).map(|at| "x".repeat(at % 10)).collect();
        let lists = (0..1_000).map(|at| Some(vec![Some(at); 2]));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(texts)),
            Arc::new(BooleanArray::from(vec![true; 1_000])),
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
        ];
        assert_eq!(larger_than(26, 1_000, &columns), None);
        assert_eq!(larger_than(25, 1_000, &columns), Some(26), "9 of text, 1 of bool, 16 of list");
    }
}
