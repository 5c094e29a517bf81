//! The commit thread: gives the tasks' output to the sinks in canonical order, and ends epochs.
//!
//! Called by [`run`](super::run). Invariant: nothing is published before the record of its epoch is durable.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::Receiver;
use pelton_core::{
    checkpoint::record::{Record, SinkRecord},
    model::Epoch,
    poison::PoisonCount,
};
use pelton_wasm::{CallLog, Metric};

use super::{
    Control, RunError, Shared,
    checkpoints::{Beginning, Keeper},
    comparison::{Comparer, Comparison, Tapped},
    error::{Failure, LastPoison},
    letters::{OfEpoch, Poisoned, letters},
    order::{Step, in_order},
    output::{ClosedEpoch, Message, Saved, SinkPart, TaskDone, TaskStats},
    pressure::{EpochCost, Pressure},
    progress::{EpochReport, Event, NamedSink, OperatorReport, OperatorSummary, SourceSummary, Summary, Totals},
    revision::Revision,
    timing::{EpochTiming, Instants},
    turn::Turn,
};
use crate::{
    checkpoint::CommitPermit,
    clock, failpoint,
    job::plan::{Plan, PlannedOperator, SinkPlan},
    operator::enrich::recorded::AskedCall,
    sink::{Closing, Prepared, SinkError, Writer},
};

pub(super) struct Committer {
    /// The revision's.
    plan: Arc<Plan>,
    revision: u64,
    threads: usize,
    shared: Arc<Shared>,
    control: Control,
    /// None: there is no shadow.
    comparer: Option<Comparer>,
    /// What is compared of the open epoch.
    tapped: Tapped,
    comparisons: Vec<Comparison>,
    writers: Vec<Box<dyn Writer>>,
    /// None: the job keeps no checkpoints.
    keeper: Option<Keeper>,
    /// None: epochs take what comes.
    pressure: Option<Pressure>,
    /// Rows a second that the next epoch takes at most.
    rate_limit: Option<f64>,
    /// Of the open epoch: the time of compute threads, and of this one.
    computing: Duration,
    committing: Duration,
    /// What each sink was given of the open epoch.
    given: Vec<Given>,
    saved: Vec<Saved>,
    /// Poison rows of the open epoch that are to be kept.
    poison: Vec<Poisoned>,
    /// What endpoints answered to the open epoch.
    asked: Vec<AskedCall>,
    /// Those of each operator of the open epoch, by its name: how many, and why the last one is.
    poison_of: BTreeMap<String, (u64, String)>,
    /// And of the last epochs.
    counts: HashMap<String, PoisonCount>,
    /// Tasks before this one are computed again: sinks have their output.
    again: u64,
    /// The task whose output is being written.
    current: u64,
    started: Instant,
    /// When the last epoch was committed.
    committed: Option<Instant>,
    epoch_start: Totals,
    total: Totals,
    sources: Vec<SourceSummary>,
    operators: Vec<OperatorSummary>,
    sinks: Vec<NamedSink>,
    /// Largest event time less its bound, for each source that has one.
    watermarks: Vec<Option<i64>>,
}

/// What a sink was given of one epoch.
#[derive(Clone, Default)]
struct Given {
    rows: u64,
    /// Of all of it, in order.
    hash: u64,
}

/// One summary for each operator of a plan; those that are known go on.
fn operators(plan: &Plan, known: Vec<OperatorSummary>) -> Vec<OperatorSummary> {
    let mut known: HashMap<String, OperatorSummary> =
        known.into_iter().map(|summary| (summary.name.clone(), summary)).collect();
    let summary = |planned: &PlannedOperator| {
        let name = planned.logic.name().to_owned();
        known.remove(&name).unwrap_or_else(|| OperatorSummary { name, ..OperatorSummary::default() })
    };
    plan.operators.iter().map(summary).collect()
}

