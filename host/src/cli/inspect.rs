//! `pelton inspect`: what a module is and wants.

use std::path::PathBuf;

use clap::Args;

use super::{Context, Exit};

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// A module: `.wasm` or `.wat`.
    #[arg(value_name = "MODULE")]
    module: PathBuf,
}

pub(super) fn inspect(context: &Context, args: &InspectArgs) -> Exit {
    context.terminal.line(&args.module.display().to_string());
    Exit::Done
}
