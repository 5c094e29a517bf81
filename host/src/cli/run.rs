//! `pelton run`: runs a job here until its input ends, or until it is interrupted.
//!
//! A job with a checkpoint goes on where its last run ended, however that ended; `--fresh` starts it over.
//!
//! The first Ctrl-C or SIGTERM ends the job after the work that has begun, with whole files; a second one at once.

use std::{
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use pelton_core::{hash, restart::Restarts};

use super::{Context, Exit, JobArgs, plan::open};
use crate::{
    clock,
    job::{
        plan::Plan,
        run::{self, Control, Job, RunError, Start, Stop, progress::Event},
    },
};

mod json;
mod text;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Compute threads; by default one for each core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Forget what earlier runs of the job did, and start over. Its checkpoint is removed; the files of its sinks are not.
    #[arg(long)]
    fresh: bool,
    /// Do not ask before `--fresh` removes the checkpoint.
    #[arg(long, requires = "fresh")]
    yes: bool,
}

impl RunArgs {
    pub(super) fn threads(&self) -> Option<usize> {
        self.threads.map(usize::from)
    }
}

pub(super) fn run(context: &Context, args: &RunArgs) -> Exit {
    let (_, mut plan) = match open(context, &args.job) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    if let Some(checkpoint) = plan.checkpoint.as_ref().filter(|_| args.fresh && !args.yes)
        && checkpoint.directory.exists()
        && !context.terminal.confirm(&format!("Remove the checkpoint in {}?", checkpoint.directory.display()))
    {
        context.terminal.message("nothing was removed; `--yes` answers for you");
        return Exit::Refused;
    }
    let stop = Stop::default();
    watch_signals(stop.clone());
    let mut restarts = Restarts::new(plan.restart.clone());
    let mut start = if args.fresh { Start::Fresh } else { Start::Continue };
    let begun = Instant::now();
    loop {
        let error = match attempt(context, plan, start, &stop) {
            Ok(exit) => return exit,
            Err(error) => error,
        };
        context.error(&error);
        let delay = if error.may_pass() { restarts.failed(begun.elapsed(), chance()) } else { None };
        let Some(delay) = delay.filter(|_| !stop.is_requested()) else {
            if restarts.count() > 1 {
                context.terminal.message(&format!("given up after {} failures", restarts.count()));
            }
            return Exit::Failed;
        };
        let seconds = delay.as_secs_f64();
        context.terminal.message(&format!("failure {}: the job is started again in {seconds:.1} s", restarts.count()));
        if !pause(delay, &stop) {
            return Exit::Interrupted;
        }
        plan = match open(context, &args.job) {
            Ok((_, plan)) => plan,
            Err(exit) => return exit,
        };
        start = Start::Continue;
    }
}

/// Runs the job once.
fn attempt(context: &Context, plan: Plan, start: Start, stop: &Stop) -> Result<Exit, RunError> {
    let threads = context.config.threads_for(plan.threads);
    let mut shown: Box<dyn Show> = if context.is_json() {
        Box::new(json::JsonLines::new(&context.terminal, &plan.name))
    } else {
        Box::new(text::Progress::new(&context.terminal, &plan.name))
    };
    let (control, mut earlier) = (Control::new(stop.clone()), run::no_earlier);
    let result = run::run(Job::sole(plan, &mut earlier), threads, start, &control, &mut |event| shown.event(&event));
    shown.end();
    let summary = result?;
    shown.summary(&summary);
    Ok(if summary.interrupted { Exit::Interrupted } else { Exit::Done })
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

/// How a run is shown.
trait Show {
    fn event(&mut self, event: &Event);
    /// No more events: clears what was drawn in passing.
    fn end(&mut self);
    fn summary(&mut self, summary: &run::progress::Summary);
}

/// Turns Ctrl-C and SIGTERM into a request to stop, and the second one into an end at once.
fn watch_signals(stop: Stop) {
    let watch = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let (Ok(mut interrupt), Ok(mut terminate)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if stop.is_requested() {
                    std::process::exit(Exit::Interrupted as i32);
                }
                stop.request();
            }
        });
    };
    if let Err(error) = thread::Builder::new().name("signals".into()).spawn(watch) {
        tracing::warn!(%error, "Ctrl-C will end the job at once");
    }
}
