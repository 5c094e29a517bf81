//! `pelton job …`: about job files.

use clap::Subcommand;

use super::{Context, Exit};
use crate::job::file;

#[derive(Debug, Subcommand)]
pub(super) enum JobCommand {
    /// Print the JSON schema of job files, for editors.
    Schema,
}

pub(super) fn job(context: &Context, command: &JobCommand) -> Exit {
    match command {
        JobCommand::Schema => {
            let schema = serde_json::to_string_pretty(&file::schema::json_schema()).unwrap_or_default();
            context.terminal.line(&schema);
            Exit::Done
        }
    }
}
