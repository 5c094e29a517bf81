//! The yardsticks: the Rust guest's loops called natively, and the bytes of a call moved by memcpy alone.

use arrow::buffer::Buffer;
use pelton_boundary_kernels::{self as kernels, Combined};

use crate::batch::{Answer, Batch, Shape, no_nulls};

/// The answer by the same loops without any boundary, in fresh buffers of the host's allocator.
pub fn call(shape: Shape, batch: &Batch) -> Answer {
    let column = |values: Vec<[u8; 8]>| vec![no_nulls(), Buffer::from_vec(values.into_flattened())];
    let origin = |origin: Vec<[u8; 4]>| Some(Buffer::from_vec(origin.into_flattened()));
    match shape {
        Shape::Keep10 | Shape::Keep90 => {
            let (rows, euro) = kernels::filter(lanes(batch, 0), shape.above());
            Answer { origin: origin(rows), columns: vec![column(euro)] }
        }
        Shape::Add => {
            let columns = (0..batch.columns.len()).zip(1..);
            Answer::computed(columns.map(|(index, by)| column(kernels::add(lanes(batch, index), by))).collect())
        }
        Shape::Upper => {
            let bytes = Buffer::from_vec(kernels::upper(batch.buffer(0, 2)));
            Answer::computed(vec![vec![no_nulls(), batch.buffer(0, 1).clone(), bytes]])
        }
        Shape::Scale => {
            let values = Buffer::from_vec(kernels::scale(lanes(batch, 0)).into_flattened());
            Answer::computed(vec![vec![batch.buffer(0, 0).clone(), values]])
        }
        Shape::Combine => {
            let Combined { origin: rows, counts, sums } = kernels::combine(lanes(batch, 0), lanes(batch, 1));
            Answer { origin: origin(rows), columns: vec![column(counts), column(sums)] }
        }
        Shape::Echo => Answer::computed(batch.columns.clone()),
    }
}

/// The values of a fixed-width column of eight bytes.
fn lanes(batch: &Batch, column: usize) -> &[[u8; 8]] {
    batch.buffer(column, 1).as_slice().as_chunks().0
}

/// Moves what a call moves and does nothing else: every input buffer into one place that stays, as the guest's memory
/// does, and from there an answer of buffers of `sizes` bytes.
pub fn copy(place: &mut Vec<u8>, batch: &Batch, sizes: &[usize]) -> Vec<Vec<u8>> {
    place.clear();
    batch.columns.iter().flatten().for_each(|buffer| place.extend_from_slice(buffer));
    let mut rest = place.as_slice();
    let mut take = |size: usize| {
        let (taken, left) = rest.split_at_checked(size).unwrap_or((rest, &[]));
        rest = left;
        taken.to_vec()
    };
    sizes.iter().map(|size| take(*size)).collect()
}
