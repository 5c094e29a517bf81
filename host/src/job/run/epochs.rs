//! Plans epochs: which ranges belong to which, and when one closes.
//!
//! An epoch closes when it has `batch.max-bytes` of input, or when `batch.interval` has passed and a source had nothing more to
//! give; with an interval of zero, as soon as what is there has been taken. Sources take turns in the order of the job file,
//! each with its share of the bytes, so that over files the cut depends on nothing but their bytes.

mod quiet;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;
use pelton_core::{
    checkpoint::record::{Position, Record, SourceTurn},
    model::Epoch,
};

use self::quiet::Quiet;
use super::{
    Control, RunError, Shared, Stop, Task, Work,
    checkpoints::{Again, PlannerBeginning},
    control::Wanted,
    error::Failure,
    letters::{Asked, Desk, Replays, replays},
    output::{ClosedEpoch, Message},
    revision::{Revision, WarmRunners},
    tables::{TableWatch, Tables},
};
use crate::{
    clock,
    job::plan::{Plan, change::Change},
    operator::enrich::recorded::Recorded,
    source::{Next, Planner, Range, SourceError},
};

/// How long a wait for input lasts before the stop is looked at again.
const PATIENCE: Duration = Duration::from_millis(50);

pub(super) struct EpochPlanner {
    /// The revision's.
    plan: Arc<Plan>,
    revision: Arc<Revision>,
    shared: Arc<Shared>,
    control: Control,
    /// Revisions to go over to on the way to the one that is wanted.
    upcoming: VecDeque<(u64, Plan)>,
    watch: TableWatch,
    letters: Desk,
    /// As an epoch sees them from its first task on.
    tables: (Epoch, Arc<Tables>),
    /// What endpoints answered to the epoch that is computed again.
    replies: Option<Arc<Recorded>>,
    sources: Vec<Option<Box<dyn Planner>>>,
    /// Of those that have ended, where their logs end.
    log_ends: Vec<Option<u64>>,
    /// Nobody wants more input: what is left was promised.
    is_draining: bool,
    /// A stop was asked for, and what was promised is in memory alone.
    is_finishing: bool,
    quiet: Vec<Quiet>,
    permits: Sender<()>,
    abort: Stop,
    /// The epoch that comes next.
    next: Epoch,
    /// Epochs of an earlier run that are to be computed again.
    again: VecDeque<Again>,
    sequence: u64,
    /// The end of the last epoch's reads: what those of the next one come after.
    reads_end: u64,
    /// Keyed operators have been told that the input has ended.
    is_last_sent: bool,
    open: OpenEpoch,
    saved_at: Instant,
    /// Epochs have been closed since state was saved.
    is_unsaved: bool,
    /// An epoch has been closed as the last one.
    is_end_said: bool,
}

