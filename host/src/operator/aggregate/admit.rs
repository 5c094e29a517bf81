//! Which rows of a batch count, and at what time.
//!
//! Rows whose event time is missing or absurd are rejected, rows of panes that no open window has are late; neither
//! costs another row.

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch},
    compute,
    datatypes::{
        DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType,
    },
};
use pelton_core::{
    watermark::TimeRule,
    window::{Panes, is_late},
};
use pelton_wasm::{BatchContext, Rejection};

use super::{AggregatePlan, Combined};
use crate::operator::{assemble, record_batch};

const NO_TIME: &str = "its event time is null";
const ABSURD_TIME: &str = "its event time is outside of the years that the job allows";

/// The rows that have a time, with it; the others leave by `rejected`. By processing time, all have that of the epoch.
pub fn timed(
    plan: &AggregatePlan,
    context: &BatchContext,
    batch: RecordBatch,
    out: &mut Combined,
) -> (RecordBatch, Vec<i64>) {
    let Some(column) = plan.time_at.and_then(|at| batch.columns().get(at)) else {
        let rows = batch.num_rows();
        return (batch, vec![context.now; rows]);
    };
    let mut times = micros(column);
    if plan.time_shift != 0 {
        times.iter_mut().for_each(|time| *time = time.saturating_add(plan.time_shift));
    }
    let rule = TimeRule::default();
    if column.null_count() == 0 && times.iter().all(|time| rule.admits(*time)) {
        return (batch, times);
    }
    let fault = |(row, time): (usize, &i64)| {
        if column.is_null(row) {
            Some(NO_TIME)
        } else if rule.admits(*time) {
            None
        } else {
            Some(ABSURD_TIME)
        }
    };
    let faults: Vec<Option<&str>> = times.iter().enumerate().map(fault).collect();
    let rejections: Vec<_> = faults
        .iter()
        .enumerate()
        .filter_map(|(row, fault)| Some(Rejection { row: row as u32, reason: (*fault)?.to_owned() }))
        .collect();
    out.stats.rejected += rejections.len() as u64;
    if let Some(port) = &plan.rejected {
        let rejected = assemble::rejected(port, &batch, &rejections).expect("rejected rows are fewer than the batch's");
        out.rejected = append(out.rejected.take(), rejected);
    }
    let times = times.iter().zip(&faults).filter(|(_, fault)| fault.is_none()).map(|(time, _)| *time).collect();
    (filter(&batch, faults.iter().map(Option::is_none)), times)
}

/// The rows that some open window takes, each with its pane; the others leave by `late`.
pub fn paned(
    plan: &AggregatePlan,
    panes: &mut Panes,
    context: &BatchContext,
    (batch, times): (RecordBatch, Vec<i64>),
    out: &mut Combined,
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
    let late = filter(&batch, open.iter().map(|open| !open));
    out.stats.late += late.num_rows() as u64;
    if let Some(late) = late_rows(plan, &late) {
        out.late = append(out.late.take(), late);
    }
    let tags = tags.into_iter().zip(&open).filter(|(_, open)| **open).map(|(tag, _)| tag).collect();
    (filter(&batch, open.iter().copied()), tags)
}

/// Rows as they leave by the port of late rows. None: nobody reads them.
pub fn late_rows(plan: &AggregatePlan, rows: &RecordBatch) -> Option<RecordBatch> {
    let port = plan.late.as_ref()?;
    Some(record_batch(&port.schema, port.pass(rows), rows.num_rows()))
}

fn append(before: Option<RecordBatch>, more: RecordBatch) -> Option<RecordBatch> {
    Some(match before {
        Some(before) => {
            compute::concat_batches(&before.schema(), [&before, &more]).expect("batches of one port have one schema")
        }
        None => more,
    })
}

pub fn filter(batch: &RecordBatch, keep: impl Iterator<Item = bool>) -> RecordBatch {
    let keep = BooleanArray::from_iter(keep.map(Some));
    compute::filter_record_batch(batch, &keep).expect("one flag for each row")
}

/// Times in µs; whatever lies under nulls.
fn micros(column: &ArrayRef) -> Vec<i64> {
    let DataType::Timestamp(unit, _) = column.data_type() else { return vec![0; column.len()] };
    match unit {
        TimeUnit::Second => scaled(column.as_primitive::<TimestampSecondType>().values(), 1_000_000),
        TimeUnit::Millisecond => scaled(column.as_primitive::<TimestampMillisecondType>().values(), 1_000),
        TimeUnit::Microsecond => column.as_primitive::<TimestampMicrosecondType>().values().to_vec(),
        TimeUnit::Nanosecond => {
            let values = column.as_primitive::<TimestampNanosecondType>().values();
            values.iter().map(|value| value.div_euclid(1_000)).collect()
        }
    }
}

fn scaled(values: &[i64], factor: i64) -> Vec<i64> {
    values.iter().map(|value| value.saturating_mul(factor)).collect()
}