fn sink_failed(sink: &NamedSink, source: SinkError) -> RunError {
    RunError::Sink { name: sink.name.clone(), source }
}

impl Committer {
    /// Opens the writers: nothing is computed if one cannot work.
    pub(super) fn open(
        revision: &Revision,
        shared: &Arc<Shared>,
        threads: usize,
        mut beginning: Beginning,
        control: &Control,
    ) -> Result<Self, RunError> {
        let plan = &revision.plan;
        let writers = beginning.sinks(plan)?;
        shared.sinks_due.set(&writers);
        let again = beginning.resumed().map_or(0, |resumed| resumed.again);
        let named = |name: &String| name.clone();
        Ok(Self {
            threads,
            revision: revision.number,
            shared: Arc::clone(shared),
            control: control.clone(),
            comparer: Comparer::start(plan, control),
            tapped: Tapped::new(plan),
            comparisons: Vec::new(),
            pressure: Pressure::new(&plan.batch, threads),
            rate_limit: None,
            computing: Duration::ZERO,
            committing: Duration::ZERO,
            given: vec![Given::default(); writers.len()],
            writers,
            keeper: beginning.into_keeper(),
            saved: Vec::new(),
            poison: Vec::new(),
            asked: Vec::new(),
            poison_of: BTreeMap::new(),
            counts: HashMap::new(),
            again,
            current: 0,
            started: Instant::now(),
            committed: None,
            epoch_start: Totals::default(),
            total: Totals::default(),
            sources: plan
                .sources
                .iter()
                .map(|s| SourceSummary { name: named(&s.name), ..Default::default() })
                .collect(),
            operators: operators(plan, Vec::new()),
            sinks: plan.sinks.iter().map(|s| NamedSink { name: named(&s.name), ..Default::default() }).collect(),
            watermarks: vec![None; plan.sources.len()],
            plan: Arc::clone(plan),
        })
    }

    pub(super) fn run(
        &mut self,
        messages: &Receiver<Message>,
        permits: &Receiver<()>,
        turn: &Turn,
        observe: &mut dyn FnMut(Event),
    ) -> Result<Summary, Failure> {
        in_order(messages, permits, turn, &mut |task, step| {
            self.current = task;
            match step {
                Step::Part(parts) => self.write(parts),
                Step::Done(done) => self.done(*done, observe),
                Step::Epoch(closed) => self.end_epoch(*closed, observe),
            }
        })?;
        self.finish(self.control.stop.is_requested())
    }

    /// The rest of the oldest task.
    fn done(&mut self, done: TaskDone, observe: &mut dyn FnMut(Event)) -> Result<(), Failure> {
        let TaskDone {
            parts,
            revision,
            source,
            stats,
            time,
            logs,
            saved,
            tapped,
            failures,
            poison,
            asked,
            faults,
            lineage: _,
        } = done;
        if let Some(revision) = revision {
            self.goes_by(&revision, observe);
        }
        self.write(parts)?;
        self.saved.extend(saved);
        if !self.is_again() {
            self.computing += time;
            if self.comparer.is_some() {
                self.tapped.add(tapped, failures, &stats.operators);
            }
            self.count(source, &stats);
            self.poison.extend(poison);
            if self.keeper.is_some() {
                self.asked.extend(asked);
            }
            self.blame(faults);
            for (operator, log) in logs {
                self.log(operator, log, observe);
            }
        }
        Ok(())
    }

    /// The task belongs to an epoch that an earlier run committed.
    fn is_again(&self) -> bool {
        self.current < self.again
    }

