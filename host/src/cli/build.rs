//! `pelton build`: a project's module, with the tools of its language.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use serde_json::json;

use super::{Context, Exit, terminal::Terminal};
use crate::author::{
    AuthorError, Project,
    build::{self, Built},
    error::ToolOutput,
    tools::{Progress, Tools},
};

#[derive(Debug, Args)]
pub(super) struct BuildArgs {
    /// The directory of the module's project.
    #[arg(value_name = "DIR", default_value = ".")]
    pub(super) dir: PathBuf,
}

pub(super) fn build(context: &Context, args: &BuildArgs) -> Exit {
    let built = Project::open(&args.dir).and_then(|project| built(context, &project));
    let built = match built {
        Ok(built) => built,
        Err(error) => {
            context.error(&error);
            return Exit::Failed;
        }
    };
    if context.is_json() {
        context.terminal.line(&to_json(&built).to_string());
    } else {
        context.terminal.line(&to_text(&built));
    }
    Exit::Done
}

/// Builds `project`, if it has changed, and shows what is done.
pub(super) fn built(context: &Context, project: &Project) -> Result<Built, AuthorError> {
    let cache = context.config.cache_dir.value.as_ref().ok_or(AuthorError::NoCache)?.join("tools");
    let progress = Shown(&context.terminal);
    build::build(project, &Tools { cache: &cache, progress: &progress })
}

/// Each step on standard error.
struct Shown<'a>(&'a Terminal);

impl Progress for Shown<'_> {
    fn begin(&self, what: &str) {
        self.0.message(&format!("{what} …"));
    }

    fn warned(&self, warnings: &ToolOutput) {
        self.0.message(&warnings.to_string());
    }

    fn done(&self, what: &str, took: Duration) {
        if took >= Duration::from_secs(1) {
            self.0.message(&format!("{what}: {:.1} s", took.as_secs_f64()));
        }
    }
}

fn to_json(built: &Built) -> serde_json::Value {
    json!({
        "event": "built",
        "path": built.path,
        "bytes": built.bytes,
        "digest": built.digest,
        "unchanged": built.is_unchanged,
        "seconds": built.took.as_secs_f64(),
    })
}

fn to_text(built: &Built) -> String {
    let how = if built.is_unchanged { "unchanged" } else { "built" };
    format!(
        "{}\n  {}, {how} in {:.2} s\n  digest {}",
        built.path.display(),
        indicatif::HumanBytes(built.bytes as u64),
        built.took.as_secs_f64(),
        built.digest
    )
}
