//! Arrow arrays to the contract's nodes: the buffers that a guest is handed.
//!
//! Called for every table that goes into a call. Buffers are borrowed wherever the array starts at a byte of its own; a slice that does not (an odd bit, offsets that
//! do not begin at 0) is rebased into a buffer made for the call.

use std::borrow::Cow;

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, GenericByteArray, GenericListArray, OffsetSizeTrait},
    buffer::{BooleanBuffer, NullBuffer, OffsetBuffer},
    datatypes::{ByteArrayType, DataType},
    downcast_primitive_array,
};

use crate::bindings::pelton::operator::types as wit;

/// Columns of `rows` rows each, on their way into a call.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'a> {
    pub(crate) rows: usize,
    pub(crate) columns: &'a [ArrayRef],
}

/// Lowers `tables` for the time that `run` takes: everything is borrowed, down to the arrays' own buffers.
pub(crate) fn with_tables<const N: usize, R>(
    tables: [Columns<'_>; N],
    run: impl FnOnce([wit::TableParam<'_>; N]) -> R,
) -> R {
    with_table_list(&tables, |tables| run(tables.try_into().unwrap_or_else(|_| unreachable!("as many as went in"))))
}

/// Lowers as many tables as there are.
pub(crate) fn with_table_list<R>(tables: &[Columns<'_>], run: impl FnOnce(Vec<wit::TableParam<'_>>) -> R) -> R {
    let lowered: Vec<_> = tables.iter().map(|table| (table.rows, lower_all(table.columns))).collect();
    let borrowed: Vec<_> = lowered
        .iter()
        .map(|(rows, nodes)| (*rows, nodes.iter().map(LoweredNode::borrowed).collect::<Vec<_>>()))
        .collect();
    let params: Vec<_> = borrowed
        .iter()
        .map(|(rows, nodes)| {
            let nodes = nodes.iter().map(|(rows, buffers)| wit::NodeParam { rows: *rows, buffers });
            (*rows, nodes.collect::<Vec<_>>())
        })
        .collect();
    let tables = params.iter().map(|(rows, nodes)| wit::TableParam { rows: wire_rows(*rows), nodes });
    run(tables.collect())
}

/// A table that answers an import: its buffers copied, or an error when they are more than `bytes_max`.
pub(crate) fn to_owned(rows: usize, columns: &[ArrayRef], bytes_max: u64) -> Result<wit::TableResult, TooLarge> {
    let nodes = lower_all(columns);
    let bytes: usize = nodes.iter().flat_map(|node| &node.buffers).map(|buffer| buffer.len()).sum();
    if bytes as u64 > bytes_max {
        return Err(TooLarge);
    }
    let nodes = nodes.into_iter().map(|node| wit::NodeResult {
        rows: node.rows,
        buffers: node.buffers.into_iter().map(Cow::into_owned).collect(),
    });
    Ok(wit::TableResult { rows: wire_rows(rows), nodes: nodes.collect() })
}

/// More bytes than may cross.
#[derive(Debug)]
pub(crate) struct TooLarge;

fn wire_rows(rows: usize) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}

fn lower_all(columns: &[ArrayRef]) -> Vec<LoweredNode<'_>> {
    let mut nodes = Vec::with_capacity(columns.len());
    columns.iter().for_each(|column| lower(column, &mut nodes));
    nodes
}

/// One array's buffers, in the contract's order.
struct LoweredNode<'a> {
    rows: u32,
    buffers: Vec<Cow<'a, [u8]>>,
}

impl LoweredNode<'_> {
    fn borrowed(&self) -> (u32, Vec<&[u8]>) {
        (self.rows, self.buffers.iter().map(Cow::as_ref).collect())
    }
}

/// Adds a column and its children in pre-order.
fn lower<'a>(column: &'a ArrayRef, out: &mut Vec<LoweredNode<'a>>) {
    lower_as(column, true, out);
}

