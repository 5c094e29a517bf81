//! Plans epochs: which ranges belong to which, and when one closes.
//!
//! An epoch closes when it has `batch.max-bytes` of input, or when `batch.interval` has passed and a source had nothing more to
//! give; with an interval of zero, as soon as what is there has been taken. Sources take turns in the order of the job file,
//! each with its share of the bytes, so that over files the cut depends on nothing but their bytes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;
use pelton_core::model::Epoch;

use super::{
    Keyed, RunError, Stop, Task, Work,
    error::Failure,
    output::Message,
    tables::{TableWatch, Tables},
};
use crate::{
    clock,
    job::plan::Plan,
    source::{Next, Planner},
};

/// How long a wait for input lasts before the stop is looked at again.
const PATIENCE: Duration = Duration::from_millis(50);

pub(super) struct EpochPlanner {
    plan: Arc<Plan>,
    keyed: Arc<Keyed>,
    watch: TableWatch,
    /// As an epoch sees them from its first task on.
    tables: (Epoch, Arc<Tables>),
    sources: Vec<Option<Box<dyn Planner>>>,
    quiet: Vec<Quiet>,
    permits: Sender<()>,
    stop: Stop,
    abort: Stop,
    sequence: u64,
    /// The end of the last epoch's reads: what those of the next one come after.
    reads_end: u64,
    /// Keyed operators have been told that the input has ended.
    is_last_sent: bool,
}

/// How long a source has given no row.
#[derive(Debug, Clone, Copy)]
struct Quiet {
    /// Processing time of its last range, in µs; at first, of the start.
    since: i64,
    is_idle: bool,
}

/// How the turn of a source ended.
#[derive(PartialEq, Eq)]
enum Turn {
    /// Its share of the bytes is used up.
    Full,
    /// It has nothing at the moment.
    Idle,
    Ended,
}

