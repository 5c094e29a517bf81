//! `pelton plan`: the job's graph with the columns on every edge, in four forms of one [`Drawing`].

use clap::{Args, ValueEnum};
use pelton_wasm::{Runtime, RuntimeOptions};

use super::{Context, Exit, JobArgs};
use crate::job::{
    file::{self, JobFile},
    plan::{Plan, Surroundings, modules::Modules},
};

mod drawing;
mod json;
mod mermaid;
mod svg;
mod text;

use drawing::Drawing;

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    job: JobArgs,
    /// How the plan is drawn.
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Option<PlanFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
    /// For Markdown that draws diagrams.
    Mermaid,
    /// A picture.
    Svg,
}

pub(super) fn plan(context: &Context, args: &PlanArgs) -> Exit {
    let (_, plan) = match open(context, &args.job) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    let drawing = Drawing::of(&plan);
    let default = if context.is_json() { PlanFormat::Json } else { PlanFormat::Text };
    let drawn = match args.format.unwrap_or(default) {
        PlanFormat::Text => text::draw(&drawing),
        PlanFormat::Json => json::draw(&drawing),
        PlanFormat::Mermaid => mermaid::draw(&drawing),
        PlanFormat::Svg => svg::draw(&drawing),
    };
    context.terminal.line(&drawn);
    Exit::Done
}

/// Reads a job file and plans it; mistakes have been shown.
pub(super) fn open(context: &Context, args: &JobArgs) -> Result<(JobFile, Plan), Exit> {
    let file = file::load(&args.job, &args.overrides()).map_err(|mistakes| context.mistakes(&mistakes))?;
    let runtime = runtime(context)?;
    let print = context.terminal.print_target(context.config.output.value);
    let surroundings = Surroundings { runtime, print, modules: Modules::Files, keeps_keys: false };
    let plan = Plan::new(&file, &surroundings).map_err(|mistakes| context.mistakes(&mistakes))?;
    Ok((file, plan))
}

/// The wasm runtime with the configured compile cache; what is wrong has been shown.
pub(super) fn runtime(context: &Context) -> Result<std::sync::Arc<Runtime>, Exit> {
    let options = RuntimeOptions { cache_dir: context.config.cache_dir.value.clone() };
    Runtime::new(&options).map_err(|error| {
        context.error(&error);
        Exit::Failed
    })
}
