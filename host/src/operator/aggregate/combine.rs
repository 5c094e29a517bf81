//! The map side: a batch is folded into one partial accumulator for each group that it holds.
//!
//! A group is a key and a pane, a key and a session within the batch, or a key. Rows of windows that count rows are not
//! folded here, for nobody knows yet how many came before them; nor are rows that may be taken back, which must be where their
//! accumulator is; nor those of a batch that has many groups ([`super::crossing`]), for that would cost more than it saves.

use std::{ops::Range, sync::Arc, time::Instant};

use arrow::{
    array::{ArrayRef, RecordBatch},
    datatypes::Schema,
};
use pelton_core::{
    batch,
    window::{Panes, WindowKind, is_late},
};
use pelton_wasm::{BatchContext, CallError, CallLog, Metering};

use super::{
    AggregatePlan,
    admit::{late_rows, paned, timed},
    calls::{Calls, ReadColumns},
    carried::Carrying,
    partial::{CarriedRows, Content, Partial},
    runs::{self, Runs},
};
use crate::{
    operator::{
        OperatorStats,
        admit::filter,
        partitions::{Parts, Sorted},
        poison::{Chosen, isolate_in_groups, taken_out},
        record_batch,
        shuffle::{Mapped, Piece},
        tables::SideTables,
    },
    state::{
        groups::{GroupRows, Groups},
        keys::{self, KeyCodec, KeyStore, Keys},
    },
};

/// The map side on one compute thread.
#[derive(Debug)]
pub struct Combiner {
    plan: Arc<AggregatePlan>,
    codec: KeyCodec,
    place: Place,
    /// Some: rows may be taken back, and are folded behind the shuffle.
    carrying: Option<Carrying>,
    calls: Calls,
    groups: Groups,
    slots: Vec<u32>,
    /// Of the modules before, where they finish windows.
    draining: Option<Box<Self>>,
}

/// The keys of a batch, row for row.
struct BatchKeys {
    hashes: Vec<u64>,
    keys: Keys,
}

