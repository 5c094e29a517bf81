//! Arrow's utf8 column as separate strings and back, for the candidates that move strings one by one.

use arrow::buffer::Buffer;

use crate::batch::{Batch, Column, no_nulls};

/// The strings of the first column. The host checked its bytes to be UTF-8 when it made the column.
pub fn split(batch: &Batch) -> impl Iterator<Item = &str> {
    let bytes = str::from_utf8(batch.buffer(0, 2)).expect("batches hold ASCII");
    let offsets = batch.buffer(0, 1).typed_data::<i32>();
    offsets.windows(2).map(|pair| match pair {
        [start, end] => bytes.get(*start as usize..*end as usize).expect("offsets never decrease"),
        _ => "",
    })
}

/// Strings as a utf8 column.
pub fn join<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> Column {
    let mut offsets = Vec::with_capacity(texts.len() + 1);
    let mut bytes = Vec::new();
    offsets.push(0);
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        offsets.push(bytes.len() as i32);
    }
    vec![no_nulls(), Buffer::from_vec(offsets), Buffer::from_vec(bytes)]
}
