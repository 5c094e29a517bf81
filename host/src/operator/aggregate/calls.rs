//! The modules of one aggregating operator on one compute thread: instances made when they are first needed.

use std::{ops::Range, sync::Arc, time::Instant};

use arrow::{
    array::{Array, ArrayRef, RecordBatch, UInt32Array, new_null_array},
    compute,
};
use pelton_core::poison::last_of_prefix;
use pelton_wasm::{AggregateInstance, BatchContext, CallError, CallLog, Level, LogLine, Metering};

use super::{AggregatePlan, Function};
use crate::operator::{
    OperatorStats,
    poison::{Chosen, Isolated, Make, Trials, isolate, isolate_as},
    tables::{Loaded, SideTables},
};

/// The accumulators of one function, or one function's results: columns.
pub type Columns = Vec<ArrayRef>;

#[derive(Debug)]
pub struct Calls {
    plan: Arc<AggregatePlan>,
    instances: Vec<Option<(AggregateInstance, Loaded)>>,
    /// Of the instances.
    metering: Metering,
    /// What was said in calls that count, by instances that may be gone.
    said: Vec<CallLog>,
    tables: Arc<SideTables>,
    pub stats: OperatorStats,
}

/// The columns of a batch that some function reads, by their places in the batch; none in the place of any other.
#[derive(Debug)]
pub struct ReadColumns(Vec<Option<ArrayRef>>);

impl ReadColumns {
    /// These rows of a batch, in this order.
    pub fn take(plan: &AggregatePlan, batch: &RecordBatch, rows: &[u32]) -> Self {
        let rows = UInt32Array::from_iter_values(rows.iter().copied());
        let is_read = |at: &usize| plan.functions.iter().any(|function| function.reads_at.contains(at));
        let one = |column: &ArrayRef| compute::take(column.as_ref(), &rows, None).expect("these rows exist");
        Self(batch.columns().iter().enumerate().map(|(at, column)| is_read(&at).then(|| one(column))).collect())
    }

    /// These of the rows.
    pub fn slice(&self, rows: Range<u32>) -> Self {
        let slice = |column: &ArrayRef| column.slice(rows.start as usize, rows.len());
        Self(self.0.iter().map(|column| column.as_ref().map(slice)).collect())
    }

    /// The rows of all of them, one after the other; all are of batches of one edge.
    pub fn concat(all: &[Self]) -> Self {
        let columns = all.first().map_or(0, |first| first.0.len());
        let one = |at: usize| {
            let parts: Vec<&dyn Array> = all.iter().filter_map(|rows| rows.0.get(at)?.as_deref()).collect();
            let whole = |parts: &[&dyn Array]| compute::concat(parts).expect("batches of one edge have one schema");
            (!parts.is_empty()).then(|| whole(&parts))
        };
        Self((0..columns).map(one).collect())
    }

    /// Rows of several of them, named by (which of them, row); all are of batches of one edge.
    pub fn interleave(all: &[&Self], rows: &[(usize, usize)]) -> Self {
        let columns = all.first().map_or(0, |first| first.0.len());
        let one = |at: usize| {
            let parts: Vec<&dyn Array> = all.iter().filter_map(|rows| rows.0.get(at)?.as_deref()).collect();
            let chosen = |parts: &[&dyn Array]| compute::interleave(parts, rows).expect("these rows exist");
            (!parts.is_empty()).then(|| chosen(&parts))
        };
        Self((0..columns).map(one).collect())
    }

    fn column(&self, at: usize) -> Option<ArrayRef> {
        self.0.get(at).cloned().flatten()
    }
}

/// Results of one function.
pub struct Finished {
    pub columns: Columns,
    /// The group of each result; none: group for group.
    pub origin: Option<Vec<u32>>,
}

/// What is done with rows that were, or were not, folded before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Add,
    /// For modules whose signature `retracts`.
    TakeBack,
}

/// The windows of groups, row for row.
pub struct Bounds<'a> {
    pub starts: &'a [i64],
    pub ends: &'a [i64],
    /// 0 early, 1 on time, 2 late.
    pub pane: &'a [u8],
}

impl Calls {
    pub fn new(plan: Arc<AggregatePlan>) -> Self {
        let instances = plan.functions.iter().map(|_| None).collect();
        let metering = Metering::Time;
        Self { plan, instances, metering, said: Vec::new(), tables: Arc::default(), stats: OperatorStats::default() }
    }

    /// From now on calls see these tables.
    pub fn see(&mut self, tables: &Arc<SideTables>) {
        self.tables = Arc::clone(tables);
    }

