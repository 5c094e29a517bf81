//! `pelton lint`: every mistake of a job, as far as it can be told without running it.

use serde_json::json;

use super::{Context, Exit, JobArgs, plan::open};

pub(super) fn lint(context: &Context, args: &JobArgs) -> Exit {
    match open(context, args) {
        Ok((file, plan)) => {
            if context.is_json() {
                context.terminal.line(&json!({ "job": plan.name, "errors": [] }).to_string());
            } else {
                context.terminal.line(&format!(
                    "{}: no mistakes ({} sources, {} operators, {} sinks)",
                    file.path.display(),
                    plan.sources.len(),
                    plan.operators.len(),
                    plan.sinks.len()
                ));
            }
            Exit::Done
        }
        Err(exit) => exit,
    }
}
