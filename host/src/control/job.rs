//! One job of the engine: what is known of it, and its thread.
//!
//! ```text
//!  submit, resume ─► start ─► thread: attempts ─► finished, failed, paused with a reason
//!  pause, stop    ─► standing on the disk ─► Stop ─► the thread commits and ends
//!  engine closes  ─► Stop alone: the next start resumes
//! ```
//!
//! Called by the engine. Invariant: the standing on the disk changes before anything else does, and one thread at a time runs the job.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use pelton_core::{job::operator_of, restart};
use pelton_wasm::Level;

use super::{
    ControlError,
    catalogue::{Catalogue, Entry, JobRecord, Reason, Revision, Standing},
    engine::Engine,
    figures::Count,
    logs::{self, LogEntry, Logs, PrintToLogs},
    resolve,
    status::{JobStatus, LastError, Migrating, State, Trial},
};
use crate::{
    clock,
    error::{Code, Coded, causes},
    job::{
        attempts::{self, Failure, Follow, Outcome, Plans},
        diagnostic::Diagnostics,
        plan::{Plan, PlannedOperator},
        run::{Control, Migration, RunError, Start, progress::Event},
    },
    log::{self, Listen},
};

#[derive(Debug)]
pub struct Job {
    name: String,
    inner: Mutex<Inner>,
    /// Locked after `inner`, if both are.
    logs: Arc<Mutex<Logs>>,
    /// The thread has ended.
    ended: Condvar,
    /// Held while a change is made: they follow each other.
    turn: Mutex<()>,
}

#[derive(Debug)]
struct Inner {
    record: JobRecord,
    /// All of them, in order; the record's is among them.
    revisions: Vec<Arc<Revision>>,
    running: Option<Running>,
    count: Count,
    last_error: Option<LastError>,
}

/// The thread of a job, and what reaches into its run.
#[derive(Debug)]
struct Running {
    control: Control,
    state: State,
}

/// How a job is asked to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    Pause,
    Stop,
    /// No more input; windows are closed.
    Drain,
}

