//! Arrow arrays to the contract's nodes: the buffers that a guest is handed.
//!
//! Buffers are borrowed wherever the array starts at a byte of its own; a slice that does not (an odd bit, offsets that
//! do not begin at 0) is rebased into a buffer made for the call.

use std::borrow::Cow;

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, GenericByteArray, GenericListArray, OffsetSizeTrait},
    buffer::{BooleanBuffer, NullBuffer, OffsetBuffer},
    datatypes::{ByteArrayType, DataType},
    downcast_primitive_array,
};

/// One array's buffers, in the contract's order.
pub(crate) struct LoweredNode<'a> {
    pub(crate) rows: u32,
    pub(crate) buffers: Vec<Cow<'a, [u8]>>,
}

/// Adds `array` and its children in pre-order.
pub(crate) fn lower<'a>(array: &'a ArrayRef, out: &mut Vec<LoweredNode<'a>>) {
    let array: &'a dyn Array = array.as_ref();
    let mut buffers = vec![validity(array.nulls())];
    let mut children: Vec<&'a ArrayRef> = Vec::new();
    let mut owned: Option<ArrayRef> = None;
    downcast_primitive_array!(
        array => buffers.push(Cow::Borrowed(array.values().inner().as_slice())),
        DataType::Boolean => buffers.push(booleans(array.as_boolean())),
        DataType::Utf8 => bytes(array.as_string::<i32>(), &mut buffers),
        DataType::LargeUtf8 => bytes(array.as_string::<i64>(), &mut buffers),
        DataType::Binary => bytes(array.as_binary::<i32>(), &mut buffers),
        DataType::LargeBinary => bytes(array.as_binary::<i64>(), &mut buffers),
        DataType::List(_) => owned = list(array.as_list::<i32>(), &mut buffers),
        DataType::LargeList(_) => owned = list(array.as_list::<i64>(), &mut buffers),
        DataType::Struct(_) => children.extend(array.as_struct().columns()),
        other => unreachable!("the planner lets only types cross that `types::crosses` names, not {other}")
    );
    out.push(LoweredNode { rows: u32::try_from(array.len()).unwrap_or(u32::MAX), buffers });
    for child in children {
        lower(child, out);
    }
    if let Some(child) = owned {
        let mut nodes = Vec::new();
        lower(&child, &mut nodes);
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
fn list<'a, O: OffsetSizeTrait>(array: &'a GenericListArray<O>, buffers: &mut Vec<Cow<'a, [u8]>>) -> Option<ArrayRef> {
    let (offsets, range) = rebased(array.offsets());
    buffers.push(offsets);
    Some(array.values().slice(range.start, range.len()))
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