    fn write(&mut self, parts: Vec<SinkPart>) -> Result<(), Failure> {
        let is_again = self.is_again();
        for part in parts {
            let Some((writer, named)) = self.writers.get_mut(part.sink).zip(self.sinks.get_mut(part.sink)) else {
                continue;
            };
            let started = Instant::now();
            if self.keeper.is_some()
                && let Some(given) = self.given.get_mut(part.sink)
            {
                given.rows += part.encoded.rows;
                given.hash = part.encoded.hash(given.hash);
            }
            if is_again {
                continue;
            }
            self.total.rows_out += part.encoded.rows;
            writer.write(part.encoded).map_err(|source| sink_failed(named, source))?;
            named.write_time += started.elapsed();
            self.committing += started.elapsed();
        }
        Ok(())
    }

    fn count(&mut self, source: Option<usize>, stats: &TaskStats) {
        self.total.bytes_in += stats.bytes_in;
        self.total.rows_in += stats.rows_in;
        self.total.rejected += stats.rejected;
        if let Some(summary) = source.and_then(|source| self.sources.get_mut(source)) {
            summary.rows += stats.rows_in;
            summary.rejected += stats.rejected;
            summary.bytes += stats.bytes_in;
            summary.time += stats.decode_time;
        }
        for ((summary, stats), planned) in self.operators.iter_mut().zip(&stats.operators).zip(&self.plan.operators) {
            summary.stats.add(stats);
            if planned.shadow_of.is_none() {
                self.total.rejected += stats.rejected;
                self.total.late += stats.late;
                self.total.dead += stats.dead;
                self.total.skipped += stats.skipped;
                self.total.traps += stats.traps;
            }
        }
        for (sink, time) in self.sinks.iter_mut().zip(&stats.encode_time) {
            sink.encode_time += *time;
        }
        let Some(source) = source else { return };
        let bound = self.plan.sources.get(source).and_then(|planned| planned.event_time).map_or(0, |(_, bound)| bound);
        if let (Some(watermark), Some(max)) = (self.watermarks.get_mut(source), stats.event_time_max) {
            *watermark = (*watermark).max(Some(max.saturating_sub(bound)));
        }
    }

    /// Counts poison rows of a task for their operators.
    fn blame(&mut self, faults: Vec<(usize, u64, String)>) {
        for (operator, rows, why) in faults {
            let Some(planned) = self.plan.operators.get(operator) else { continue };
            let of = self.poison_of.entry(planned.logic.name().to_owned()).or_default();
            *of = (of.0 + rows, why);
        }
    }

    /// Ends the job before an epoch is committed in which an operator had more poison rows than its rate bears.
    fn check_poison(&mut self, plan: &Plan, now: i64) -> Result<(), Failure> {
        for (name, (rows, why)) in std::mem::take(&mut self.poison_of) {
            let Some(rate) = plan.operator(&name).and_then(|planned| planned.spec.on_trap.rate()) else { continue };
            let rows = self.counts.entry(name.clone()).or_default().add(rate, now, rows);
            if rows > rate.rows {
                let (rows_max, within, last) = (rate.rows, rate.within, LastPoison(why));
                return Err(RunError::Poison { name, rows, rows_max, within, last }.into());
            }
        }
        Ok(())
    }

    fn log(&mut self, operator: usize, log: CallLog, observe: &mut dyn FnMut(Event)) {
        let Some(summary) = self.operators.get_mut(operator) else { return };
        summary.log_lines_dropped += log.dropped;
        for (name, metric) in &log.metrics {
            match summary.metrics.iter_mut().find(|(known, _)| known == name) {
                Some((_, Metric::Counter(sum))) if matches!(metric, Metric::Counter(_)) => {
                    let Metric::Counter(added) = metric else { continue };
                    *sum = sum.saturating_add(*added);
                }
                Some((_, known)) => *known = *metric,
                None => summary.metrics.push((name.clone(), *metric)),
            }
        }
        if !log.lines.is_empty() || log.dropped > 0 {
            observe(Event::Log { operator: summary.name.clone(), log });
        }
    }

