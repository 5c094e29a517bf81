//! A port's batch: computed columns as the module returned them, the others taken by origin.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, StringArray, UInt32Array},
    compute::{TakeOptions, take},
    error::ArrowError,
};
use pelton_core::limits::LimitName;
use pelton_wasm::{CallError, EmittedRows, GuestBacktrace, Rejection};

use super::{KeptColumn, PortPlan, record_batch};

/// Passed columns repeated by a flat-map can outgrow what one array can hold; everything else was checked before.
type Assembled = Result<RecordBatch, ArrowError>;

/// The columns of a call's answer are too long for arrays.
pub(super) fn too_large(_: ArrowError) -> CallError {
    CallError::Limit {
        call: "process",
        name: LimitName::OutputBytes,
        limit: "2 GiB in one column".into(),
        backtrace: GuestBacktrace::default(),
    }
}

pub(super) fn emitted(port: &PortPlan, input: &RecordBatch, emitted: &EmittedRows) -> Assembled {
    let origin = emitted.origin.as_ref().map(|rows| UInt32Array::new(rows.clone(), None));
    assemble(port, input, origin.as_ref(), &emitted.computed, emitted.rows)
}

/// Rejected rows: the input's columns and the reason.
pub(super) fn rejected(port: &PortPlan, input: &RecordBatch, rejected: &[Rejection]) -> Assembled {
    let origin = UInt32Array::from_iter_values(rejected.iter().map(|rejection| rejection.row));
    let reasons = StringArray::from_iter_values(rejected.iter().map(|rejection| &rejection.reason));
    assemble(port, input, Some(&origin), &[Arc::new(reasons)], rejected.len())
}

fn assemble(
    port: &PortPlan,
    input: &RecordBatch,
    origin: Option<&UInt32Array>,
    computed: &[ArrayRef],
    rows: usize,
) -> Assembled {
    let columns = port
        .columns
        .iter()
        .map(|column| match column {
            KeptColumn::Passed(at) => carry(input.column(*at), origin),
            KeptColumn::Computed(at) => {
                Ok(computed.get(*at).map(Arc::clone).expect("the boundary checked the number of columns"))
            }
        })
        .collect::<Result<_, _>>()?;
    Ok(record_batch(&port.schema, columns, rows))
}

fn carry(column: &ArrayRef, origin: Option<&UInt32Array>) -> Result<ArrayRef, ArrowError> {
    match origin {
        None => Ok(Arc::clone(column)),
        // The bounds were checked when the answer was lifted.
        Some(origin) => take(column.as_ref(), origin, Some(TakeOptions { check_bounds: false })),
    }
}