impl BatchKeys {
    /// Each row as a group; `store` is an empty store.
    fn in_order(&self, rows: &[u32], tags: &[i64], mut store: KeyStore) -> GroupRows {
        store.extend_from(&self.keys, rows);
        let hash = |row: &u32| self.hashes.get(*row as usize).copied().unwrap_or_default();
        let tag = |row: &u32| tags.get(*row as usize).copied();
        GroupRows { hashes: rows.iter().map(hash).collect(), tags: rows.iter().map_while(tag).collect(), keys: store }
    }
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
            carrying: plan.takes_rows_back().then(|| Carrying::of(&plan)),
            calls: Calls::new(Arc::clone(&plan)),
            groups: Groups::new(codec.store()),
            slots: Vec::new(),
            draining: plan.draining.as_ref().map(|before| Box::new(Self::new(Arc::clone(before)))),
            codec,
            plan,
        }
    }

    /// Makes the modules' instances.
    pub fn warm(&mut self) -> Result<(), CallError> {
        self.draining.as_mut().map_or(Ok(()), |before| before.warm())?;
        self.calls.warm()
    }

    /// From now on calls see these tables.
    pub fn see(&mut self, tables: &Arc<SideTables>) {
        self.draining.iter_mut().for_each(|before| before.see(tables));
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
        let mut logs: Vec<CallLog> = self.draining.iter_mut().flat_map(|before| before.take_logs()).collect();
        logs.extend(self.calls.take_logs());
        logs
    }

    /// What the calls have said since they were last asked.
    fn take_said(&mut self) -> Vec<CallLog> {
        let mut said: Vec<CallLog> = self.draining.iter_mut().flat_map(|before| before.take_said()).collect();
        said.extend(self.calls.take_said());
        said
    }

    fn meter(&mut self, metering: Metering) {
        self.draining.iter_mut().for_each(|before| before.meter(metering));
        self.calls.meter(metering);
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
        if self.plan.on_trap.isolates() {
            let said = self.take_said();
            self.calls.keep(said);
        }
        let partial = match self.partials(context, &batch, &times) {
            Err(error) if self.calls.isolates(&error) => self.isolate(context, &batch, &times, error, out)?,
            partial => Some(partial?),
        };
        out.pieces.extend(partial.map(|partial| Piece::Partial(Arc::new(partial))));
        Ok(())
    }

    /// A batch that failed, without its poison rows. None: no other row is left.
    fn isolate(
        &mut self,
        context: &BatchContext,
        batch: &RecordBatch,
        times: &[i64],
        error: CallError,
        out: &mut Mapped,
    ) -> Result<Option<Partial>, CallError> {
        let (slots, groups) = self.groups_of(batch, times);
        let (before, mut said) = (self.calls.stats, Vec::new());
        let mut make = |chosen: &Chosen, metering: Metering| -> Result<_, CallError> {
            drop(self.take_said());
            self.meter(metering);
            let partial = self.partials(context, &chosen.rows(batch), &chosen.values(times))?;
            // Only the last of these calls counts.
            said = self.take_said();
            Ok(partial)
        };
        let mut isolated = isolate_in_groups(&slots, groups, error, &mut make)?;
        self.meter(Metering::Time);
        // What was tried counts as tried alone.
        let call_time = self.calls.stats.call_time;
        self.calls.stats = OperatorStats { call_time, ..before };
        if isolated.answer.is_some() {
            self.calls.keep(said);
            self.calls.stats.calls += self.plan.functions.len() as u64;
        }
        out.stats.trials += isolated.trials;
        taken_out(self.plan.on_trap.fate(), isolated.faults(), &mut out.stats);
        out.poison.extend(isolated.of(batch, context.first_row));
        Ok(isolated.answer)
    }

    /// The group of each row, and how many there are: what is folded together. Of sessions, the key's are taken for one.
    fn groups_of(&mut self, batch: &RecordBatch, times: &[i64]) -> (Vec<u32>, usize) {
        let tags = if matches!(self.place, Place::Pane(_)) { times } else { &[] };
        let keys = self.keys(batch);
        self.slots.clear();
        self.assign(&keys, tags, 0..keys.hashes.len());
        let groups = self.groups.rows().len();
        self.groups.clear();
        (std::mem::take(&mut self.slots), groups)
    }

    /// What a batch comes to, for the modules and for those before.
    fn partials(&mut self, context: &BatchContext, batch: &RecordBatch, times: &[i64]) -> Result<Partial, CallError> {
        let own = self.partial(context, batch, times)?;
        let Some(draining) = &mut self.draining else { return Ok(own) };
        let before = draining.partial(context, batch, times)?;
        let calls = std::mem::take(&mut draining.calls.stats);
        self.calls.stats.calls += calls.calls;
        self.calls.stats.call_time += calls.call_time;
        Ok(Partial { before: Some(Arc::new(before)), ..own })
    }

    /// What a batch comes to whose rows have these times, or panes.
    fn partial(&mut self, context: &BatchContext, batch: &RecordBatch, times: &[i64]) -> Result<Partial, CallError> {
        let tags = if matches!(self.place, Place::Pane(_)) { times } else { &[] };
        match self.place {
            Place::Session { gap } => self.sessions(context, batch, times, gap),
            Place::Key | Place::Pane(_) if self.carrying.is_none() => self.folded(context, batch, tags),
            Place::Key | Place::Pane(_) | Place::Count => self.carried(context, batch, tags),
        }
    }

    /// A batch whose rows cross as they are; no group has accumulators.
    fn carried(&mut self, context: &BatchContext, batch: &RecordBatch, tags: &[i64]) -> Result<Partial, CallError> {
        let keys = self.keys(batch);
        self.slots.clear();
        self.assign(&keys, tags, 0..keys.hashes.len());
        let (groups, parts) = self.sorted_groups();
        let rows = self.carrying.as_ref().map_or_else(|| batch.clone(), |carrying| carrying.narrow(batch));
        if self.plan.on_trap.isolates() {
            // Behind the shuffle rows of many batches share a call, and windows that count rows have counted them. So each is tried here, by
            // a fold that counts for nothing: a row on which the module fails goes, and so does the one that would take it back.
            self.calls.accumulate(context, batch, &self.slots, groups.len())?;
            drop(self.calls.take_said());
        }
        let slots = std::mem::take(&mut self.slots);
        let rows = CarriedRows::new(rows, slots, &groups, self.plan.partitions);
        let content = Content::Accumulators(Vec::new());
        Ok(Partial { groups, parts, lasts: Vec::new(), content, rows: Some(rows), before: None })
    }

    /// A batch of which each group becomes one accumulator, unless that saves nothing.
    fn folded(&mut self, context: &BatchContext, batch: &RecordBatch, tags: &[i64]) -> Result<Partial, CallError> {
        let keys = self.keys(batch);
        // Rows that may be poison are folded where they can be told from the others: here.
        let is_crossing = !self.plan.on_trap.isolates()
            && self.plan.crossing.suits(&keys.hashes, tags, usize::from(self.plan.partitions));
        self.slots.clear();
        if is_crossing {
            let panes = if self.plan.is_pane_by_pane() { tags } else { &[] };
            let Sorted { order, parts } = Sorted::new(&keys.hashes, self.plan.partitions).then_by(panes);
            let content = Content::Rows(ReadColumns::take(&self.plan, batch, &order));
            let groups = keys.in_order(&order, tags, self.codec.store());
            return Ok(Partial { groups, parts, lasts: Vec::new(), content, rows: None, before: None });
        }
        self.assign(&keys, tags, 0..keys.hashes.len());
        let (groups, parts) = self.sorted_groups();
        let accumulators = self.calls.accumulate(context, batch, &self.slots, groups.len())?;
        let content = Content::Accumulators(accumulators);
        Ok(Partial { groups, parts, lasts: Vec::new(), content, rows: None, before: None })
    }

    fn keys(&self, batch: &RecordBatch) -> BatchKeys {
        let key: Vec<ArrayRef> =
            self.plan.key_at.iter().filter_map(|at| batch.columns().get(*at)).map(Arc::clone).collect();
        let rows = batch.num_rows();
        BatchKeys { hashes: keys::hashes(&key, rows), keys: self.codec.encode(&key, rows) }
    }

    /// Appends to `slots` the groups of these rows. No tags: a group is a key.
    fn assign(&mut self, keys: &BatchKeys, tags: &[i64], rows: Range<usize>) {
        let tag = |row: usize| tags.get(row).copied().unwrap_or_default();
        self.groups.assign(&keys.keys, &keys.hashes, rows, tag, &mut self.slots);
    }

    /// The groups assigned, sorted by partition; `slots` are theirs then.
    fn sorted_groups(&mut self) -> (GroupRows, Parts) {
        let sorted = Sorted::new(&self.groups.rows().hashes, self.plan.partitions);
        sorted.renumber(&mut self.slots);
        let groups = self.groups.rows().in_order(&sorted.order, self.codec.store());
        self.groups.clear();
        (groups, sorted.parts)
    }

    fn sessions(
        &mut self,
        context: &BatchContext,
        batch: &RecordBatch,
        times: &[i64],
        gap: i64,
    ) -> Result<Partial, CallError> {
        let keys = self.keys(batch);
        self.slots.clear();
        self.assign(&keys, &[], 0..keys.hashes.len());
        let key_count = self.groups.rows().len();
        let mut runs = runs::split(&mut self.slots, times, key_count, gap);
        if self.plan.in_order {
            runs = runs::interrupted(&mut self.slots, runs, key_count);
        }
        let Runs { keys: key_of, starts, lasts } = runs;
        let runs = self.groups.rows().select(&key_of, starts, self.codec.store());
        self.groups.clear();
        let sorted = Sorted::new(&runs.hashes, self.plan.partitions);
        sorted.renumber(&mut self.slots);
        let groups = runs.in_order(&sorted.order, self.codec.store());
        let lasts: Vec<i64> = sorted.order.iter().filter_map(|run| lasts.get(*run as usize).copied()).collect();
        let accumulators = self.calls.accumulate(context, batch, &self.slots, groups.len())?;
        let lateness = self.plan.window.lateness;
        let is_doubtful = |last: &i64| is_late(last.saturating_add(gap), lateness, context.watermark);
        let doubtful: Vec<bool> = lasts.iter().map(is_doubtful).collect();
        let rows = doubtful.contains(&true).then(|| self.doubtful_rows(batch, &doubtful, &groups));
        let content = Content::Accumulators(accumulators);
        Ok(Partial { groups, parts: sorted.parts, lasts, content, rows, before: None })
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