impl EpochPlanner {
    pub(super) fn new(
        plan: &Arc<Plan>,
        keyed: &Arc<Keyed>,
        watch: TableWatch,
        permits: Sender<()>,
        stop: Stop,
        abort: Stop,
    ) -> Result<Self, RunError> {
        let sources = plan
            .sources
            .iter()
            .map(|planned| match planned.source.planner() {
                Ok(planner) => Ok(Some(planner)),
                Err(source) => Err(RunError::Source { name: planned.name.clone(), epoch: Epoch::FIRST, source }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            plan: Arc::clone(plan),
            keyed: Arc::clone(keyed),
            watch,
            tables: (Epoch(0), Arc::default()),
            quiet: vec![Quiet { since: clock::now_us(), is_idle: false }; plan.sources.len()],
            sources,
            permits,
            stop,
            abort,
            sequence: 0,
            reads_end: 0,
            is_last_sent: false,
        })
    }

    pub(super) fn run(mut self, tasks: &Sender<Task>, messages: &Sender<Message>) {
        let mut epoch = Epoch::FIRST;
        while !self.stopped() && self.sources.iter().any(Option::is_some) {
            let before = self.sequence;
            if let Err(failure) = self.epoch(epoch, tasks) {
                if let Failure::Run(error) = failure {
                    let _ = messages.send(Message::PlannerFailed { end: self.sequence, error });
                }
                return;
            }
            if self.sequence > before {
                // A closed channel means that the run has ended; so does this thread then.
                let _ = messages.send(Message::EpochClosed { epoch, end: self.sequence });
                epoch = epoch.next();
            }
        }
        // The end of the input may have been found only after the last epoch was closed.
        if !self.stopped() && self.is_keyed() && !self.is_last_sent {
            if self.reduce(epoch, clock::now_us(), tasks).is_err() {
                return;
            }
            let _ = messages.send(Message::EpochClosed { epoch, end: self.sequence });
        }
        let _ = messages.send(Message::InputEnded { end: self.sequence });
    }

    fn is_keyed(&self) -> bool {
        self.plan.operators.iter().any(|planned| planned.stage > 0)
    }

    fn stopped(&self) -> bool {
        self.stop.is_requested() || self.abort.is_requested()
    }

    fn epoch(&mut self, epoch: Epoch, tasks: &Sender<Task>) -> Result<(), Failure> {
        let closes = Instant::now() + self.plan.batch.interval;
        let first = self.sequence;
        let mut now = clock::now_us();
        let share = self.plan.batch.max_bytes / (self.sources.len() as u64).max(1);
        let mut left = vec![share.max(1); self.sources.len()];
        loop {
            let mut idle = false;
            // Nothing of this epoch has begun: it is as old as its first row, or as what is due without one.
            if self.sequence == first {
                now = clock::now_us();
            }
            for (index, left) in left.iter_mut().enumerate() {
                idle |= self.turn(index, left, epoch, now, tasks)? == Turn::Idle;
            }
            let at_once = self.plan.batch.interval.is_zero();
            let has_rows = self.sequence > first;
            let has_passed = Instant::now() >= closes;
            // Asked for only when the epoch may close: who is due says so once.
            let is_due = has_rows || has_passed && (self.fall_idle(epoch) | self.keyed.is_due(now));
            if !idle || has_passed && (!at_once || is_due) || self.stopped() {
                return if is_due { self.reduce(epoch, now, tasks) } else { Ok(()) };
            }
        }
    }

    /// Takes what a source has, up to its share.
    fn turn(
        &mut self,
        index: usize,
        left: &mut u64,
        epoch: Epoch,
        now: i64,
        tasks: &Sender<Task>,
    ) -> Result<Turn, Failure> {
        let patience = if self.sources.iter().flatten().count() > 1 { PATIENCE / 10 } else { PATIENCE };
        while *left > 0 && !self.stopped() {
            let Some(planner) = self.sources.get_mut(index).and_then(Option::as_mut) else { return Ok(Turn::Ended) };
            let range = match planner.next(Some(Instant::now() + patience)) {
                Ok(Next::Range(range)) => range,
                Ok(Next::Pending) => return Ok(Turn::Idle),
                Ok(Next::End) => {
                    self.keyed.event_times.ended(index, epoch);
                    if let Some(ended) = self.sources.get_mut(index) {
                        *ended = None;
                    }
                    return Ok(Turn::Ended);
                }
                Err(source) => {
                    let name = self.plan.sources.get(index).map(|planned| planned.name.clone()).unwrap_or_default();
                    return Err(RunError::Source { name, epoch, source }.into());
                }
            };
            *left = left.saturating_sub(range.bytes.max(1));
            self.heard(index, epoch);
            self.keyed.event_times.reached(index, epoch, range.partition);
            self.send(self.reads_end, epoch, now, Work::Read { source: index, range }, tasks)?;
        }
        Ok(Turn::Full)
    }

    /// A source has given rows.
    fn heard(&mut self, index: usize, epoch: Epoch) {
        let Some(quiet) = self.quiet.get_mut(index) else { return };
        quiet.since = clock::now_us();
        if std::mem::take(&mut quiet.is_idle) {
            self.keyed.event_times.idle(index, epoch, false);
        }
    }

    /// Finds the sources that have given no row for so long that nobody waits for them any more. Whether there is a new one.
    fn fall_idle(&mut self, epoch: Epoch) -> bool {
        let now = clock::now_us();
        let mut fell = false;
        for (index, (planned, quiet)) in self.plan.sources.iter().zip(&mut self.quiet).enumerate() {
            let Some(idle) = planned.idle else { continue };
            if !quiet.is_idle && now.saturating_sub(quiet.since) >= idle {
                quiet.is_idle = true;
                fell = true;
                self.keyed.event_times.idle(index, epoch, true);
            }
        }
        fell
    }

    /// Closes the epoch of the keyed operators, stage by stage.
    fn reduce(&mut self, epoch: Epoch, now: i64, tasks: &Sender<Task>) -> Result<(), Failure> {
        if !self.is_keyed() {
            return Ok(());
        }
        self.fall_idle(epoch);
        self.reads_end = self.sequence;
        let is_last = !self.stopped() && self.sources.iter().all(Option::is_none);
        self.is_last_sent = is_last;
        let plan = Arc::clone(&self.plan);
        let stages = plan.operators.iter().map(|planned| planned.stage).max().unwrap_or(0);
        for stage in 1..=stages {
            let after = self.sequence;
            for (operator, planned) in plan.operators.iter().enumerate().filter(|(_, planned)| planned.stage == stage) {
                for partition in 0..planned.logic.partitions() {
                    self.send(after, epoch, now, Work::Reduce { operator, partition, is_last }, tasks)?;
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, after: u64, epoch: Epoch, now: i64, work: Work, tasks: &Sender<Task>) -> Result<(), Failure> {
        self.permits.send(()).map_err(|_| Failure::Lost)?;
        if self.tables.0 != epoch {
            self.tables = (epoch, self.watch.now());
        }
        let tables = Arc::clone(&self.tables.1);
        let task = Task { sequence: self.sequence, after, epoch, now, tables, work };
        tasks.send(task).map_err(|_| Failure::Lost)?;
        self.sequence += 1;
        Ok(())
    }
}