    /// All tasks of an epoch are written.
    fn end_epoch(&mut self, closed: ClosedEpoch, observe: &mut dyn FnMut(Event)) -> Result<(), Failure> {
        let epoch = closed.epoch;
        let given: Vec<Given> = self.given.iter_mut().map(std::mem::take).collect();
        let saved = std::mem::take(&mut self.saved);
        let poison = std::mem::take(&mut self.poison);
        if let Some(record) = &closed.again {
            return self.compare(record, &given);
        }
        let revision = Arc::clone(&closed.revision);
        self.goes_by(&closed.revision, observe);
        self.check_poison(&closed.revision.plan, closed.now)?;
        let (written, closed_at, began) = (Instant::now(), closed.closed, closed.now);
        self.commit(closed, &given, (saved, poison))?;
        let committed = Instant::now();
        self.committing += committed.saturating_duration_since(written);
        let instants = Instants { closed: closed_at, before: self.committed.replace(committed), written, committed };
        let timing = EpochTiming::between(began, clock::now_us(), instants);
        self.total.epochs += 1;
        self.adapt(closed_at);
        if let Some(comparer) = &mut self.comparer {
            let next = Tapped::new(&self.plan);
            comparer.take(Tapped { epoch, ..std::mem::replace(&mut self.tapped, next) });
        }
        observe(Event::Epoch(Box::new(self.report(epoch, &revision, timing))));
        self.epoch_start = self.total;
        Ok(())
    }

    /// Has the next epochs take what the job works off.
    fn adapt(&mut self, closed: Instant) {
        let (computing, committing) = (std::mem::take(&mut self.computing), std::mem::take(&mut self.committing));
        let Some(pressure) = &mut self.pressure else { return };
        let rows = self.total.rows_in - self.epoch_start.rows_in;
        let bytes = self.total.bytes_in - self.epoch_start.bytes_in;
        let cost = EpochCost { rows, bytes, computing, committing, closed };
        self.rate_limit = pressure.note(cost, &self.shared.epoch_bytes).or(self.rate_limit);
    }

    /// What comes next belongs to this revision.
    fn goes_by(&mut self, revision: &Revision, observe: &mut dyn FnMut(Event)) {
        if revision.number == self.revision {
            return;
        }
        if let Some(comparer) = self.comparer.take() {
            self.comparisons.extend(comparer.finish());
        }
        (self.plan, self.revision) = (Arc::clone(&revision.plan), revision.number);
        self.operators = operators(&self.plan, std::mem::take(&mut self.operators));
        self.comparer = Comparer::start(&self.plan, &self.control);
        self.tapped = Tapped::new(&self.plan);
        observe(Event::Revision(revision.number));
    }

    /// The epoch has happened once this returns, and is visible.
    fn commit(
        &mut self,
        closed: ClosedEpoch,
        given: &[Given],
        (saved, poison): (Vec<Saved>, Vec<Poisoned>),
    ) -> Result<(), Failure> {
        let (epoch, saves) = (closed.epoch, closed.saves);
        let mut prepared = Vec::new();
        for (writer, named) in self.writers.iter_mut().zip(&mut self.sinks) {
            let started = Instant::now();
            let end = Closing { epoch, now: closed.now, is_end: closed.is_end };
            prepared.push(writer.prepare(end).map_err(|source| sink_failed(named, source))?);
            named.write_time += started.elapsed();
        }
        self.shared.sinks_due.set(&self.writers);
        failpoint::reach("prepare");
        let mut permit = CommitPermit::without_checkpoint(epoch);
        if let Some(keeper) = &mut self.keeper {
            let record = |((planned, given), prepared): ((&SinkPlan, &Given), &Prepared)| SinkRecord {
                name: planned.name.clone(),
                target: planned.target(),
                rows: given.rows,
                hash: given.hash,
                state: prepared.state.clone(),
                outbox: prepared.files.clone(),
            };
            let records = self.plan.sinks.iter().zip(given).zip(&prepared).map(record).collect();
            let outboxes = prepared.iter_mut().map(|prepared| std::mem::take(&mut prepared.outbox)).collect();
            let sinks: (Vec<SinkRecord>, Vec<Vec<u8>>) = (records, outboxes);
            let of = OfEpoch { plan: &self.plan, epoch, revision: self.revision, now: closed.now };
            let asked = std::mem::take(&mut self.asked);
            let kept = (saved, letters(&of, poison), asked.as_slice());
            permit = keeper.commit(&self.shared, closed, &sinks, kept, &self.watermarks)?;
            for (prepared, outbox) in prepared.iter_mut().zip(sinks.1) {
                prepared.outbox = outbox;
            }
        }
        failpoint::reach("commit");
        for ((writer, named), prepared) in self.writers.iter_mut().zip(&mut self.sinks).zip(&prepared) {
            let started = Instant::now();
            writer.publish(&permit, prepared).map_err(|source| sink_failed(named, source))?;
            failpoint::reach("publish");
            named.write_time += started.elapsed();
        }
        if let Some(keeper) = &mut self.keeper {
            keeper.published(permit, saves, &mut self.writers)?;
        }
        Ok(())
    }

