//! The map side: a batch is folded into one partial accumulator for each (key, pane) that it holds.
//!
//! Rows whose event time is missing or absurd are rejected, rows of windows that are closed are late; neither costs another row.

use std::{sync::Arc, time::Instant};

use arrow::array::{ArrayRef, RecordBatch};
use pelton_core::{
    batch,
    window::{Panes, is_late},
};
use pelton_wasm::{BatchContext, CallError, CallLog};

use super::{
    AggregatePlan,
    calls::{Calls, Columns},
};
use crate::{
    operator::{
        admit::{Refused, TimeColumn},
        shuffle::{Mapped, Piece, partitioned},
    },
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
    pub fn combine(&mut self, context: &BatchContext, batch: &RecordBatch) -> Result<Mapped, CallError> {
        let started = Instant::now();
        let mut mapped = Mapped::default();
        mapped.stats.rows_in = batch.num_rows() as u64;
        let rows = batch.num_rows();
        let piece = batch::piece_rows(rows, 0, self.plan.rows_max);
        for start in (0..rows).step_by(piece) {
            let part = if piece >= rows { batch.clone() } else { batch.slice(start, piece.min(rows - start)) };
            let context = BatchContext { first_row: context.first_row + start as u64, ..*context };
            self.fold(&context, part, &mut mapped)?;
        }
        let calls = std::mem::take(&mut self.calls.stats);
        mapped.stats.calls += calls.calls;
        mapped.stats.call_time += calls.call_time;
        mapped.stats.assemble_time += started.elapsed().saturating_sub(calls.call_time);
        Ok(mapped)
    }

    /// What the calls since the last take logged and counted.
    pub fn take_logs(&mut self) -> Vec<CallLog> {
        self.calls.take_logs()
    }

    fn fold(&mut self, context: &BatchContext, batch: RecordBatch, out: &mut Mapped) -> Result<(), CallError> {
        let (batch, tags) = self.admit(context, batch, out);
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
        out.pieces.push(Piece::Partial(Arc::new(Partial { groups, accumulators, by_partition })));
        Ok(())
    }

    /// The rows that count, each with its pane; the others leave by `late` and `rejected`.
    fn admit(&mut self, context: &BatchContext, batch: RecordBatch, out: &mut Mapped) -> (RecordBatch, Vec<i64>) {
        let Some(panes) = &mut self.panes else { return (batch, Vec::new()) };
        let Some(at) = self.plan.time_at else {
            let pane = panes.pane_start(context.now);
            let rows = batch.num_rows();
            return (batch, vec![pane; rows]);
        };
        let refused = Refused { late: self.plan.late.as_ref(), rejected: self.plan.rejected.as_ref() };
        let (batch, times) = refused.sound(batch, TimeColumn { at, shift: self.plan.time_shift }, out);
        let tags: Vec<i64> = times.iter().map(|time| panes.pane_start(*time)).collect();
        let lateness = self.plan.window.lateness;
        let mut is_open = |pane: i64| !is_late(panes.last_window_end(pane), lateness, context.watermark);
        let oldest = tags.iter().copied().min();
        if oldest.is_none_or(&mut is_open) {
            return (batch, tags);
        }
        let open: Vec<bool> = tags.iter().map(|pane| is_open(*pane)).collect();
        let batch = refused.on_time(&batch, &open, out);
        (batch, tags.into_iter().zip(open).filter(|(_, open)| *open).map(|(tag, _)| tag).collect())
    }
}
