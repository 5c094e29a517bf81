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
        self, RunError, Start, Stop,
        progress::{Event, Summary},
    },
};
use crate::clock;

/// Who follows a job through its attempts.
pub trait Follow {
    /// An attempt begins.
    fn begin(&mut self, plan: &Plan);

    fn event(&mut self, event: Event);

    /// An attempt has ended, however it did.
    fn end(&mut self);

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

/// Runs a job until it ends, is stopped or given up. `first` is its plan, `again` makes the plan of each later attempt, `threads` says
/// on how many threads a plan runs. An error of `again` ends it.
pub fn run<E>(
    first: Plan,
    start: Start,
    stop: &Stop,
    threads: &dyn Fn(Option<usize>) -> usize,
    again: &mut dyn FnMut() -> Result<Plan, E>,
    follow: &mut dyn Follow,
) -> Result<Outcome, E> {
    let (mut plan, mut start) = (first, start);
    let mut restarts = Restarts::new(plan.restart.clone());
    let begun = Instant::now();
    loop {
        follow.begin(&plan);
        let threads = threads(plan.threads);
        let result = run::run(plan, threads, start, stop, &mut |event| follow.event(event));
        follow.end();
        let error = match result {
            Ok(summary) => return Ok(Outcome::Ended(Box::new(summary))),
            Err(error) => error,
        };
        let delay = if error.may_pass() { restarts.failed(begun.elapsed(), chance()) } else { None };
        let delay = delay.filter(|_| !stop.is_requested());
        follow.failed(&Failure { error: &error, count: restarts.count().max(1), again: delay });
        let Some(delay) = delay else { return Ok(Outcome::GivenUp(Box::new(error))) };
        if !pause(delay, stop) {
            return Ok(Outcome::Interrupted);
        }
        plan = again()?;
        start = Start::Continue;
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
