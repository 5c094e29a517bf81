//! Candidate (a), host side: columns are turned into records before the call and back into columns after it.
//!
//! The turning is part of what is measured: the engine's batches are columns.

use arrow::buffer::{BooleanBuffer, Buffer};
use arrow::util::bit_util;
use wasmtime::{Result, bail};

use crate::batch::{Answer, Batch, Column, Shape, no_nulls};
use crate::bindings::exports::pelton::boundary::rows::{Eight, Kept, Maybe, Price, TextParam};
use crate::engine::Instance;
use crate::text;

pub fn call(instance: &mut Instance, shape: Shape, batch: &Batch) -> Result<Answer> {
    let (store, bindings) = instance.enter();
    let guest = bindings.pelton_boundary_rows();
    Ok(match shape {
        Shape::Keep10 | Shape::Keep90 => {
            let prices = batch.buffer(0, 1).typed_data::<f64>();
            let rows: Vec<Price> = prices.iter().map(|&price| Price { price }).collect();
            let kept: Vec<Kept> = guest.call_filter(store, shape.above(), &rows)?;
            let origin: Vec<u32> = kept.iter().map(|kept| kept.origin).collect();
            let euro: Vec<f64> = kept.iter().map(|kept| kept.euro).collect();
            Answer { origin: Some(Buffer::from_vec(origin)), columns: vec![vec![no_nulls(), Buffer::from_vec(euro)]] }
        }
        Shape::Add => {
            let rows = eights(batch);
            eight_columns(&guest.call_add(store, &rows)?)
        }
        Shape::Upper => {
            let rows: Vec<TextParam> = text::split(batch).map(|text| TextParam { text }).collect();
            let texts = guest.call_upper(store, &rows)?;
            Answer::computed(vec![text::join(texts.iter().map(|row| row.text.as_str()))])
        }
        Shape::Scale => {
            let valid = batch.buffer(0, 0);
            let values = batch.buffer(0, 1).typed_data::<f64>().iter().enumerate();
            let rows: Vec<Maybe> =
                values.map(|(row, &value)| Maybe { value: bit_util::get_bit(valid, row).then_some(value) }).collect();
            let scaled = guest.call_scale(store, &rows)?;
            Answer::computed(vec![nullable(scaled.iter().map(|row| row.value))])
        }
        Shape::Combine | Shape::Echo => bail!("{} has no form in rows", shape.name()),
    })
}

/// Optional values as Arrow has them.
pub fn nullable(values: impl ExactSizeIterator<Item = Option<f64>> + Clone) -> Column {
    let mut each = values.clone();
    let valid = BooleanBuffer::collect_bool(values.len(), |_| each.next().flatten().is_some());
    let values: Vec<f64> = values.map(Option::unwrap_or_default).collect();
    vec![valid.into_inner(), Buffer::from_vec(values)]
}

fn eights(batch: &Batch) -> Vec<Eight> {
    let column = |index| batch.buffer(index, 1).typed_data::<i64>().iter().copied();
    let first = column(0).zip(column(1)).zip(column(2).zip(column(3)));
    let last = column(4).zip(column(5)).zip(column(6).zip(column(7)));
    first.zip(last).map(|(((a, b), (c, d)), ((e, f), (g, h)))| Eight { a, b, c, d, e, f, g, h }).collect()
}

fn eight_columns(rows: &[Eight]) -> Answer {
    let fields: [fn(&Eight) -> i64; 8] =
        [|row| row.a, |row| row.b, |row| row.c, |row| row.d, |row| row.e, |row| row.f, |row| row.g, |row| row.h];
    let column = |field: fn(&Eight) -> i64| vec![no_nulls(), Buffer::from_vec(rows.iter().map(field).collect())];
    Answer::computed(fields.map(column).into())
}
