//! Which rows of a batch count for windows, and at what time.
//!
//! Rows of panes that no open window has are late; what else is refused is refused for every keyed operator alike.

use arrow::array::RecordBatch;
use pelton_core::window::{Panes, is_late};
use pelton_wasm::BatchContext;

use super::AggregatePlan;
use crate::operator::{
    admit::{Refused, TimeColumn},
    shuffle::Mapped,
};

/// The rows that have a time, with it; the others leave by `rejected`. By processing time, all have that of the epoch.
pub fn timed(
    plan: &AggregatePlan,
    context: &BatchContext,
    batch: RecordBatch,
    out: &mut Mapped,
) -> (RecordBatch, Vec<i64>) {
    let Some(at) = plan.time_at else {
        let rows = batch.num_rows();
        return (batch, vec![context.now; rows]);
    };
    let time = TimeColumn { at, shift: plan.time_shift, ahead: plan.time_ahead };
    refused(plan).sound(batch, time, context.now, out)
}

/// The rows that some open window takes, each with its pane; the others leave by `late`.
pub fn paned(
    plan: &AggregatePlan,
    panes: &mut Panes,
    context: &BatchContext,
    (batch, times): (RecordBatch, Vec<i64>),
    out: &mut Mapped,
) -> (RecordBatch, Vec<i64>) {
    let mut tags = times;
    tags.iter_mut().for_each(|time| *time = panes.pane_start(*time));
    let lateness = plan.window.lateness;
    let is_open = |pane: i64| !is_late(panes.last_window_end(pane), lateness, context.watermark);
    let is_by_event = plan.time_at.is_some();
    if !is_by_event || tags.iter().copied().min().is_none_or(is_open) {
        return (batch, tags);
    }
    let open: Vec<bool> = tags.iter().map(|pane| is_open(*pane)).collect();
    let batch = refused(plan).on_time(&batch, &open, out);
    (batch, tags.into_iter().zip(open).filter(|(_, open)| *open).map(|(tag, _)| tag).collect())
}

/// Rows as they leave by the port of late rows. None: nobody reads them.
pub fn late_rows(plan: &AggregatePlan, rows: &RecordBatch) -> Option<RecordBatch> {
    refused(plan).late_rows(rows)
}

fn refused(plan: &AggregatePlan) -> Refused<'_> {
    Refused { late: plan.late.as_ref(), rejected: plan.rejected.as_ref() }
}
