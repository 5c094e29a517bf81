//! `pelton plan`: the job's graph with the columns on every edge.

use clap::Args;
use pelton_wasm::{Runtime, RuntimeOptions};

use super::{Context, Exit, JobArgs};
use crate::job::{
    file::{self, JobFile},
    plan::{Plan, Surroundings},
};

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    job: JobArgs,
    /// How the plan is drawn.
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json", "mermaid", "svg"])]
    format: String,
}

pub(super) fn plan(context: &Context, args: &PlanArgs) -> Exit {
    let (_, plan) = match open(context, &args.job) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    context.terminal.line(&format!("{} {}", plan.name, args.format));
    Exit::Done
}

/// Reads a job file and plans it; mistakes have been shown.
pub(super) fn open(context: &Context, args: &JobArgs) -> Result<(JobFile, Plan), Exit> {
    let file = file::load(&args.job, &args.overrides()).map_err(|mistakes| context.mistakes(&mistakes))?;
    let options = RuntimeOptions { cache_dir: context.config.cache_dir.value.clone() };
    let runtime = Runtime::new(&options).map_err(|error| {
        context.error(&error);
        Exit::Failed
    })?;
    let print = context.terminal.print_target(context.config.output.value);
    let plan = Plan::new(&file, &Surroundings { runtime, print }).map_err(|mistakes| context.mistakes(&mistakes))?;
    Ok((file, plan))
}