/// A child that is not `nullable` may be marked null where its parent is null. A module that gives it back as it came
/// must not break the law that it has no nulls, so the marks do not cross.
fn lower_as<'a>(array: &'a ArrayRef, nullable: bool, out: &mut Vec<LoweredNode<'a>>) {
    let array: &'a dyn Array = array.as_ref();
    let mut buffers = vec![validity(array.nulls().filter(|_| nullable))];
    let mut children: Vec<(&'a ArrayRef, bool)> = Vec::new();
    let mut owned: Option<(ArrayRef, bool)> = None;
    downcast_primitive_array!(
        array => buffers.push(Cow::Borrowed(array.values().inner().as_slice())),
        DataType::Boolean => buffers.push(booleans(array.as_boolean())),
        DataType::Utf8 => bytes(array.as_string::<i32>(), &mut buffers),
        DataType::LargeUtf8 => bytes(array.as_string::<i64>(), &mut buffers),
        DataType::Binary => bytes(array.as_binary::<i32>(), &mut buffers),
        DataType::LargeBinary => bytes(array.as_binary::<i64>(), &mut buffers),
        DataType::List(item) => owned = Some((list(array.as_list::<i32>(), &mut buffers), item.is_nullable())),
        DataType::LargeList(item) => owned = Some((list(array.as_list::<i64>(), &mut buffers), item.is_nullable())),
        DataType::Struct(fields) => {
            let nullable = fields.iter().map(|field| field.is_nullable());
            children.extend(array.as_struct().columns().iter().zip(nullable));
        }
        other => unreachable!("the planner lets only types cross that `types::crosses` names, not {other}")
    );
    out.push(LoweredNode { rows: wire_rows(array.len()), buffers });
    for (child, nullable) in children {
        lower_as(child, nullable, out);
    }
    if let Some((items, nullable)) = owned {
        let mut nodes = Vec::new();
        lower_as(&items, nullable, &mut nodes);
        out.extend(nodes.into_iter().map(|node| LoweredNode {
            rows: node.rows,
            buffers: node.buffers.into_iter().map(|buffer| Cow::Owned(buffer.into_owned())).collect(),
        }));
    }
}

fn validity(nulls: Option<&NullBuffer>) -> Cow<'_, [u8]> {
    match nulls {
        Some(nulls) if nulls.null_count() > 0 => bits(nulls.inner()),
        _ => Cow::Borrowed(&[]),
    }
}

fn booleans(array: &BooleanArray) -> Cow<'_, [u8]> {
    bits(array.values())
}

fn bits(bits: &BooleanBuffer) -> Cow<'_, [u8]> {
    let bytes = bits.len().div_ceil(8);
    if bits.offset().is_multiple_of(8) {
        let start = bits.offset() / 8;
        Cow::Borrowed(bits.values().get(start..start + bytes).unwrap_or_default())
    } else {
        Cow::Owned(bits.sliced().as_slice().get(..bytes).unwrap_or_default().to_vec())
    }
}

fn bytes<'a, T: ByteArrayType>(array: &'a GenericByteArray<T>, buffers: &mut Vec<Cow<'a, [u8]>>) {
    let (offsets, range) = rebased(array.offsets());
    buffers.push(offsets);
    buffers.push(Cow::Borrowed(array.values().as_slice().get(range).unwrap_or_default()));
}

/// A list's offsets; its child cut to the part that they span.
fn list<'a, O: OffsetSizeTrait>(array: &'a GenericListArray<O>, buffers: &mut Vec<Cow<'a, [u8]>>) -> ArrayRef {
    let (offsets, range) = rebased(array.offsets());
    buffers.push(offsets);
    array.values().slice(range.start, range.len())
}

/// Offsets that begin at 0, and the part of the values that they span.
fn rebased<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>) -> (Cow<'_, [u8]>, std::ops::Range<usize>) {
    let first = offsets.first();
    let last = offsets.last();
    let range = first.as_usize()..last.as_usize();
    if first == O::zero() {
        return (Cow::Borrowed(offsets.inner().inner().as_slice()), range);
    }
    let moved: Vec<O> = offsets.iter().map(|offset| *offset - first).collect();
    (Cow::Owned(arrow::buffer::Buffer::from_vec(moved).as_slice().to_vec()), range)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{Int64Array, StructArray},
        datatypes::{Field, Fields},
    };

    use super::*;

    #[test]
    fn what_a_null_struct_hides_does_not_cross_as_null() {
        let nulls = NullBuffer::from(vec![true, false]);
        let hidden: ArrayRef = Arc::new(Int64Array::new(vec![1, 2].into(), Some(nulls.clone())));
        let fields =
            [false, true].map(|nullable| Field::new(if nullable { "b" } else { "a" }, DataType::Int64, nullable));
        let array: ArrayRef =
            Arc::new(StructArray::new(Fields::from_iter(fields), vec![hidden.clone(), hidden], Some(nulls)));
        let mut nodes = Vec::new();
        lower(&array, &mut nodes);
        let validity: Vec<&[u8]> = nodes.iter().filter_map(|node| node.buffers.first()).map(Cow::as_ref).collect();
        assert_eq!(validity, [&[0b01_u8][..], &[], &[0b01]], "the struct, `a` and `b`");
    }
}
