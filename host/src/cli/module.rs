//! `pelton module …`: modules that jobs can name.

use clap::{Args, Subcommand};

use super::{Context, Exit, terminal};
use crate::standard::{Function, page};

#[derive(Debug, Subcommand)]
pub(super) enum ModuleCommand {
    /// List modules, with what they do.
    #[command(after_help = "Example:\n  pelton module list --std\n\ndocs/std.md says more about each.")]
    List(ListArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Those that are shipped inside Pelton.
    #[arg(long, required = true)]
    std: bool,
}

pub(super) fn module(context: &Context, command: &ModuleCommand) -> Exit {
    match command {
        ModuleCommand::List(ListArgs { std: _ }) => list_std(context),
    }
}

fn list_std(context: &Context) -> Exit {
    if context.is_json() {
        context.terminal.line(&page::to_json().to_string());
        return Exit::Done;
    }
    let mut table = terminal::plain_table();
    table.set_header(["module", "kind", "what it makes"]);
    for function in Function::all() {
        table.add_row([function.signature(), function.kind.name().to_owned(), function.summary.to_owned()]);
    }
    context.terminal.line(&table.to_string());
    Exit::Done
}
