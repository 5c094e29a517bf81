//! `pelton lint`: every mistake of a job, as far as it can be told without running it.

use serde_json::json;

use super::{Context, Exit, JobArgs, plan::open, terminal::counted};

pub(super) fn lint(context: &Context, args: &JobArgs) -> Exit {
    match open(context, args) {
        Ok((file, plan)) => {
            if context.is_json() {
                context.terminal.line(&json!({ "job": plan.name, "errors": [] }).to_string());
            } else {
                let parts =
                    [(plan.sources.len(), "source"), (plan.operators.len(), "operator"), (plan.sinks.len(), "sink")];
                let parts = parts.map(|(count, what)| counted(count as u64, what));
                context.terminal.line(&format!("{}: no mistakes ({})", file.path.display(), parts.join(", ")));
            }
            Exit::Done
        }
        Err(exit) => exit,
    }
}
