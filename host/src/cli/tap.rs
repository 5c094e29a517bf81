//! `pelton tap`: rows that leave an output of a job at the moment.

use clap::Args;
use serde_json::{Map, Value};

use super::{
    Context, Exit,
    client::{Client, escaped},
    terminal::plain_table,
};
use crate::job::diagnostic::plain;

#[derive(Debug, Args)]
pub(super) struct TapArgs {
    /// The job's name.
    #[arg(value_name = "JOB")]
    job: String,
    /// An output, as inputs name it: an operator, a source, or one of its ports as in `clicks.rejected`.
    #[arg(value_name = "OUTPUT")]
    of: String,
    /// So many rows.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    rows: u16,
    /// So long they are waited for.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=30))]
    wait: u64,
    /// Go on until Ctrl-C; a row in JSON on each line.
    #[arg(long, short)]
    follow: bool,
}

/// Whoever follows sees a row so long after it has left, at most.
const GATHER_MS: u64 = 100;

pub(super) fn tap(context: &Context, args: &TapArgs) -> Exit {
    let client = Client::new(context);
    let (job, output) = (escaped(&args.job), escaped(&args.of));
    let mut path = format!("/v1/jobs/{job}/tap?output={output}&rows={}&wait_ms={}", args.rows, args.wait * 1_000);
    if args.follow {
        path += &format!("&gather_ms={GATHER_MS}");
    }
    loop {
        let answer = client.get(&path);
        if !args.follow {
            return context.answer(answer, |shown| to_text(shown, args.wait));
        }
        match answer {
            Ok(shown) => rows(&shown).for_each(|(epoch, row)| {
                let line =
                    if context.is_json() { Value::Object(row.clone()).to_string() } else { followed(epoch, row) };
                context.terminal.line(&line);
            }),
            Err(error) => return context.answer(Err(error), |_| String::new()),
        }
    }
}

/// Epochs and rows of an answer.
fn rows(shown: &Value) -> impl Iterator<Item = (u64, &Map<String, Value>)> {
    let rows = shown.get("rows").and_then(Value::as_array).into_iter().flatten();
    rows.filter_map(|row| Some((row.get("epoch")?.as_u64()?, row.get("row")?.as_object()?)))
}

fn followed(epoch: u64, row: &Map<String, Value>) -> String {
    format!("epoch {epoch}: {}", Value::Object(row.clone()))
}

fn to_text(shown: &Value, wait: u64) -> String {
    let mut table = plain_table();
    let Some((_, first)) = rows(shown).next() else { return format!("no row left it within {wait} s") };
    table.set_header(std::iter::once("epoch").chain(first.keys().map(String::as_str)));
    // Values come from outside: no character may move the cursor.
    let cell = |value: &Value| {
        value.as_str().map_or_else(|| value.to_string(), str::to_owned).chars().flat_map(plain).collect()
    };
    for (epoch, row) in rows(shown) {
        let cells = row.values().map(cell);
        table.add_row(std::iter::once(epoch.to_string()).chain(cells));
    }
    table.to_string()
}
