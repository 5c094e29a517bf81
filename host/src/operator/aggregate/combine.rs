//! The map side: a batch is folded into one partial accumulator for each (key, pane) that it holds.
//!
//! Rows whose event time is missing or absurd are rejected, rows of windows that are closed are late; neither costs another row.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch},
    compute,
    datatypes::{
        DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType,
    },
};
use pelton_core::{
    batch, shuffle,
    watermark::TimeRule,
    window::{Panes, is_late},
};
use pelton_wasm::{BatchContext, CallError, CallLog, Rejection};

use super::{
    AggregatePlan,
    calls::{Calls, Columns},
};
use crate::{
    operator::{OperatorStats, assemble},
    state::{
        groups::{GroupRows, Groups},
        keys::{self, KeyCodec},
    },
};

/// What one call folded a batch into.
#[derive(Debug)]
pub struct Partial {
    /// Key, and as tag the start of the pane.
    pub groups: GroupRows,
    /// One set of columns for each function, group for group.
    pub accumulators: Vec<Columns>,
    /// The groups of each partition, in order.
    pub by_partition: Vec<Vec<u32>>,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Combined {
    pub partials: Vec<Arc<Partial>>,
    pub late: Option<RecordBatch>,
    pub rejected: Option<RecordBatch>,
    pub stats: OperatorStats,
}

/// The map side on one compute thread.
#[derive(Debug)]
pub struct Combiner {
    plan: Arc<AggregatePlan>,
    codec: KeyCodec,
    /// None: all rows are of one pane.
    panes: Option<Panes>,
    calls: Calls,
    groups: Groups,
    slots: Vec<u32>,
}

const NO_TIME: &str = "its event time is null";
const ABSURD_TIME: &str = "its event time is outside of the years that the job allows";

impl Combiner {
    pub fn new(plan: Arc<AggregatePlan>) -> Self {
        let codec = KeyCodec::new(&plan.key_fields).expect("the plan checked the key");
        Self {
            panes: Panes::new(&plan.window.kind),
            calls: Calls::new(Arc::clone(&plan)),
            groups: Groups::new(codec.store()),
            slots: Vec::new(),
            codec,
            plan,
        }
    }

    /// Folds `batch`; `context.watermark` is the input's at the end of the epoch before.
    pub fn combine(&mut self, context: &BatchContext, batch: &RecordBatch) -> Result<Combined, CallError> {
        let mut combined = Combined::default();
        combined.stats.rows_in = batch.num_rows() as u64;
        let rows = batch.num_rows();
        let piece = batch::piece_rows(rows, 0, self.plan.rows_max);
        for start in (0..rows).step_by(piece) {
            let part = if piece >= rows { batch.clone() } else { batch.slice(start, piece.min(rows - start)) };
            let context = BatchContext { first_row: context.first_row + start as u64, ..*context };
            self.fold(&context, part, &mut combined)?;
        }
        let calls = std::mem::take(&mut self.calls.stats);
        combined.stats.calls += calls.calls;
        combined.stats.call_time += calls.call_time;
        Ok(combined)
    }

    /// What the calls since the last take logged and counted.
    pub fn take_logs(&mut self) -> Vec<CallLog> {
        self.calls.take_logs()
    }

    fn fold(&mut self, context: &BatchContext, batch: RecordBatch, out: &mut Combined) -> Result<(), CallError> {
        let (batch, tags) = self.admit(context, batch, out)?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let key: Vec<ArrayRef> =
            self.plan.key_at.iter().filter_map(|at| batch.columns().get(*at)).map(Arc::clone).collect();
        let hashes = keys::hashes(&key, batch.num_rows());
        let keys = self.codec.encode(&key, batch.num_rows());
        let tag = |row: usize| tags.get(row).copied().unwrap_or_default();
        self.groups.assign(&keys, &hashes, tag, &mut self.slots);
        let groups = self.groups.take(self.codec.store());
        let accumulators = self.calls.accumulate(context, &batch, &self.slots, groups.len())?;
        let by_partition = partitioned(&groups.hashes, self.plan.partitions);
        out.partials.push(Arc::new(Partial { groups, accumulators, by_partition }));
        Ok(())
    }