impl Job {
    pub(super) fn new(entry: Entry) -> Self {
        let inner = Inner {
            revisions: entry.revisions.into_iter().map(Arc::new).collect(),
            running: None,
            count: Count::default(),
            last_error: None,
            record: entry.record,
        };
        let name = inner.record.name.clone();
        let logs = Arc::new(Mutex::new(Logs::default()));
        Self { name, inner: Mutex::new(inner), logs, ended: Condvar::new(), turn: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn status(&self) -> JobStatus {
        let inner = self.inner();
        let migrations = inner.running.as_ref().map(|running| running.control.migrations()).unwrap_or_default();
        let migrations = migrations.into_iter().map(|Migration { operator, keys_left, is_draining }| Migrating {
            operator,
            keys_left,
            draining: is_draining,
        });
        JobStatus {
            name: self.name.clone(),
            state: inner.state(),
            desired: inner.record.standing,
            reason: inner.record.reason.clone(),
            last_error: inner.last_error.clone(),
            revision: inner.record.revision,
            changed: inner.record.changed,
            migrations: migrations.collect(),
            trials: inner.trials(),
            figures: inner.count.figures(),
        }
    }

    /// All revisions, the oldest first.
    pub(super) fn revisions(&self) -> Vec<Arc<Revision>> {
        self.inner().revisions.clone()
    }

    pub(super) fn standing(&self) -> Standing {
        self.inner().record.standing
    }

    /// Its revision of today.
    pub(super) fn revision(&self) -> Arc<Revision> {
        self.inner().revision()
    }

    /// The next one's number.
    pub(super) fn next_number(&self) -> u64 {
        self.inner().revisions.last().map_or(1, |last| last.number.saturating_add(1))
    }

    /// Has a change follow the ones before.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None: a change is being made.
    pub(super) fn try_turn(&self) -> Option<MutexGuard<'_, ()>> {
        self.turn.try_lock().ok()
    }

    /// None: no thread runs it.
    pub(super) fn control(&self) -> Option<Control> {
        self.inner().running.as_ref().map(|running| running.control.clone())
    }

    /// The job is to go by another revision from now on, whether it runs or not. It is on the disk afterwards.
    pub(super) fn go_over(&self, engine: &Engine, revision: Revision) -> Result<(), ControlError> {
        let mut inner = self.inner();
        engine.catalogue().add_revision(&self.name, &revision)?;
        let record = JobRecord { revision: revision.number, changed: clock::now_us(), ..inner.record.clone() };
        engine.catalogue().set(&record)?;
        inner.revisions.push(Arc::new(revision));
        inner.record = record;
        Ok(())
    }

    pub(super) fn is_at_rest(&self) -> bool {
        let inner = self.inner();
        inner.running.is_none() && !inner.record.standing.is_active()
    }

    /// It rests, and nobody asked for it.
    pub(super) fn is_given_up(&self) -> bool {
        let inner = self.inner();
        inner.running.is_none() && inner.record.reason.is_some()
    }

    pub(super) fn logs(&self, after: Option<u64>, least: Level, most: usize) -> Vec<LogEntry> {
        logs::lock(&self.logs).read(after, least, most)
    }

    pub(super) fn say(&self, level: Level, from: Option<&str>, message: &str) {
        logs::lock(&self.logs).push(level, from, message);
    }

    /// So many epochs were computed again, of which so many came to something else.
    pub(super) fn verified(&self, checked: u64, differing: u64) {
        self.inner().count.verified(checked, differing);
    }

    /// A new revision of a job at rest; it should run from now on.
    pub(super) fn revise(&self, catalogue: &Catalogue, mut revision: Revision) -> Result<(), ControlError> {
        let mut inner = self.inner();
        let last = inner.revisions.last().map_or(0, |last| last.number);
        revision.number = last.saturating_add(1);
        catalogue.add_revision(&self.name, &revision)?;
        let record = JobRecord {
            name: self.name.clone(),
            revision: revision.number,
            standing: Standing::Running,
            reason: None,
            changed: clock::now_us(),
        };
        catalogue.set(&record)?;
        inner.revisions.push(Arc::new(revision));
        inner.record = record;
        Ok(())
    }

    /// Changes where the job stands, on the disk first.
    pub(super) fn stand(
        &self,
        catalogue: &Catalogue,
        standing: Standing,
        reason: Option<Reason>,
    ) -> Result<(), ControlError> {
        self.inner().stand(catalogue, standing, reason)
    }

    /// Has the job come to rest, for good or until it is resumed. Its thread may still be at it.
    pub(super) fn rest(&self, catalogue: &Catalogue, how: Rest) -> Result<(), ControlError> {
        let mut inner = self.inner();
        let standing = inner.record.standing;
        let allowed = match how {
            Rest::Stop => standing.is_active() || standing == Standing::Paused,
            Rest::Pause => standing.is_active(),
            Rest::Drain => standing == Standing::Running,
        };
        if !allowed {
            return Err(ControlError::conflict(
                format!("job `{}` does not run: it is {}", self.name, inner.state().name()),
                format!("`pelton job show {}` says why; `pelton job resume {0}` lets it go on", self.name),
            ));
        }
        match how {
            Rest::Pause => inner.stand(catalogue, Standing::Paused, None)?,
            Rest::Stop => inner.stand(catalogue, Standing::Stopped, None)?,
            Rest::Drain => inner.stand(catalogue, Standing::Draining, None)?,
        }
        if let Some(running) = &mut inner.running {
            running.state = State::Stopping;
            match how {
                Rest::Drain => running.control.stop.drain(),
                Rest::Pause | Rest::Stop => running.control.stop.request(),
            }
        }
        Ok(())
    }

    /// Stops its thread, and leaves what it should be doing as it is.
    pub(super) fn halt(&self) {
        if let Some(running) = &mut self.inner().running {
            running.state = State::Stopping;
            running.control.stop.request();
        }
    }

    /// Waits for the thread's end. Whether it came in time.
    pub(super) fn wait(&self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let mut inner = self.inner();
        while inner.running.is_some() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            inner = self.ended.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Starts its thread.
    pub(super) fn start(self: &Arc<Self>, engine: &Arc<Engine>) -> Result<(), ControlError> {
        let mut inner = self.inner();
        if inner.running.is_some() {
            return Err(ControlError::conflict(
                format!("job `{}` is still stopping", self.name),
                "wait until it has committed what it has begun",
            ));
        }
        let (job, engine, control) = (Arc::clone(self), Arc::clone(engine), Control::default());
        let is_draining = inner.record.standing == Standing::Draining;
        let state = if is_draining { State::Stopping } else { State::Starting };
        if is_draining {
            control.stop.drain();
        }
        inner.running = Some(Running { control: control.clone(), state });
        let listener: Arc<dyn Listen> = Arc::clone(&self.logs) as _;
        engine.heard().listen(&self.name, Arc::downgrade(&listener));
        let work = move || log::of_job(&job.name).in_scope(|| job.run(&engine, &control));
        if let Err(error) = thread::Builder::new().name(format!("job {}", self.name)).spawn(work) {
            inner.running = None;
            return Err(ControlError::io("start a thread for", &self.name)(error));
        }
        Ok(())
    }

    /// The thread.
    fn run(self: &Arc<Self>, engine: &Engine, control: &Control) {
        let attempts = || self.attempts(engine, control);
        // A fault of the engine in one job is no reason to end the others.
        let end = catch_unwind(AssertUnwindSafe(attempts)).unwrap_or_else(|_| {
            let message = "the job's thread panicked; this is a fault of Pelton, please report it".to_owned();
            Some((Standing::Failed, Some(Reason { code: Code::RunFailed.to_string(), message })))
        });
        let mut inner = self.inner();
        if let Some((standing, reason)) = end {
            let said = reason.as_ref().map(|reason| reason.message.as_str());
            self.say(if said.is_some() { Level::Error } else { Level::Info }, None, said.unwrap_or("finished"));
            if let Err(error) = inner.stand(engine.catalogue(), standing, reason) {
                tracing::error!(job = self.name, %error, "what became of the job cannot be written down");
            }
        }
        inner.running = None;
        drop(inner);
        self.ended.notify_all();
    }

    /// How the job stands afterwards; none: as it was asked to.
    fn attempts(self: &Arc<Self>, engine: &Engine, control: &Control) -> Option<(Standing, Option<Reason>)> {
        let mut plans = Revisions { job: self, engine };
        let threads = |wanted: Option<usize>| wanted.unwrap_or(engine.threads());
        let first = plans.wanted();
        let mut follower = Follower { job: self, engine };
        let run = |first| attempts::run(&mut plans, first, Start::Continue, control, &threads, &mut follower);
        match first.and_then(run) {
            Ok(Outcome::Ended(summary)) if !summary.interrupted => Some((Standing::Finished, None)),
            Ok(Outcome::Ended(_) | Outcome::Interrupted) => None,
            Ok(Outcome::GivenUp(error)) => {
                let standing = if error.pauses() { Standing::Paused } else { Standing::Failed };
                Some((standing, Some(reason(&*error))))
            }
            Err(ControlError::Job(mistakes)) => Some((Standing::Failed, Some(mistakes_reason(&mistakes)))),
            Err(error) => Some((Standing::Failed, Some(reason(&error)))),
        }
    }

    pub(super) fn plan(self: &Arc<Self>, engine: &Engine, revision: &Revision) -> Result<Plan, ControlError> {
        let file = resolve::read(revision, &engine.catalogue().checkpoint(&self.name))?;
        let print = Arc::new(Mutex::new(PrintToLogs::new(self)));
        resolve::plan(engine.registry(), engine.runtime(), &file, &revision.pins, print)
    }
}

impl Inner {
    fn failed_with(&mut self, reason: Reason) {
        self.last_error = Some(LastError { reason, revision: self.record.revision, at: clock::now_us() });
    }

    fn state(&self) -> State {
        self.running.as_ref().map_or_else(|| State::at_rest(self.record.standing), |running| running.state)
    }

    /// What stands beside operators of the run.
    fn trials(&self) -> Vec<Trial> {
        let current = self.running.as_ref().and_then(|running| running.control.current());
        let Some((_, plan)) = current else { return Vec::new() };
        let trial = |planned: &PlannedOperator| {
            let kind = match planned.shadow_of {
                Some(_) => "shadow",
                None if planned.is_canary() => "canary",
                None => return None,
            };
            let operator = operator_of(planned.logic.name()).to_owned();
            Some(Trial { operator, kind, module: planned.logic.modules() })
        };
        plan.operators.iter().filter_map(trial).collect()
    }

    fn revision(&self) -> Arc<Revision> {
        let today = self.revisions.iter().find(|revision| revision.number == self.record.revision);
        Arc::clone(today.expect("the catalogue has the revision that a record names"))
    }

    fn stand(&mut self, catalogue: &Catalogue, standing: Standing, reason: Option<Reason>) -> Result<(), ControlError> {
        let record = JobRecord { standing, reason, changed: clock::now_us(), ..self.record.clone() };
        catalogue.set(&record)?;
        self.record = record;
        Ok(())
    }

    /// Unless it is stopping already.
    fn set_state(&mut self, state: State) {
        if let Some(running) = self.running.as_mut().filter(|running| running.state != State::Stopping) {
            running.state = state;
        }
    }
}

/// The plans of a job's revisions.
struct Revisions<'a> {
    job: &'a Arc<Job>,
    engine: &'a Engine,
}

impl Plans for Revisions<'_> {
    type Error = ControlError;

