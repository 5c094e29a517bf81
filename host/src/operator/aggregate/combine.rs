//! The map side: a batch is folded into one partial accumulator for each group that it holds.
//!
//! A group is a key and a pane, a key and a session within the batch, or a key. Only rows of windows that count rows are not
//! folded here, for nobody knows yet how many came before them.

use std::{sync::Arc, time::Instant};

use arrow::{
    array::{ArrayRef, RecordBatch},
    datatypes::Schema,
};
use pelton_core::{
    batch,
    window::{Panes, WindowKind, is_late},
};
use pelton_wasm::{BatchContext, CallError, CallLog};

use super::{
    AggregatePlan,
    admit::{late_rows, paned, timed},
    calls::Calls,
    partial::{CarriedRows, Partial},
    runs::{self, Runs},
};
use crate::{
    operator::{
        admit::filter,
        record_batch,
        shuffle::{Mapped, Piece, partitioned},
        tables::SideTables,
    },
    state::{
        groups::{GroupRows, Groups},
        keys::{self, KeyCodec},
    },
};

/// The map side on one compute thread.
#[derive(Debug)]
pub struct Combiner {
    plan: Arc<AggregatePlan>,
    codec: KeyCodec,
    place: Place,
    calls: Calls,
    groups: Groups,
    slots: Vec<u32>,
}

/// What, besides its key, tells the group of a row.
#[derive(Debug)]
enum Place {
    /// Nothing.
    Key,
    Pane(Panes),
    Session {
        gap: i64,
    },
    /// How many rows of its key are before it.
    Count,
}

impl Combiner {
    pub fn new(plan: Arc<AggregatePlan>) -> Self {
        let codec = KeyCodec::new(&plan.key_fields).expect("the plan checked the key");
        let place = match plan.window.kind {
            WindowKind::Global => Place::Key,
            WindowKind::Session { gap } => Place::Session { gap },
            WindowKind::Count { .. } => Place::Count,
            WindowKind::Tumbling { .. } | WindowKind::Sliding { .. } => {
                Place::Pane(Panes::new(&plan.window.kind).expect("the job file's reader checked the window"))
            }
        };
        Self {
            place,
            calls: Calls::new(Arc::clone(&plan)),
            groups: Groups::new(codec.store()),
            slots: Vec::new(),
            codec,
            plan,
        }
    }

    /// From now on calls see these tables.
    pub fn see(&mut self, tables: &Arc<SideTables>) {
        self.calls.see(tables);
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
        let (batch, times) = match &mut self.place {
            Place::Key | Place::Count => (batch, Vec::new()),
            Place::Session { .. } => timed(&self.plan, context, batch, out),
            Place::Pane(panes) => {
                let timed = timed(&self.plan, context, batch, out);
                paned(&self.plan, panes, context, timed, out)
            }
        };
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let tags = if matches!(self.place, Place::Pane(_)) { times.as_slice() } else { &[] };
        let groups = self.group(&batch, tags);
        let partial = match self.place {
            Place::Key | Place::Pane(_) => {
                let accumulators = self.calls.accumulate(context, &batch, &self.slots, groups.len())?;
                let by_partition = partitioned(groups.hashes.iter().copied(), self.plan.partitions);
                Partial { groups, lasts: Vec::new(), accumulators, by_partition, rows: None }
            }
            Place::Session { gap } => self.sessions(context, &batch, &times, groups, gap)?,
            Place::Count => {
                let slots = std::mem::take(&mut self.slots);
                let rows = CarriedRows::new(batch, slots, &groups, self.plan.partitions);
                let by_partition = partitioned(groups.hashes.iter().copied(), self.plan.partitions);
                Partial { groups, lasts: Vec::new(), accumulators: Vec::new(), by_partition, rows: Some(rows) }
            }
        };
        out.pieces.push(Piece::Partial(Arc::new(partial)));
        Ok(())
    }

    /// The groups of a batch, and in `slots` that of each row. No tags: a group is a key.
    fn group(&mut self, batch: &RecordBatch, tags: &[i64]) -> GroupRows {
        let key: Vec<ArrayRef> =
            self.plan.key_at.iter().filter_map(|at| batch.columns().get(*at)).map(Arc::clone).collect();
        let hashes = keys::hashes(&key, batch.num_rows());
        let keys = self.codec.encode(&key, batch.num_rows());
        let tag = |row: usize| tags.get(row).copied().unwrap_or_default();
        self.groups.assign(&keys, &hashes, tag, &mut self.slots);
        self.groups.take(self.codec.store())
    }

    fn sessions(
        &mut self,
        context: &BatchContext,
        batch: &RecordBatch,
        times: &[i64],
        keys: GroupRows,
        gap: i64,
    ) -> Result<Partial, CallError> {
        let Runs { keys: key_of, starts, lasts } = runs::split(&mut self.slots, times, keys.len(), gap);
        let groups = keys.select(&key_of, starts, self.codec.store());
        let accumulators = self.calls.accumulate(context, batch, &self.slots, groups.len())?;
        let by_partition = partitioned(groups.hashes.iter().copied(), self.plan.partitions);
        let lateness = self.plan.window.lateness;
        let is_doubtful = |last: &i64| is_late(last.saturating_add(gap), lateness, context.watermark);
        let doubtful: Vec<bool> = lasts.iter().map(is_doubtful).collect();
        let rows = doubtful.contains(&true).then(|| self.doubtful_rows(batch, &doubtful, &groups));
        Ok(Partial { groups, lasts, accumulators, by_partition, rows })
    }

    /// The rows of groups that are late unless they join a session: the reduce side knows.
    fn doubtful_rows(&self, batch: &RecordBatch, doubtful: &[bool], groups: &GroupRows) -> CarriedRows {
        let is_doubtful = |slot: &u32| doubtful.get(*slot as usize).copied().unwrap_or_default();
        let rows = filter(batch, self.slots.iter().map(is_doubtful));
        let count = rows.num_rows();
        // Where nobody reads them, their number is enough.
        let rows =
            late_rows(&self.plan, &rows).unwrap_or_else(|| record_batch(&Schema::empty().into(), Vec::new(), count));
        let of = self.slots.iter().copied().filter(is_doubtful).collect();
        CarriedRows::new(rows, of, groups, self.plan.partitions)
    }
}
