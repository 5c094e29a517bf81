//! Verification that goes on by itself: now and then the last epoch of a job is computed again, beside the job.
//!
//! The engine has one thread for all jobs, of low priority, and so at most one processor is busy with it. Jobs ask for it by
//! `replay.verify`. Invariant: what is found, be it that nothing could be verified, is in the job's log and figures.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use pelton_wasm::Level;

use super::{ControlError, Engine, job::Job, resolve};
use crate::job::replay::{Differing, Which};

/// How often it is looked whether a job's turn has come.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// What the priority of jobs' threads is lowered by.
const NICENESS: i32 = 10;

/// What is known of the jobs that run.
#[derive(Default)]
pub(super) struct Verifier {
    jobs: BTreeMap<String, Turn>,
}

/// When a job was verified last, and when it will be.
struct Turn {
    /// The revision that said how often; none: it did not want it.
    revision: u64,
    period: Option<Duration>,
    last: Instant,
    /// Why it could not be verified the last time: that is said once.
    refusal: String,
}

impl Verifier {
    /// Looks after an engine's jobs until it closes or is gone.
    pub(super) fn run(mut self, engine: &Weak<Engine>) {
        let me = rustix::thread::gettid();
        if let Err(error) = rustix::process::setpriority_process(Some(me), NICENESS) {
            tracing::warn!(%error, "epochs are verified with the priority of the jobs themselves");
        }
        while let Some(engine) = engine.upgrade().filter(|engine| !engine.is_closing.load(Ordering::Acquire)) {
            let jobs = engine.all();
            self.jobs.retain(|name, _| jobs.iter().any(|job| job.name() == name));
            for job in jobs.iter().filter(|job| job.control().is_some()) {
                self.look_after(&engine, job);
            }
            drop((engine, jobs));
            thread::sleep(LOOK_EVERY);
        }
    }

    fn look_after(&mut self, engine: &Engine, job: &Arc<Job>) {
        let revision = job.revision();
        let turn = self.jobs.entry(job.name().to_owned()).or_insert_with(|| Turn::new(0));
        if turn.revision != revision.number {
            let file = resolve::read(&revision, &engine.catalogue().checkpoint(job.name()));
            let period = file.ok().and_then(|file| file.spec.checkpoint?.verify);
            *turn = Turn { period, ..Turn::new(revision.number) };
        }
        if turn.period.is_none_or(|period| turn.last.elapsed() < period) {
            return;
        }
        match engine.verification(job.name(), Which::Sample(1)) {
            Ok(found) => {
                found.differing.iter().for_each(|differing| job.say(Level::Error, None, &said(differing)));
                job.verified(found.checked, found.differing.len() as u64);
                turn.refusal.clear();
            }
            Err(error) => turn.refused(job, &error),
        }
        // From its end on: one that takes long leaves the job alone as long as a short one.
        turn.last = Instant::now();
    }
}

impl Turn {
    fn new(revision: u64) -> Self {
        Self { revision, period: None, last: Instant::now(), refusal: String::new() }
    }

    fn refused(&mut self, job: &Job, error: &ControlError) {
        let refusal = format!("its last epoch cannot be verified: {error}");
        if refusal != self.refusal {
            job.say(Level::Warn, None, &refusal);
            self.refusal = refusal;
        }
    }
}

fn said(differing: &Differing) -> String {
    let Differing { epoch, sinks, operator, changed, .. } = differing;
    let sinks: Vec<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
    let why = match operator {
        Some(operator) => format!("operator `{operator}` is not a function of its input and state"),
        None if changed.is_empty() => "no operator was found that does it".into(),
        None => format!("input was written to since: {}", changed.join(", ")),
    };
    format!(
        "epoch {} came to something else when it was computed again (sink {}): {why} (PELTON-0504)",
        epoch.0,
        sinks.join(", ")
    )
}
