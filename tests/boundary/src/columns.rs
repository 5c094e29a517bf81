//! Candidate (b), host side: one typed list for each column.

use arrow::buffer::Buffer;
use arrow::util::bit_util;
use wasmtime::{Result, bail};

use crate::batch::{Answer, Batch, Shape, no_nulls};
use crate::bindings::exports::pelton::boundary::columns::{EightParam, EightResult, MaybeParam, TextParam};
use crate::engine::Instance;
use crate::rows::nullable;
use crate::text;

/// How strings and nulls are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Encoding {
    /// `list<string>` and `list<option<f64>>`.
    Plain,
    /// Offsets and bytes; bitmap and values.
    Flat,
}

pub fn call(instance: &mut Instance, shape: Shape, encoding: Encoding, batch: &Batch) -> Result<Answer> {
    let (store, bindings) = instance.enter();
    let guest = bindings.pelton_boundary_columns();
    Ok(match (shape, encoding) {
        (Shape::Keep10 | Shape::Keep90, _) => {
            let kept = guest.call_filter(store, shape.above(), batch.buffer(0, 1).typed_data())?;
            let euro = vec![no_nulls(), Buffer::from_vec(kept.euro)];
            Answer { origin: Some(Buffer::from_vec(kept.origin)), columns: vec![euro] }
        }
        (Shape::Add, _) => {
            let column = |index| batch.buffer(index, 1).typed_data::<i64>();
            let (a, b, c, d) = (column(0), column(1), column(2), column(3));
            let (e, f, g, h) = (column(4), column(5), column(6), column(7));
            let EightResult { a, b, c, d, e, f, g, h } =
                guest.call_add(store, EightParam { a, b, c, d, e, f, g, h })?;
            let columns = [a, b, c, d, e, f, g, h].map(|values| vec![no_nulls(), Buffer::from_vec(values)]);
            Answer::computed(columns.into())
        }
        (Shape::Upper, Encoding::Plain) => {
            let texts: Vec<&str> = text::split(batch).collect();
            let texts = guest.call_upper(store, &texts)?;
            Answer::computed(vec![text::join(texts.iter().map(String::as_str))])
        }
        (Shape::Upper, Encoding::Flat) => {
            let text = TextParam { offsets: batch.buffer(0, 1).typed_data(), bytes: batch.buffer(0, 2) };
            let text = guest.call_upper_flat(store, text)?;
            let column = vec![no_nulls(), Buffer::from_vec(text.offsets), Buffer::from_vec(text.bytes)];
            Answer::computed(vec![column])
        }
        (Shape::Scale, Encoding::Plain) => {
            let valid = batch.buffer(0, 0);
            let values = batch.buffer(0, 1).typed_data::<f64>().iter().enumerate();
            let values: Vec<Option<f64>> =
                values.map(|(row, &value)| bit_util::get_bit(valid, row).then_some(value)).collect();
            Answer::computed(vec![nullable(guest.call_scale(store, &values)?.into_iter())])
        }
        (Shape::Scale, Encoding::Flat) => {
            let values = MaybeParam { valid: batch.buffer(0, 0), values: batch.buffer(0, 1).typed_data() };
            let scaled = guest.call_scale_flat(store, values)?;
            Answer::computed(vec![vec![Buffer::from_vec(scaled.valid), Buffer::from_vec(scaled.values)]])
        }
        (Shape::Combine | Shape::Echo, _) => bail!("{} has no form in typed lists", shape.name()),
    })
}
