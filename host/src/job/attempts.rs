//! Runs a job again after failures, as its restart strategy says.
//!
//! ```text
//!  plan ─► run ─ failed, and it may pass ─► delay ─► plan again ─► run, on from the last committed epoch ─► …
//! ```
//!
//! The one loop of `pelton run` and of the engine. It decides nothing itself: `pelton_core::restart` says how long to wait and when to
//! give up. Waits end early when the job is asked to stop.

use std::{
    thread,
    time::{Duration, Instant},
};

use pelton_core::{hash, restart::Restarts};

use super::{
    plan::Plan,
    run::{
        self, Control, Job, RunError, Start, Stop,
        progress::{Event, Summary},
    },
};
use crate::clock;

/// Where the plans of a job come from.
pub trait Plans {
    type Error;

    /// The revision that is wanted at the moment, and its plan.
    fn wanted(&mut self) -> Result<(u64, Plan), Self::Error>;

    /// The plan of an earlier revision, whose epochs may have to be computed again.
    fn earlier(&mut self, revision: u64) -> Result<Plan, RunError>;
}

/// Who follows a job through its attempts.
pub trait Follow {
    /// An attempt begins.
    fn begin(&mut self, plan: &Plan);

    fn event(&mut self, event: Event);

    /// An attempt has ended, however it did.
    fn end(&mut self);

    /// The attempt failed: whether the job was changed since, so that the next one begins at once.
    fn heal(&mut self, _error: &RunError) -> bool {
        false
    }

    /// The attempt failed; `again`: after which delay the next one begins.
    fn failed(&mut self, failure: &Failure<'_>);
}

/// A failed attempt.
#[derive(Debug)]
pub struct Failure<'a> {
    pub error: &'a RunError,
    /// Failures so far, this one included.
    pub count: u32,
    /// The delay after which the next attempt begins; none: it is given up.
    pub again: Option<Duration>,
}

/// How the attempts ended.
pub enum Outcome {
    /// The input ended, or the job was asked to stop.
    Ended(Box<Summary>),
    /// The job was asked to stop between two attempts.
    Interrupted,
    /// No further attempt, after this error.
    GivenUp(Box<RunError>),
}

/// Runs a job until it ends, is stopped or given up. `first` is what is wanted at the start, `threads` says on how many threads a plan
/// runs. An error of `plans` ends it.
pub fn run<P: Plans>(
    plans: &mut P,
    first: (u64, Plan),
    start: Start,
    control: &Control,
    threads: &dyn Fn(Option<usize>) -> usize,
    follow: &mut dyn Follow,
) -> Result<Outcome, P::Error> {
    let ((mut revision, mut plan), mut start) = (first, start);
    let mut restarts = Restarts::new(plan.restart.clone());
    let (begun, stop) = (Instant::now(), &control.stop);
    loop {
        follow.begin(&plan);
        let threads = threads(plan.threads);
        let job = Job { revision, plan, earlier: &mut |revision| plans.earlier(revision) };
        let result = run::run(job, threads, start, control, &mut |event| follow.event(event));
        follow.end();
        start = Start::Continue;
        let error = match result {
            Ok(summary) => return Ok(Outcome::Ended(Box::new(summary))),
            Err(error) => error,
        };
        if !stop.is_requested() && follow.heal(&error) {
            (revision, plan) = plans.wanted()?;
            continue;
        }
        let delay = if error.may_pass() { restarts.failed(begun.elapsed(), chance()) } else { None };
        let delay = delay.filter(|_| !stop.is_requested());
        follow.failed(&Failure { error: &error, count: restarts.count().max(1), again: delay });
        let Some(delay) = delay else { return Ok(Outcome::GivenUp(Box::new(error))) };
        if !pause(delay, stop) {
            return Ok(Outcome::Interrupted);
        }
        (revision, plan) = plans.wanted()?;
    }
}

/// Waits, unless the job is asked to stop.
fn pause(delay: Duration, stop: &Stop) -> bool {
    let until = Instant::now() + delay;
    while !stop.is_requested() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        thread::sleep(left.min(Duration::from_millis(50)));
    }
    false
}

/// A number between 0 and 1 that jobs which failed together do not share.
fn chance() -> f64 {
    let word = hash::combine(u64::from(std::process::id()), clock::now_us().unsigned_abs());
    (word >> 11) as f64 / (1u64 << 53) as f64
}