    /// An epoch that was computed again must have come to the same.
    fn compare(&self, record: &Record, given: &[Given]) -> Result<(), Failure> {
        for (named, given) in self.sinks.iter().zip(given) {
            let was = record.sinks.iter().find(|sink| sink.name == named.name);
            if was.is_some_and(|was| (was.rows, was.hash) != (given.rows, given.hash)) {
                return Err(RunError::NotAgain { epoch: record.epoch, sink: named.name.clone() }.into());
            }
        }
        Ok(())
    }

    fn report(&self, epoch: Epoch, revision: &Revision, timing: EpochTiming) -> EpochReport {
        let watermark = self.watermarks.iter().flatten().min().copied();
        let operator = |(index, summary): (usize, &OperatorSummary)| OperatorReport {
            name: summary.name.clone(),
            stats: summary.stats,
            held: revision.held(index),
        };
        EpochReport {
            epoch,
            revision: revision.number,
            rows_in: self.total.rows_in - self.epoch_start.rows_in,
            rows_out: self.total.rows_out - self.epoch_start.rows_out,
            rejected: self.total.rejected - self.epoch_start.rejected,
            bytes_in: self.total.bytes_in - self.epoch_start.bytes_in,
            total: self.total,
            operators: self.operators.iter().enumerate().map(operator).collect(),
            letters: self.keeper.as_ref().map(Keeper::letters),
            input_bytes: self.plan.sources.iter().map(|planned| planned.source.total_bytes()).sum(),
            watermark,
            event_time_lag: watermark.map(|watermark| clock::now_us().saturating_sub(watermark)),
            rate_limit: self.rate_limit,
            timing,
            elapsed: self.started.elapsed(),
        }
    }

    fn finish(&mut self, interrupted: bool) -> Result<Summary, Failure> {
        for (writer, named) in self.writers.iter_mut().zip(&mut self.sinks) {
            let started = Instant::now();
            named.summary = writer.finish().map_err(|source| sink_failed(named, source))?;
            named.write_time += started.elapsed();
        }
        let letters = self.keeper.as_ref().map(Keeper::letters);
        if let Some(keeper) = self.keeper.take() {
            keeper.close(&mut self.writers)?;
        }
        if let Some(comparer) = self.comparer.take() {
            self.comparisons.extend(comparer.finish());
        }
        Ok(Summary {
            comparisons: std::mem::take(&mut self.comparisons),
            job: self.plan.name.clone(),
            threads: self.threads,
            interrupted,
            elapsed: self.started.elapsed().max(Duration::from_nanos(1)),
            total: self.total,
            sources: std::mem::take(&mut self.sources),
            operators: std::mem::take(&mut self.operators),
            sinks: std::mem::take(&mut self.sinks),
            letters,
        })
    }
}
