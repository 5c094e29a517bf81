//! Candidate (c), host side: Arrow's buffers as bytes, by `pelton:operator/transform`.

use arrow::buffer::Buffer;
use serde_json::json;
use wasmtime::error::Context;
use wasmtime::{Result, format_err};

use crate::batch::{Answer, Batch, Shape};
use crate::bindings::exports::pelton::operator::transform::BatchContext;
use crate::bindings::pelton::operator::types::{NodeParam, TableParam};
use crate::engine::Instance;

/// How the guest's filter is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loop {
    /// As well as one can.
    Best,
    /// A branch and a push for each row.
    Push,
    /// One boxed integer for each value, in Python.
    Boxed,
}

/// Tells a fresh instance what to do.
pub fn open(instance: &mut Instance, shape: Shape, written: Loop) -> Result<()> {
    let operation = match (shape, written) {
        (Shape::Keep10 | Shape::Keep90, Loop::Push) => "filter-by-push",
        (Shape::Keep10 | Shape::Keep90, _) => "filter",
        (Shape::Add, Loop::Boxed) => "add_boxed",
        (Shape::Add, _) => "add",
        (Shape::Upper, _) => "upper",
        (Shape::Scale, _) => "scale",
        (Shape::Combine, _) => "combine",
        (Shape::Echo, _) => "echo",
    };
    let options = json!({ "operation": operation, "above": shape.above() }).to_string();
    let (store, bindings) = instance.enter();
    let opened = bindings.pelton_operator_transform().call_open(store, &[], &options)?;
    opened.map(drop).map_err(|message| format_err!(message))
}

pub fn call(instance: &mut Instance, batch: &Batch) -> Result<Answer> {
    let (store, bindings) = instance.enter();
    let context = BatchContext { epoch: 0, first_row: 0, now: 0, watermark: i64::MIN, seed: 0 };
    let rows = batch.rows as u32;
    let buffers: Vec<Vec<&[u8]>> =
        batch.columns.iter().map(|column| column.iter().map(Buffer::as_slice).collect()).collect();
    let nodes: Vec<NodeParam> = buffers.iter().map(|buffers| NodeParam { rows, buffers }).collect();
    let table = TableParam { rows, nodes: &nodes };
    let output = bindings.pelton_operator_transform().call_process(store, context, table)?;
    let output = output.map_err(|failure| format_err!("{failure:?}"))?;
    let emitted = output.emitted.into_iter().next().context("nothing emitted")?;
    let columns = emitted.computed.nodes.into_iter();
    Ok(Answer {
        origin: emitted.origin.map(Buffer::from_vec),
        columns: columns.map(|node| node.buffers.into_iter().map(Buffer::from_vec).collect()).collect(),
    })
}