    /// Rows in one call, at most.
    pub fn rows_max(&self) -> usize {
        self.plan.rows_max
    }

    /// Folds a batch into fresh accumulators, one set for each function.
    pub fn accumulate(
        &mut self,
        context: &BatchContext,
        batch: &RecordBatch,
        slots: &[u32],
        groups: usize,
    ) -> Result<Vec<Columns>, CallError> {
        self.each(|function, instance| {
            let columns: Columns =
                function.reads_at.iter().filter_map(|at| batch.columns().get(*at)).cloned().collect();
            let fields = function.signature.accumulator.fields();
            let identity: Columns = fields.iter().map(|field| new_null_array(field.data_type(), groups)).collect();
            instance.accumulate(context, batch.num_rows(), &columns, slots, groups, &identity, &function.signature)
        })
    }

    /// Folds rows into `accumulators`, of which there are `groups`: row i into number `slots[i]`.
    pub fn accumulate_into(
        &mut self,
        context: &BatchContext,
        rows: &ReadColumns,
        slots: &[u32],
        groups: usize,
        accumulators: &[Columns],
    ) -> Result<Vec<Columns>, CallError> {
        let mut accumulators = accumulators.iter();
        self.each(|function, instance| {
            let columns: Columns = function.reads_at.iter().filter_map(|at| rows.column(*at)).collect();
            let accumulators = accumulators.next().expect("one set of columns for each function");
            instance.accumulate(context, slots.len(), &columns, slots, groups, accumulators, &function.signature)
        })
    }

    /// Folds rows into accumulators, or takes them back: one set of columns for each function. `reads` says for each where
    /// in `batch` its columns are.
    pub fn change(
        &mut self,
        context: &BatchContext,
        change: Change,
        (batch, reads): (&RecordBatch, &[Vec<usize>]),
        slots: &[u32],
        groups: usize,
        accumulators: &[Columns],
    ) -> Result<Vec<Columns>, CallError> {
        let mut sides = reads.iter().zip(accumulators);
        self.each(|function, instance| {
            let (reads, accumulators) = sides.next().expect("one set of columns for each function");
            let columns: Columns = reads.iter().filter_map(|at| batch.columns().get(*at)).cloned().collect();
            let (rows, signature) = (batch.num_rows(), &function.signature);
            match change {
                Change::Add => instance.accumulate(context, rows, &columns, slots, groups, accumulators, signature),
                Change::TakeBack => instance.retract(context, rows, &columns, slots, groups, accumulators, signature),
            }
        })
    }

    /// Merges row by row; `left` is earlier. Both have one set of columns for each function.
    pub fn merge(&mut self, rows: usize, left: &[Columns], right: &[Columns]) -> Result<Vec<Columns>, CallError> {
        let mut sides = left.iter().zip(right);
        self.each(|function, instance| {
            let (left, right) = sides.next().expect("one set of columns for each function");
            instance.merge(rows, left, right, &function.signature)
        })
    }

    /// The results of groups.
    pub fn finish(
        &mut self,
        context: &BatchContext,
        rows: usize,
        keys: &[ArrayRef],
        bounds: &Bounds<'_>,
        accumulators: &[Columns],
    ) -> Result<Vec<Finished>, CallError> {
        let mut sides = accumulators.iter();
        let (mut refused, mut first) = (0, None);
        let finished = self.each(|function, instance| {
            let accumulators = sides.next().expect("one set of columns for each function");
            let Bounds { starts, ends, pane } = bounds;
            let answer = instance.finish(context, rows, keys, starts, ends, pane, accumulators, &function.signature)?;
            refused += answer.rejected.len() as u64;
            first = first.take().or_else(|| answer.rejected.first().map(|rejection| rejection.reason.clone()));
            let emitted = answer.emitted.into_iter().find(|emitted| emitted.port == 0);
            Ok(match emitted {
                Some(emitted) => Finished {
                    columns: emitted.computed,
                    origin: emitted.origin.map(|origin| origin.iter().copied().collect()),
                },
                None => {
                    let fields = function.signature.ports.first().map(|port| port.computed.fields().clone());
                    let empty = fields.iter().flatten().map(|field| new_null_array(field.data_type(), 0));
                    Finished { columns: empty.collect(), origin: Some(Vec::new()) }
                }
            })
        })?;
        // A group is no row of the input, so that no output of rejected rows takes it: it is counted, and the log says why.
        self.stats.rejected += refused;
        if let Some(reason) = first {
            let message = format!("groups rejected by `finish`: {refused}; the first one: {reason}");
            let line = LogLine { level: Level::Warn, message };
            self.said.push(CallLog { lines: vec![line], ..CallLog::default() });
        }
        Ok(finished)
    }

