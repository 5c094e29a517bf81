//! `pelton run`: runs a job here until its input ends, or until it is interrupted.
//!
//! A job with a checkpoint goes on where its last run ended, however that ended; `--fresh` starts it over.
//!
//! The first Ctrl-C or SIGTERM ends the job after the work that has begun, with whole files; a second one at once.

use std::thread;

use clap::Args;
use pelton_core::restart;

use super::{Context, Exit, JobArgs, plan::open};
use crate::{
    error::Coded,
    job::{
        attempts::{self, Failure, Follow, Outcome, Plans},
        plan::Plan,
        run::{self, Control, RunError, Start, Stop, progress::Event},
    },
    telemetry::Traces,
};

mod json;
mod text;

#[derive(Debug, Args)]
#[command(after_help = super::TRACES_HELP)]
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
    let (_, plan) = match open(context, &args.job) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    if let Some(checkpoint) = plan.checkpoint.as_ref().filter(|_| args.fresh && !args.yes)
        && checkpoint.location.may_hold()
        && !context.terminal.confirm(&format!("Remove the checkpoint in {}?", checkpoint.location))
    {
        context.terminal.message("nothing was removed; `--yes` answers for you");
        return Exit::Refused;
    }
    let traces = match context.traces() {
        Ok(traces) => traces,
        Err(exit) => return exit,
    };
    let control = Control::default();
    watch_signals(control.stop.clone());
    let start = if args.fresh { Start::Fresh } else { Start::Continue };
    let threads = |wanted| context.config.threads_for(wanted);
    let job = plan.name.clone();
    let (mut plans, mut shown) = (FromFile { context, args }, Shown { context, traces, job, show: None });
    match attempts::run(&mut plans, (NO_REVISION, plan), start, &control, &threads, &mut shown) {
        Ok(Outcome::Ended(summary)) => {
            shown.show(&summary.job).summary(&summary);
            if summary.interrupted { Exit::Interrupted } else { Exit::Done }
        }
        Ok(Outcome::Interrupted) => Exit::Interrupted,
        Ok(Outcome::GivenUp(_)) => Exit::Failed,
        Err(exit) => exit,
    }
}

/// A job that is run from its file has no revisions: what the file says is wanted.
const NO_REVISION: u64 = 0;

struct FromFile<'a> {
    context: &'a Context,
    args: &'a RunArgs,
}

impl Plans for FromFile<'_> {
    type Error = Exit;

    fn wanted(&mut self) -> Result<(u64, Plan), Exit> {
        open(self.context, &self.args.job).map(|(_, plan)| (NO_REVISION, plan))
    }

    fn earlier(&mut self, revision: u64) -> Result<Plan, RunError> {
        Err(RunError::UnknownRevision { revision })
    }
}

/// Shows the attempts of a run, each in its turn.
struct Shown<'a> {
    context: &'a Context,
    /// None: nobody wants traces.
    traces: Option<Traces>,
    job: String,
    /// Of the attempt.
    show: Option<Box<dyn Show + 'a>>,
}

impl<'a> Shown<'a> {
    fn show(&mut self, job: &str) -> &mut (dyn Show + 'a) {
        let (terminal, is_json) = (&self.context.terminal, self.context.is_json());
        let show = self.show.get_or_insert_with(|| -> Box<dyn Show + 'a> {
            if is_json {
                Box::new(json::JsonLines::new(terminal, job))
            } else {
                Box::new(text::Progress::new(terminal, job))
            }
        });
        &mut **show
    }
}

impl Follow for Shown<'_> {
    fn begin(&mut self, plan: &Plan) {
        self.show = None;
        self.show(&plan.name);
    }

    fn event(&mut self, event: Event) {
        if let (Some(traces), Event::Epoch(report)) = (&self.traces, &event) {
            traces.epoch(&self.job, report);
        }
        if let Some(show) = &mut self.show {
            show.event(&event);
        }
    }

    fn end(&mut self) {
        if let Some(show) = &mut self.show {
            show.end();
        }
    }

    fn failed(&mut self, failure: &Failure<'_>) {
        let Failure { error, count, again } = failure;
        self.context.error(*error);
        if let Some(traces) = &self.traces {
            traces.failed(&self.job, &error.code().to_string(), &error.to_string());
        }
        match again {
            Some(delay) => {
                let delay = restart::shown(*delay);
                self.context.terminal.message(&format!("failure {count}: the job is started again in {delay}"));
            }
            None if *count > 1 => self.context.terminal.message(&format!("given up after {count} failures")),
            None => {}
        }
    }
}

/// How a run is shown.
trait Show {
    fn event(&mut self, event: &Event);
    /// No more events: clears what was drawn in passing.
    fn end(&mut self);
    fn summary(&mut self, summary: &run::progress::Summary);
}

/// Turns Ctrl-C and SIGTERM into a request to stop, and the second one into an end at once.
pub(super) fn watch_signals(stop: Stop) {
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