    /// The rows that count, each with its pane; the others leave by `late` and `rejected`.
    fn admit(
        &mut self,
        context: &BatchContext,
        batch: RecordBatch,
        out: &mut Combined,
    ) -> Result<(RecordBatch, Vec<i64>), CallError> {
        let Some(panes) = &mut self.panes else { return Ok((batch, Vec::new())) };
        let Some(column) = self.plan.time_at.and_then(|at| batch.columns().get(at)) else {
            let pane = panes.pane_start(context.now);
            let rows = batch.num_rows();
            return Ok((batch, vec![pane; rows]));
        };
        let mut times = micros(column);
        if self.plan.time_shift != 0 {
            times.iter_mut().for_each(|time| *time = time.saturating_add(self.plan.time_shift));
        }
        let rule = TimeRule::default();
        let sound = column.null_count() == 0 && times.iter().all(|time| rule.admits(*time));
        let (batch, times) = if sound { (batch, times) } else { self.reject(&batch, &times, &rule, out)? };
        let Some(panes) = &mut self.panes else { return Ok((batch, Vec::new())) };
        let tags: Vec<i64> = times.iter().map(|time| panes.pane_start(*time)).collect();
        let lateness = self.plan.window.lateness;
        let is_open = |panes: &mut Panes, pane: i64| !is_late(panes.last_window_end(pane), lateness, context.watermark);
        let oldest = tags.iter().copied().min();
        if oldest.is_none_or(|pane| is_open(panes, pane)) {
            return Ok((batch, tags));
        }
        let open: Vec<bool> = tags.iter().map(|pane| is_open(panes, *pane)).collect();
        let late = filter(&batch, open.iter().map(|open| !open));
        out.stats.late += late.num_rows() as u64;
        if let Some(port) = &self.plan.late {
            let rows: Vec<_> = port.pass(&late);
            out.late = append(out.late.take(), crate::operator::record_batch(&port.schema, rows, late.num_rows()));
        }
        let tags = tags.into_iter().zip(&open).filter(|(_, open)| **open).map(|(tag, _)| tag).collect();
        Ok((filter(&batch, open.iter().copied()), tags))
    }

    fn reject(
        &self,
        batch: &RecordBatch,
        times: &[i64],
        rule: &TimeRule,
        out: &mut Combined,
    ) -> Result<(RecordBatch, Vec<i64>), CallError> {
        let column = self.plan.time_at.and_then(|at| batch.columns().get(at));
        let is_null = |row: usize| column.is_some_and(|column| column.is_null(row));
        let fault = |(row, time): (usize, &i64)| {
            if is_null(row) {
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
        if let Some(port) = &self.plan.rejected {
            let rejected = assemble::rejected(port, batch, &rejections).expect("rejected rows are fewer than the batch's");
            out.rejected = append(out.rejected.take(), rejected);
        }
        let times = times.iter().zip(&faults).filter(|(_, fault)| fault.is_none()).map(|(time, _)| *time).collect();
        Ok((filter(batch, faults.iter().map(Option::is_none)), times))
    }
}

fn append(before: Option<RecordBatch>, more: RecordBatch) -> Option<RecordBatch> {
    Some(match before {
        Some(before) => {
            compute::concat_batches(&before.schema(), [&before, &more]).expect("batches of one port have one schema")
        }
        None => more,
    })
}

fn filter(batch: &RecordBatch, keep: impl Iterator<Item = bool>) -> RecordBatch {
    let keep = BooleanArray::from_iter(keep.map(Some));
    compute::filter_record_batch(batch, &keep).expect("one flag for each row")
}

/// The groups of each partition.
fn partitioned(hashes: &[u64], partitions: u16) -> Vec<Vec<u32>> {
    let groups = shuffle::KEY_GROUPS_DEFAULT;
    let mut by_partition = vec![Vec::with_capacity(hashes.len() / usize::from(partitions).max(1) + 8); partitions.into()];
    for (slot, hash) in hashes.iter().enumerate() {
        let partition = shuffle::partition(shuffle::key_group(*hash, groups), groups, partitions);
        if let Some(rows) = by_partition.get_mut(usize::from(partition)) {
            rows.push(slot as u32);
        }
    }
    by_partition
}

/// Times in µs; whatever lies under nulls.
pub fn micros(column: &ArrayRef) -> Vec<i64> {
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