/// What is known of the epoch that is being planned.
#[derive(Default)]
struct OpenEpoch {
    /// What it carries out of what was asked for.
    asked: Option<Asked>,
    turns: Vec<SourceTurn>,
    idle: Vec<Option<bool>>,
    is_reduced: bool,
    is_last: bool,
    saves: bool,
    /// A sink waits for its end, or state to be saved.
    is_due: bool,
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
        revision: Arc<Revision>,
        shared: &Arc<Shared>,
        (watch, beginning): (TableWatch, PlannerBeginning),
        permits: Sender<()>,
        control: Control,
        abort: Stop,
    ) -> Result<Self, RunError> {
        let plan = &revision.plan;
        let start = Position::Start;
        let at = |index: usize| beginning.positions.get(index).unwrap_or(&start);
        let sources = plan
            .sources
            .iter()
            .enumerate()
            .map(|(index, planned)| {
                let name = || planned.name.clone();
                if *at(index) == Position::End {
                    return Ok(None);
                }
                match planned.source.planner_from(at(index)) {
                    Ok(planner) if plan.checkpoint.is_some() && planner.bookmark().is_none() => {
                        Err(RunError::NotReplayable { name: name() })
                    }
                    Ok(planner) => Ok(Some(planner)),
                    Err(source) => Err(RunError::Source { name: name(), epoch: beginning.epoch, source }),
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            log_ends: vec![None; plan.sources.len()],
            is_draining: false,
            is_finishing: false,
            plan: Arc::clone(plan),
            shared: Arc::clone(shared),
            control,
            upcoming: beginning.upcoming,
            watch,
            letters: Desk::new(beginning.letters),
            tables: (Epoch(0), Arc::default()),
            replies: None,
            quiet: vec![Quiet { since: clock::now_us(), is_idle: false }; plan.sources.len()],
            sources,
            permits,
            abort,
            next: beginning.epoch,
            again: beginning.again,
            sequence: 0,
            reads_end: 0,
            is_last_sent: beginning.is_ended,
            open: OpenEpoch::default(),
            saved_at: Instant::now(),
            is_unsaved: false,
            is_end_said: beginning.is_ended,
            revision,
        })
    }

    pub(super) fn run(mut self, tasks: &Sender<Task>, messages: &Sender<Message>) {
        match self.epochs(tasks, messages) {
            Ok(()) => {
                let _ = messages.send(Message::InputEnded { end: self.sequence });
            }
            Err(Failure::Run(error)) => {
                let _ = messages.send(Message::PlannerFailed { end: self.sequence, error });
            }
            // The run has ended; so does this thread then.
            Err(Failure::Lost) => {}
        }
    }

    fn epochs(&mut self, tasks: &Sender<Task>, messages: &Sender<Message>) -> Result<(), Failure> {
        while let Some(again) = self.again.pop_front() {
            self.go_over(Some(again.record.revision))?;
            self.compute_again(again, tasks, messages)?;
        }
        self.go_over(None)?;
        let first = self.next;
        while !self.stopped() && self.sources.iter().any(Option::is_some) {
            if let Some(wanted) = self.control.take_change() {
                let Wanted { change, warm } = *wanted;
                self.change(change, warm);
            }
            if self.control.stop.is_draining() {
                self.drain();
                if self.sources.iter().all(Option::is_none) {
                    break;
                }
            }
            let before = self.sequence;
            let now = self.epoch(self.next, tasks)?;
            if self.sequence > before || self.open.asked.is_some() || self.open.is_due {
                self.close(before, now, None, messages)?;
            }
            drop(self.revision.take_retired());
        }
        self.finish(tasks, messages)?;
        self.letters_at_the_end(tasks, messages)?;
        // The end of the input may have been found only after the last epoch was closed; or there was no row at all. Keyed operators
        // are to know it, and sinks that publish by epochs.
        let has_begun = self.next != first || first == Epoch::FIRST;
        let is_unsaid = self.plan.checkpoint.is_some() && has_begun && !self.is_end_said;
        let ends = !self.stopped() && (self.is_keyed() && !self.is_last_sent || is_unsaid);
        // Whoever stops a job in peace finds its state saved.
        let saves = self.plan.checkpoint.is_some() && self.is_unsaved && self.control.stop.is_requested();
        if ends || saves && !self.abort.is_requested() {
            let (before, now) = (self.sequence, clock::now_us());
            self.reduce(self.next, now, tasks)?;
            self.close(before, now, None, messages)?;
        }
        Ok(())
    }

    /// Works off the rows that sources have taken and nobody can send again, although a stop was asked for: without a checkpoint they are
    /// in memory alone. No window closes because of it.
    fn finish(&mut self, tasks: &Sender<Task>, messages: &Sender<Message>) -> Result<(), Failure> {
        if self.plan.checkpoint.is_some() || !self.stopped() {
            return Ok(());
        }
        for source in &mut self.sources {
            if source.as_mut().is_some_and(|source| !source.drain()) {
                *source = None;
            }
        }
        self.is_finishing = true;
        while !self.stopped() && self.sources.iter().any(Option::is_some) {
            let before = self.sequence;
            let now = self.epoch(self.next, tasks)?;
            if self.sequence > before {
                self.close(before, now, None, messages)?;
            }
        }
        self.is_finishing = false;
        Ok(())
    }

    /// What was asked for since the input has ended. Keyed operators that have been told of the end take no rows any more.
    fn letters_at_the_end(&mut self, tasks: &Sender<Task>, messages: &Sender<Message>) -> Result<(), Failure> {
        while !self.stopped() {
            let (before, now) = (self.sequence, clock::now_us());
            if !self.letters(self.next, now, tasks)? {
                return Ok(());
            }
            if self.is_over() {
                self.open.is_last = true;
            } else {
                self.reduce(self.next, now, tasks)?;
            }
            self.close(before, now, None, messages)?;
        }
        Ok(())
    }

    /// Windows were closed for good.
    fn is_over(&self) -> bool {
        self.is_keyed() && self.is_last_sent
    }

    /// Has the epoch begin with what somebody asked for. Whether it does.
    fn letters(&mut self, epoch: Epoch, now: i64, tasks: &Sender<Task>) -> Result<bool, Failure> {
        let plan = Arc::clone(&self.plan);
        let Some((asked, rows)) = self.letters.next(&plan, !self.is_over())? else { return Ok(false) };
        self.replay(rows, epoch, now, tasks)?;
        self.open.asked = Some(asked);
        Ok(true)
    }

    fn replay(&mut self, rows: Replays, epoch: Epoch, now: i64, tasks: &Sender<Task>) -> Result<(), Failure> {
        rows.into_iter().try_for_each(|(operator, batch)| {
            self.send(self.reads_end, epoch, now, Work::Letters { operator, batch }, tasks)
        })
    }

    /// Goes over to the revision of an earlier epoch; none: to the one that is wanted.
    fn go_over(&mut self, revision: Option<u64>) -> Result<(), Failure> {
        while revision != Some(self.revision.number)
            && let Some((number, plan)) = self.upcoming.pop_front()
        {
            let change = Change::new(&self.plan, self.revision.number, number, plan);
            self.change(change.map_err(|source| RunError::Change { revision: number, source })?, Vec::new());
        }
        match revision {
            Some(revision) if revision != self.revision.number => Err(RunError::UnknownRevision { revision }.into()),
            _ => Ok(()),
        }
    }

    /// From the next epoch on the job goes by another plan.
    fn change(&mut self, change: Change, warm: Vec<WarmRunners>) {
        if change.from != self.revision.number {
            tracing::warn!(revision = change.revision, "given up: the job has changed meanwhile");
            return;
        }
        self.revision = Arc::new(self.revision.next(change, warm));
        self.plan = Arc::clone(&self.revision.plan);
        self.watch.goes_by(&self.plan);
        // Its first task looks at the tables anew.
        self.tables = (Epoch(0), Arc::default());
        self.control.goes_by(&self.revision);
    }

    /// No source is asked for more than it has promised to take.
    fn drain(&mut self) {
        if std::mem::replace(&mut self.is_draining, true) {
            return;
        }
        for index in 0..self.sources.len() {
            let source = self.sources.get_mut(index).and_then(Option::as_mut);
            if source.is_some_and(|source| !source.drain()) {
                self.end_source(index, self.next);
            }
        }
    }

    /// A source has no more rows.
    fn end_source(&mut self, index: usize, epoch: Epoch) {
        let Some(ended) = self.sources.get_mut(index).and_then(Option::take) else { return };
        if !self.is_finishing {
            self.shared.event_times.ended(index, epoch);
        }
        if let Some(log_end) = self.log_ends.get_mut(index) {
            *log_end = ended.log_end();
        }
    }

    /// An epoch of an earlier run: the same ranges, at the same time.
    fn compute_again(&mut self, again: Again, tasks: &Sender<Task>, messages: &Sender<Message>) -> Result<(), Failure> {
        let Again { record, tables, letters, replies } = again;
        let (epoch, now, before) = (record.epoch, record.now, self.sequence);
        self.tables = (epoch, tables);
        self.replies = Some(replies);
        let rows = replays(&self.plan, &letters)?;
        self.replay(rows, epoch, now, tasks)?;
        for SourceTurn { source, ranges } in &record.turns {
            let index = *source as usize;
            for _ in 0..*ranges {
                let range = self.range_again(index, epoch)?;
                self.shared.event_times.reached(index, epoch, range.partition);
                self.send(self.reads_end, epoch, now, Work::Read { source: index, range }, tasks)?;
            }
        }
        let named = |name: &str| record.sources.iter().find(|source| source.name == name);
        let plan = Arc::clone(&self.plan);
        for (index, planned) in plan.sources.iter().enumerate() {
            let Some(source) = named(&planned.name) else { continue };
            if let Some(is_idle) = source.idle {
                self.shared.event_times.idle(index, epoch, is_idle);
                if let Some(quiet) = self.quiet.get_mut(index) {
                    quiet.is_idle = is_idle;
                }
            }
            if source.position == Position::End {
                self.end_source(index, epoch);
            }
        }
        if record.is_reduced {
            self.reduce_partitions(epoch, now, record.is_last, tasks)?;
        }
        self.is_last_sent |= record.is_last;
        self.replies = None;
        self.close(before, now, Some(Box::new(record)), messages)
    }

    /// The next range of a source whose input had it before.
    fn range_again(&mut self, index: usize, epoch: Epoch) -> Result<Range, Failure> {
        let name = || self.plan.sources.get(index).map(|planned| planned.name.clone()).unwrap_or_default();
        let missing =
            || SourceError::Moved { file: format!("input of epoch {epoch}"), now: "not there any more".into() };
        let planner = self.sources.get_mut(index).and_then(Option::as_mut);
        let next = planner.map_or(Ok(Next::End), |planner| planner.next(None));
        match next {
            Ok(Next::Range(range)) => Ok(range),
            Ok(Next::Pending | Next::End) => Err(RunError::Source { name: name(), epoch, source: missing() }.into()),
            Err(source) => Err(RunError::Source { name: name(), epoch, source }.into()),
        }
    }

    /// Tells the commit thread what the epoch was.
    fn close(
        &mut self,
        first: u64,
        now: i64,
        again: Option<Box<Record>>,
        messages: &Sender<Message>,
    ) -> Result<(), Failure> {
        let OpenEpoch { asked, turns, idle, is_reduced, is_last, saves, is_due: _ } = std::mem::take(&mut self.open);
        if self.tables.0 != self.next {
            self.tables = (self.next, self.watch.now());
        }
        let found = self.sources.iter_mut().map(|source| source.as_mut().map(|source| source.take_found()));
        let found = found.map(Option::unwrap_or_default).collect();
        let bookmark = |source: &Option<Box<dyn Planner>>| source.as_ref().and_then(|planner| planner.bookmark());
        let closed = ClosedEpoch {
            epoch: self.next,
            closed: Instant::now(),
            revision: Arc::clone(&self.revision),
            now,
            tasks: first..self.sequence,
            turns,
            bookmarks: self.sources.iter().map(bookmark).collect(),
            found,
            idle,
            log_ends: self.log_ends.clone(),
            tables: Arc::clone(&self.tables.1),
            is_reduced,
            is_last,
            is_end: self.has_input_ended(),
            saves,
            asked,
            again,
        };
        self.next = self.next.next();
        self.is_unsaved = !saves;
        self.is_end_said |= closed.is_end;
        messages.send(Message::EpochClosed(Box::new(closed))).map_err(|_| Failure::Lost)
    }

    fn is_keyed(&self) -> bool {
        self.plan.operators.iter().any(|planned| planned.stage > 0)
    }

    fn stopped(&self) -> bool {
        self.control.stop.is_requested() && !self.is_finishing || self.abort.is_requested()
    }

    /// No source has more rows; those that were left because of a stop may.
    fn has_input_ended(&self) -> bool {
        !self.is_finishing && self.sources.iter().all(Option::is_none)
    }

    /// No source is asked for more once somebody wants the end.
    fn takes_more(&self) -> bool {
        !self.stopped() && (self.is_draining || !self.control.stop.is_draining())
    }

    /// Answers its processing time.
    fn epoch(&mut self, epoch: Epoch, tasks: &Sender<Task>) -> Result<i64, Failure> {
        let closes = Instant::now() + self.plan.batch.interval;
        let first = self.sequence;
        let mut now = clock::now_us();
        let most = self.plan.batch.max_bytes.min(self.shared.epoch_bytes.get());
        let share = most / (self.sources.len() as u64).max(1);
        let mut left = vec![share.max(1); self.sources.len()];
        loop {
            let mut idle = false;
            // Nothing of this epoch has begun: it is as old as its first row, or as what is due without one.
            if self.sequence == first && self.open.asked.is_none() {
                now = clock::now_us();
                self.letters(epoch, now, tasks)?;
            }
            for (index, left) in left.iter_mut().enumerate() {
                idle |= self.turn(index, left, (epoch, now), (first, closes), tasks)? == Turn::Idle;
            }
            let at_once = self.plan.batch.interval.is_zero();
            let has_rows = self.sequence > first || self.open.asked.is_some();
            let has_passed = Instant::now() >= closes;
            // Asked for only when the epoch may close: who is due says so once.
            self.open.is_due |=
                !has_rows && has_passed && (self.shared.sinks_due.is_due(now) || self.is_unsaved && self.is_save_due());
            let is_due =
                has_rows || has_passed && (self.fall_idle(epoch) | self.revision.is_due(now)) || self.open.is_due;
            // Nothing is here, and the next revision waits.
            if !has_rows && !self.open.is_due && self.control.is_change_wanted() {
                return Ok(now);
            }
            if !idle || has_passed && (!at_once || is_due) || !self.takes_more() {
                if is_due {
                    self.reduce(epoch, now, tasks)?;
                }
                return Ok(now);
            }
        }
    }

    /// Takes what a source has, up to its share, for an epoch whose first task is `first` and which may close at `closes`. From then on
    /// nobody waits for more: rows that come one after the other would else keep it open.
    fn turn(
        &mut self,
        index: usize,
        left: &mut u64,
        (epoch, now): (Epoch, i64),
        (first, closes): (u64, Instant),
        tasks: &Sender<Task>,
    ) -> Result<Turn, Failure> {
        let patience = if self.sources.iter().flatten().count() > 1 { PATIENCE / 10 } else { PATIENCE };
        while *left > 0 && self.takes_more() {
            let Some(planner) = self.sources.get_mut(index).and_then(Option::as_mut) else { return Ok(Turn::Ended) };
            let (begun, has_rows) = (Instant::now(), self.sequence > first);
            let deadline = if has_rows { (begun + patience).min(closes.max(begun)) } else { begun + patience };
            let range = match planner.next(Some(deadline)) {
                Ok(Next::Range(range)) => range,
                Ok(Next::Pending) => return Ok(Turn::Idle),
                Ok(Next::End) => {
                    self.end_source(index, epoch);
                    return Ok(Turn::Ended);
                }
                Err(source) => {
                    let name = self.plan.sources.get(index).map(|planned| planned.name.clone()).unwrap_or_default();
                    return Err(RunError::Source { name, epoch, source }.into());
                }
            };
            *left = left.saturating_sub(range.bytes.max(1));
            self.count(index);
            self.heard(index, epoch);
            self.shared.event_times.reached(index, epoch, range.partition);
            self.send(self.reads_end, epoch, now, Work::Read { source: index, range }, tasks)?;
        }
        Ok(Turn::Full)
    }

    /// The open epoch has one more range of this source.
    fn count(&mut self, index: usize) {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        match self.open.turns.last_mut() {
            Some(turn) if turn.source == index => turn.ranges += 1,
            _ => self.open.turns.push(SourceTurn { source: index, ranges: 1 }),
        }
    }

    /// Closes the epoch of the keyed operators.
    fn reduce(&mut self, epoch: Epoch, now: i64, tasks: &Sender<Task>) -> Result<(), Failure> {
        let is_last = !self.stopped() && self.has_input_ended();
        self.is_last_sent = is_last;
        if self.plan.checkpoint.is_some() {
            // No state is lost to a stop, and none is computed again after it.
            self.open.saves = is_last || self.stopped() || self.is_save_due();
            if self.open.saves {
                self.saved_at = Instant::now();
            }
        }
        if !self.is_keyed() {
            return Ok(());
        }
        self.fall_idle(epoch);
        self.reduce_partitions(epoch, now, is_last, tasks)
    }

    /// State was last saved long enough ago.
    fn is_save_due(&self) -> bool {
        let every = self.plan.checkpoint.as_ref().map(|checkpoint| checkpoint.snapshots);
        every.is_some_and(|every| self.saved_at.elapsed() >= every.max(self.shared.snapshot_pause()))
    }

    /// Hands out the reduce side, stage by stage.
    fn reduce_partitions(
        &mut self,
        epoch: Epoch,
        now: i64,
        is_last: bool,
        tasks: &Sender<Task>,
    ) -> Result<(), Failure> {
        (self.open.is_reduced, self.open.is_last) = (true, is_last);
        self.reads_end = self.sequence;
        let saves = self.open.saves;
        let plan = Arc::clone(&self.plan);
        let stages = plan.operators.iter().map(|planned| planned.stage).max().unwrap_or(0);
        for stage in 1..=stages {
            let after = self.sequence;
            for (operator, planned) in plan.operators.iter().enumerate().filter(|(_, planned)| planned.stage == stage) {
                for partition in 0..planned.logic.partitions() {
                    self.send(after, epoch, now, Work::Reduce { operator, partition, is_last, saves }, tasks)?;
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
        let (revision, replies) = (Arc::clone(&self.revision), self.replies.clone());
        let task = Task { sequence: self.sequence, after, epoch, now, revision, tables, replies, work };
        tasks.send(task).map_err(|_| Failure::Lost)?;
        self.sequence += 1;
        Ok(())
    }
}