    fn wanted(&mut self) -> Result<(u64, Plan), ControlError> {
        let revision = self.job.revision();
        Ok((revision.number, self.job.plan(self.engine, &revision)?))
    }

    fn earlier(&mut self, number: u64) -> Result<Plan, RunError> {
        let revisions = self.job.revisions();
        let known = revisions.iter().find(|revision| revision.number == number);
        let known = known.ok_or(RunError::UnknownRevision { revision: number })?;
        let unplannable = |source| RunError::Unplannable { revision: number, source: Box::new(source) };
        self.job.plan(self.engine, known).map_err(unplannable)
    }
}

/// Takes down what an attempt says.
struct Follower<'a> {
    job: &'a Arc<Job>,
    engine: &'a Engine,
}

impl Follow for Follower<'_> {
    fn begin(&mut self, _plan: &Plan) {
        let mut inner = self.job.inner();
        inner.count.begin();
        inner.set_state(State::Running);
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Resumed(resumed) => {
                let message = format!("goes on after epoch {}, {} tasks computed again", resumed.after, resumed.again);
                self.job.say(Level::Info, None, &message);
            }
            Event::Log { operator, log } => {
                log.lines.iter().for_each(|line| self.job.say(line.level, Some(&operator), &line.message));
                if log.dropped > 0 {
                    let message = format!("{} log lines dropped (`limits.log-bytes`)", log.dropped);
                    self.job.say(Level::Warn, Some(&operator), &message);
                }
            }
            Event::Revision(number) => self.job.say(Level::Info, None, &format!("goes by revision {number}")),
            Event::Epoch(report) => {
                self.job.inner().count.epoch(&report);
                if let Some(traces) = self.engine.traces() {
                    traces.epoch(&self.job.name, &report);
                }
            }
        }
    }

    fn end(&mut self) {}

    fn heal(&mut self, error: &RunError) -> bool {
        // Before the revision that mends it can be seen.
        self.job.inner().failed_with(reason(error));
        let healed = self.job.heal(self.engine, error);
        if healed {
            let mut inner = self.job.inner();
            inner.count.failed(trapped(error), true);
            inner.set_state(State::Restarting);
        }
        healed
    }

    fn failed(&mut self, failure: &Failure<'_>) {
        let reason = reason(failure.error);
        if let Some(traces) = self.engine.traces() {
            traces.failed(&self.job.name, &reason.code, &reason.message);
        }
        let mut inner = self.job.inner();
        inner.count.failed(trapped(failure.error), failure.again.is_some());
        let then = match failure.again {
            Some(delay) => format!("it is started again in {}", restart::shown(delay)),
            None => "it is given up".into(),
        };
        self.job.say(Level::Error, None, &format!("failure {}: {}; {then}", failure.count, reason.message));
        inner.failed_with(reason);
        if failure.again.is_some() {
            inner.set_state(State::Restarting);
        }
    }
}

/// The operator whose module trapped.
fn trapped(error: &RunError) -> Option<&str> {
    match error {
        RunError::Operator { name, source, .. } if source.code() == Code::Trap => Some(name),
        _ => None,
    }
}

/// An error with its causes, in one line.
fn reason(error: &dyn Coded) -> Reason {
    let mut message = error.to_string();
    for cause in causes(error) {
        message.push_str(": ");
        message.push_str(&cause);
    }
    Reason { code: error.code().to_string(), message }
}

/// A job that does not fit any more: what is wrong with it, as far as it fits into a line.
fn mistakes_reason(mistakes: &Diagnostics) -> Reason {
    const SHOWN: usize = 5;
    let messages: Vec<&str> = mistakes.list.iter().take(SHOWN).map(|mistake| mistake.message.as_str()).collect();
    let more = if mistakes.list.len() > SHOWN { "; …" } else { "" };
    let code = mistakes.list.first().map_or(Code::WrongValue, |first| first.code);
    Reason { code: code.to_string(), message: format!("{}{more}", messages.join("; ")) }
}
