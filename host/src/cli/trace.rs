//! `pelton trace`: a row of a sink, followed back to the file, offset and line where it was read.
//!
//! A job that is run from its file is traced here, from its checkpoint directory; an engine's job by the engine. Nothing is changed, and the job may
//! run meanwhile.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    Context, Exit,
    client::{Client, escaped},
    kept::{self, KeptArgs, Named},
};
use crate::job::{
    replay::Kept,
    trace::{self, BACK_DEFAULT, ROWS_DEFAULT, ROWS_MAX, Request, TraceError, Which},
};

mod text;

#[derive(Debug, Args)]
pub(super) struct TraceArgs {
    #[command(flatten)]
    kept: KeptArgs,
    /// The sink; it may be left out where the job has one.
    #[arg(long, value_name = "SINK")]
    sink: Option<String>,
    /// A value of the row; may be given again. The newest row with these values is followed. `COLUMN=\N` is null.
    #[arg(long = "row", value_name = "COLUMN=VALUE", value_parser = parse_value, required_unless_present = "part", conflicts_with = "part")]
    values: Vec<(String, Option<String>)>,
    /// Only rows of this epoch.
    #[arg(long, value_name = "N", conflicts_with = "part")]
    epoch: Option<u64>,
    /// A part that a file sink wrote: CSV, JSON lines or text.
    #[arg(long, value_name = "FILE", requires = "line")]
    part: Option<PathBuf>,
    /// The row in this line of the part; a header is line 1.
    #[arg(long, value_name = "N", requires = "part")]
    line: Option<u64>,
    /// So many epochs before the row's own are looked through for rows that were kept as state.
    #[arg(long, value_name = "N", default_value_t = BACK_DEFAULT)]
    back: u64,
    /// So many rows are shown where one was made of many.
    #[arg(long, value_name = "N", default_value_t = ROWS_DEFAULT)]
    rows: usize,
}

impl TraceArgs {
    pub(super) fn threads(&self) -> Option<usize> {
        self.kept.threads()
    }
}

fn parse_value(text: &str) -> Result<(String, Option<String>), String> {
    let (column, value) = text.split_once('=').ok_or("it has the form COLUMN=VALUE, such as auction=17")?;
    Ok((column.trim().to_owned(), (value != "\\N").then(|| value.to_owned())))
}

pub(super) fn trace(context: &Context, args: &TraceArgs) -> Exit {
    let found = match args.kept.named() {
        Some(Named::File) => here(context, args),
        Some(Named::Engine(job)) => from_engine(context, args, job),
        None => Err(kept::nothing_named(context)),
    };
    match found {
        Ok(found) => {
            context.terminal.line(&if context.is_json() { found.to_string() } else { text::of(&found) });
            Exit::Done
        }
        Err(exit) => exit,
    }
}

fn here(context: &Context, args: &TraceArgs) -> Result<Value, Exit> {
    let which = match (&args.part, args.line) {
        (Some(part), Some(line)) => Which::Line { part: as_meant(part), line },
        _ => Which::Values(args.values.clone()),
    };
    let request = Request {
        sink: args.sink.clone(),
        which,
        epoch: args.epoch.map(pelton_core::model::Epoch),
        back: args.back,
        rows: args.rows.min(ROWS_MAX),
        threads: context.config.threads_for(None),
    };
    let traced = kept::known(
        context,
        &args.kept,
        |known| trace::trace(known.revisions, &Kept::Directory(known.retained), &request),
        failed,
    )?;
    Ok(trace::to_json(&traced))
}

/// A file that is there is meant itself, and not another part of its name.
fn as_meant(part: &Path) -> PathBuf {
    let absolute = part.is_file().then(|| std::path::absolute(part).ok()).flatten();
    absolute.unwrap_or_else(|| part.to_owned())
}

fn from_engine(context: &Context, args: &TraceArgs, job: &str) -> Result<Value, Exit> {
    let row: Map<String, Value> = args.values.iter().map(|(column, value)| (column.clone(), json!(value))).collect();
    let row = args.part.is_none().then_some(row);
    let part = args.part.as_deref().map(as_meant);
    let body = json!({
        "sink": args.sink, "row": row, "part": part, "line": args.line, "epoch": args.epoch, "back": args.back,
        "rows": args.rows,
    });
    Client::new(context).post(&format!("/v1/jobs/{}/trace", escaped(job)), &body).map_err(|error| {
        context.error(&error);
        error.exit()
    })
}

fn failed(context: &Context, error: TraceError) -> Exit {
    match error {
        TraceError::Replay(error) => kept::failed(context, error),
        error => {
            context.error(&error);
            if error.is_usage() { Exit::Usage } else { Exit::Failed }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_stand() {
        let value = |value: &str| Some(value.to_owned());
        assert_eq!(parse_value("a=1").unwrap(), ("a".into(), value("1")));
        assert_eq!(parse_value("a=b=c ").unwrap(), ("a".into(), value("b=c ")));
        assert_eq!(parse_value("a=").unwrap(), ("a".into(), value("")));
        assert_eq!(parse_value("a=\\N").unwrap(), ("a".into(), None));
        assert!(parse_value("a").is_err());
    }
}