    /// A call that failed, made again by `make` without what is to blame: only what the last of these calls says and counts is kept.
    pub fn without_poison<C, T>(
        &mut self,
        mut make: impl FnMut(&mut Self, &C) -> Result<T, CallError>,
        isolate: impl FnOnce(&mut Make<'_, C, T>) -> Result<Isolated<T>, CallError>,
    ) -> Result<Isolated<T>, CallError> {
        let (before, lines) = (self.stats, self.said.len());
        let (mut said, mut refused) = (Vec::new(), 0);
        let mut trial = |asked: &C, metering: Metering| {
            drop(self.take_said());
            self.said.truncate(lines);
            self.meter(metering);
            let rejected = self.stats.rejected;
            let answer = make(self, asked)?;
            refused = self.stats.rejected - rejected;
            said = self.take_said();
            said.extend(self.said.drain(lines..));
            Ok(answer)
        };
        let isolated = isolate(&mut trial)?;
        self.said.truncate(lines);
        self.meter(Metering::Time);
        // What was tried counts as tried alone.
        self.stats = OperatorStats { call_time: self.stats.call_time, ..before };
        self.stats.trials += isolated.trials;
        if isolated.answer.is_some() {
            self.said.extend(said);
            self.stats.calls += self.plan.functions.len() as u64;
            self.stats.rejected += refused;
        }
        Ok(isolated)
    }

    /// Whether a call that failed so is made again without what is to blame.
    pub fn isolates(&self, error: &CallError) -> bool {
        self.plan.on_trap.isolates() && error.blames_rows()
    }

    /// To be called before a call that may be made again: puts by what was said, for whoever fails is dropped.
    pub fn brace(&mut self) {
        if self.plan.on_trap.isolates() {
            let said = self.take_said();
            self.said.extend(said);
        }
    }

    /// A `finish` that failed, without the groups that are to blame. The answer has none of those.
    pub fn finish_without_poison(
        &mut self,
        context: &BatchContext,
        error: CallError,
        keys: &Columns,
        bounds: &Bounds<'_>,
        accumulators: &[Columns],
    ) -> Result<Isolated<Vec<Finished>>, CallError> {
        let groups = bounds.pane.len();
        let make = |calls: &mut Self, chosen: &Chosen| {
            let rows = chosen.positions(groups);
            let [starts, ends] = [bounds.starts, bounds.ends].map(|times| chosen.values(times));
            let bounds = Bounds { starts: &starts, ends: &ends, pane: &chosen.values(bounds.pane) };
            let keys = take(std::slice::from_ref(keys), &rows).pop().unwrap_or_default();
            calls.finish(context, rows.len(), &keys, &bounds, &take(accumulators, &rows))
        };
        self.without_poison(make, |trial| isolate(groups, error, trial))
    }

    /// A call that folds rows and failed, without the groups that are to blame; `slots` are those of its rows. `make` folds these rows, whose
    /// groups are then the first, the second of those that it is given. Answers also with the row with which each of the groups fails.
    pub fn fold_without_poison(
        &mut self,
        error: CallError,
        slots: &[u32],
        groups: usize,
        mut make: impl FnMut(&mut Self, &Folded) -> Result<Vec<Columns>, CallError>,
    ) -> Result<(Isolated<Vec<Columns>>, Vec<usize>), CallError> {
        let mut rows = Vec::new();
        let blame = |trials: &mut Trials<'_, '_, FoldedPart, Vec<Columns>>, group: usize| {
            let own: Vec<usize> =
                (0..).zip(slots).filter(|(_, slot)| **slot as usize == group).map(|(row, _)| row).collect();
            let last = last_of_prefix(own.len(), |rows| {
                trials.call(&FoldedPart::Beginning { group, rows }).map(|answer| answer.is_none())
            })?;
            rows.extend(own.get(last));
            Ok(trials.fault())
        };
        let make = |calls: &mut Self, part: &FoldedPart| make(calls, &part.of(slots, groups));
        let isolated =
            self.without_poison(make, |trial| isolate_as(groups, error, trial, FoldedPart::Groups, blame))?;
        Ok((isolated, rows))
    }

    /// A `merge` of so many rows that failed, without those that are to blame.
    pub fn merge_without_poison(
        &mut self,
        error: CallError,
        rows: usize,
        left: &[Columns],
        right: &[Columns],
    ) -> Result<Isolated<Vec<Columns>>, CallError> {
        let make = |calls: &mut Self, chosen: &Chosen| {
            let rows = chosen.positions(rows);
            calls.merge(rows.len(), &take(left, &rows), &take(right, &rows))
        };
        self.without_poison(make, |trial| isolate(rows, error, trial))
    }

    /// What the calls since the last take logged and counted.
    pub fn take_logs(&mut self) -> Vec<CallLog> {
        let said = self.take_said();
        self.said.extend(said);
        std::mem::take(&mut self.said)
    }

    /// What the instances have said since they were last asked.
    pub fn take_said(&mut self) -> Vec<CallLog> {
        let spoke = |log: &CallLog| !log.lines.is_empty() || !log.metrics.is_empty() || log.dropped > 0;
        self.instances.iter_mut().flatten().map(|(instance, _)| instance.take_log()).filter(spoke).collect()
    }

    /// Puts by what calls said that count: the instances may be dropped.
    pub fn keep(&mut self, said: Vec<CallLog>) {
        self.said.extend(said);
    }

    /// Calls from now on are metered so.
    pub fn meter(&mut self, metering: Metering) {
        if self.metering != metering {
            self.instances.iter_mut().for_each(|instance| *instance = None);
            self.metering = metering;
        }
    }

    /// Makes the modules' instances, so that the first call need not wait for them.
    pub fn warm(&mut self) -> Result<(), CallError> {
        for (function, slot) in self.plan.functions.iter().zip(&mut self.instances).filter(|(_, slot)| slot.is_none()) {
            let mut instance = AggregateInstance::metered(&function.module, &function.limits, self.metering)?;
            instance.open_as(&function.input, &function.offered, &function.options, &function.signature)?;
            *slot = Some((instance, Loaded::default()));
        }
        Ok(())
    }

    fn each<T>(
        &mut self,
        mut call: impl FnMut(&Function, &mut AggregateInstance) -> Result<T, CallError>,
    ) -> Result<Vec<T>, CallError> {
        let started = Instant::now();
        self.warm()?;
        let plan = Arc::clone(&self.plan);
        let mut results = Vec::with_capacity(plan.functions.len());
        for (function, slot) in plan.functions.iter().zip(&mut self.instances) {
            let (instance, loaded) = slot.as_mut().expect("made above");
            loaded.see(&self.tables);
            let asked = &function.signature.tables;
            loaded.give(asked, |name, version, rows| instance.load_table(name, version, rows))?;
            match call(function, instance) {
                Ok(result) => results.push(result),
                Err(error) => {
                    // Whoever fails is never called again.
                    *slot = None;
                    return Err(error);
                }
            }
            self.stats.calls += 1;
        }
        self.stats.call_time += started.elapsed();
        Ok(results)
    }
}

/// Some of a call that folds rows.
enum FoldedPart {
    Groups(Chosen),
    /// The first so many rows of a group.
    Beginning {
        group: usize,
        rows: usize,
    },
}

/// Rows that are folded.
pub struct Folded {
    pub rows: Vec<u32>,
    /// Of each of them, the number of its group among `groups`.
    pub slots: Vec<u32>,
    pub groups: Vec<u32>,
}

impl FoldedPart {
    fn of(&self, slots: &[u32], groups: usize) -> Folded {
        const NONE: u32 = u32::MAX;
        let (chosen, rows_max) = match self {
            Self::Groups(chosen) => (chosen.positions(groups), usize::MAX),
            Self::Beginning { group, rows } => (vec![*group as u32], *rows),
        };
        let mut numbers = vec![NONE; groups];
        for (number, group) in (0..).zip(&chosen) {
            if let Some(at) = numbers.get_mut(*group as usize) {
                *at = number;
            }
        }
        let number = |slot: &u32| numbers.get(*slot as usize).copied().filter(|number| *number != NONE);
        let rows = (0..).zip(slots).filter_map(|(row, slot)| Some((row, number(slot)?))).take(rows_max);
        let (rows, slots) = rows.unzip();
        Folded { rows, slots, groups: chosen }
    }
}

/// These rows of each set of columns. Rows that follow each other are not copied.
pub fn take(columns: &[Columns], rows: &[u32]) -> Vec<Columns> {
    if let Some(first) = rows.first()
        && rows.iter().zip(*first..).all(|(row, next)| *row == next)
    {
        let slice = |column: &ArrayRef| column.slice(*first as usize, rows.len());
        return columns.iter().map(|columns| columns.iter().map(slice).collect()).collect();
    }
    let rows = UInt32Array::from_iter_values(rows.iter().copied());
    let one = |column: &ArrayRef| compute::take(column.as_ref(), &rows, None).expect("these rows exist");
    columns.iter().map(|columns| columns.iter().map(one).collect()).collect()
}
