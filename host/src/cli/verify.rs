//! `pelton verify`: committed epochs computed again with fresh instances, to find modules that are not functions.

#![expect(clippy::indexing_slicing, reason = "indexing a JSON value answers null where there is nothing")]

use clap::Args;
use serde_json::{Value, json};

use super::{
    Context, Exit,
    client::{Client, escaped},
    kept::{self, KeptArgs, Named},
    terminal::counted,
};
use crate::job::replay::{self, Which, json};

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    kept: KeptArgs,
    /// So many epochs, spread over those that are kept; with them those that their state takes.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..))]
    sample: u64,
    /// Every epoch that is kept.
    #[arg(long, conflicts_with = "sample")]
    all: bool,
}

impl VerifyArgs {
    pub(super) fn threads(&self) -> Option<usize> {
        self.kept.threads()
    }
}

pub(super) fn verify(context: &Context, args: &VerifyArgs) -> Exit {
    let found = match args.kept.named() {
        Some(Named::File) => here(context, args),
        Some(Named::Engine(job)) => {
            let body = json!({ "sample": args.sample, "all": args.all });
            Client::new(context).post(&format!("/v1/jobs/{}/verify", escaped(job)), &body).map_err(|error| {
                context.error(&error);
                error.exit()
            })
        }
        None => Err(kept::nothing_named(context)),
    };
    match found {
        Ok(found) => {
            context.terminal.line(&if context.is_json() { found.to_string() } else { to_text(&found) });
            if found["same"] == true { Exit::Done } else { Exit::Failed }
        }
        Err(exit) => exit,
    }
}

fn here(context: &Context, args: &VerifyArgs) -> Result<Value, Exit> {
    let local = kept::open(context, &args.kept)?;
    let which = if args.all { Which::All } else { Which::Sample(args.sample) };
    let threads = context.config.threads_for(None);
    kept::with(context, &local, |revisions, kept| {
        let verification = replay::verify(revisions, kept, which, threads);
        verification.map(|found| json::verification(&found)).map_err(|error| kept::failed(context, error))
    })
}

fn to_text(found: &Value) -> String {
    let Some([first, last]) = found["replayable"].as_array().map(Vec::as_slice) else {
        return "no epoch can be computed again".into();
    };
    let checked = counted(found["checked"].as_u64().unwrap_or_default(), "epoch");
    let job = found["job"].as_str().unwrap_or_default();
    let differing = found["differing"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(one) = differing.first() else {
        return format!("{job}: {checked} of {first} to {last} computed again, all of them the same");
    };
    let count = counted(differing.len() as u64, "epoch");
    let mut text = format!("{job}: {checked} of {first} to {last} computed again; {count} came to something else");
    const SHOWN: usize = 10;
    for epoch in differing.iter().take(SHOWN) {
        for sink in epoch["sinks"].as_array().into_iter().flatten() {
            let (name, rows) = (sink["name"].as_str().unwrap_or_default(), &sink["rows"]);
            let committed = &sink["committed"]["rows"];
            text.push_str(&format!(
                "\n  epoch {}, sink {name}: {rows} rows, and {committed} committed",
                epoch["epoch"]
            ));
        }
    }
    if differing.len() > SHOWN {
        text.push_str(&format!("\n  … and {}", counted((differing.len() - SHOWN) as u64, "more epoch")));
    }
    match one["operator"].as_str() {
        Some(operator) => text.push_str(&format!(
            "\noperator {operator} is not a function: with fresh instances it makes other rows of the same input (PELTON-0504)"
        )),
        None => text.push_str(
            "\nno operator was found that does so: computed twice more, all made the same rows (PELTON-0504)",
        ),
    }
    let changed = one["changed"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>();
    if !changed.is_empty() {
        text.push_str(&format!("\nchanged since, which may be why: {}", changed.join(", ")));
    }
    text
}
