//! Which parts of a record batch's body belong to which columns.
//!
//! Follows the format: a column's buffers come in a fixed number and order for its type, children after their parent.

use arrow::{
    datatypes::{DataType, Field, Schema, UnionMode},
    ipc::{MetadataVersion, RecordBatch as BatchHeader},
};

/// Parts of the body (offset and length) that hold the columns at `positions`, which ascend; merged and ascending.
pub fn spans(
    batch: &BatchHeader<'_>,
    schema: &Schema,
    positions: &[usize],
    version: MetadataVersion,
) -> Result<Vec<(u64, u64)>, String> {
    let mut buffers = batch.buffers().into_iter().flatten();
    let mut variadic = batch.variadicBufferCounts().into_iter().flatten();
    let mut spans = Vec::new();
    for (position, field) in schema.fields().iter().enumerate() {
        let count = buffers_of(field, &mut variadic, version)?;
        let own = buffers.by_ref().take(count);
        let wanted = positions.binary_search(&position).is_ok();
        // Negative numbers were refused when the header was checked.
        spans.extend(
            own.filter(|buffer| wanted && buffer.length() > 0)
                .map(|buffer| (buffer.offset().unsigned_abs(), buffer.length().unsigned_abs())),
        );
    }
    Ok(merge(spans))
}

/// Buffers of a column and its children. `variadic` gives the counts of those whose type does not say it.
fn buffers_of(
    field: &Field,
    variadic: &mut impl Iterator<Item = i64>,
    version: MetadataVersion,
) -> Result<usize, String> {
    let mut children = 0;
    let mut add = |child: &Field| buffers_of(child, variadic, version).map(|count| children += count);
    let own = match field.data_type() {
        DataType::Null => 0,
        DataType::Utf8 | DataType::Binary | DataType::LargeUtf8 | DataType::LargeBinary => 3,
        DataType::Utf8View | DataType::BinaryView => {
            let data = variadic.next().and_then(|count| usize::try_from(count).ok());
            2 + data.ok_or_else(|| format!("column `{}` has no number of buffers", field.name()))?
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::Map(item, _) => {
            add(item)?;
            2
        }
        DataType::ListView(item) | DataType::LargeListView(item) => {
            add(item)?;
            3
        }
        DataType::FixedSizeList(item, _) => {
            add(item)?;
            1
        }
        DataType::Struct(fields) => {
            fields.iter().try_for_each(|field| add(field))?;
            1
        }
        DataType::RunEndEncoded(ends, values) => {
            add(ends)?;
            add(values)?;
            0
        }
        DataType::Union(fields, mode) => {
            fields.iter().try_for_each(|(_, field)| add(field))?;
            let validity = usize::from(version < MetadataVersion::V5);
            validity + if *mode == UnionMode::Dense { 2 } else { 1 }
        }
        _ => 2,
    };
    Ok(own + children)
}

/// Joins spans that overlap or nearly touch, so that no byte is read twice.
fn merge(mut spans: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    /// Reading this much too much costs less than another read.
    const GAP: u64 = 4096;
    spans.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::with_capacity(spans.len());
    for (start, length) in spans {
        match merged.last_mut() {
            Some((last, reach)) if start <= *last + *reach + GAP => *reach = (*reach).max(start + length - *last),
            _ => merged.push((start, length)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_merged_across_small_gaps() {
        assert_eq!(merge(vec![(20_000, 5), (0, 100), (50, 100), (200, 10)]), [(0, 210), (20_000, 5)]);
        assert_eq!(merge(Vec::new()), []);
    }
}
