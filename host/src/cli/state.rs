//! `pelton state …`: what a job's operators hold, as it was committed. Of a job file from its checkpoint directory, of an engine's job through
//! the engine. Changes nothing, and a job that runs does not notice.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use indicatif::HumanBytes;
use pelton_core::model::Epoch;
use serde_json::{Value, json};

use super::{
    Context, Exit,
    client::{Client, escaped},
    kept::{self, KeptArgs, Named},
    parse_override,
    terminal::{counted, plain_table},
};
use crate::job::{
    diagnostic::plain,
    look::{self, As, ExportFormat, LookError, ROWS_MAX, Seen, Wanted},
};

#[derive(Debug, Subcommand)]
pub(super) enum StateCommand {
    /// List the operators that keep state, with their keys and tables.
    #[command(after_help = "Example:\n  pelton state list visits")]
    List(OfJob),
    /// Show all that is kept of one key.
    #[command(
        after_help = "Example:\n  pelton state get visits per-user ada\n  pelton state get job.toml per-user-and-page 42 /home --epoch 1207"
    )]
    Get(GetArgs),
    /// Show rows of a table, of all keys or of some.
    #[command(
        after_help = "Example:\n  pelton state scan visits per-user --prefix ad --limit 20\n  pelton state scan visits per-user-and-page 42 --table _timers"
    )]
    Scan(ScanArgs),
    /// Write a table to a Parquet or Arrow file.
    #[command(after_help = "Example:\n  pelton state export visits per-user --to per-user.parquet")]
    Export(ExportArgs),
}

#[derive(Debug, Args)]
pub(super) struct OfJob {
    /// A job file, or the name of an engine's job.
    #[arg(value_name = "JOB")]
    job: String,
    /// Replace a value of the job file, as when it ran; may be given again.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_override)]
    overrides: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(super) struct OfOperator {
    #[command(flatten)]
    of: OfJob,
    /// The operator.
    #[arg(value_name = "OPERATOR")]
    operator: String,
    /// Values of its key columns, in their order; `\N` is null.
    #[arg(value_name = "KEY", allow_negative_numbers = true)]
    key: Vec<String>,
    /// One of its tables; `pelton state list` shows them.
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct GetArgs {
    #[command(flatten)]
    of: OfOperator,
    /// As of the end of this epoch, or of the `last` one: it is computed from the snapshot before it.
    #[arg(long, value_name = "N", value_parser = parse_epoch)]
    epoch: Option<AsOf>,
    /// So many rows of each table at most.
    #[arg(long, value_name = "N", default_value_t = look::ROWS_DEFAULT)]
    limit: usize,
}

#[derive(Debug, Args)]
pub(super) struct ScanArgs {
    #[command(flatten)]
    get: GetArgs,
    /// Only keys whose text in the key column after those given begins so.
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    of: OfOperator,
    /// Only keys whose text in the key column after those given begins so.
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// As of the end of this epoch, or of the `last` one; of a job file alone.
    #[arg(long, value_name = "N", value_parser = parse_epoch)]
    epoch: Option<AsOf>,
    /// The file: its ending says what it is, .parquet or .arrow. One that is there is replaced.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// An epoch as it is written on the command line.
#[derive(Debug, Clone, Copy)]
pub(super) struct AsOf(pub(super) As);

pub(super) fn parse_epoch(text: &str) -> Result<AsOf, String> {
    match text {
        "last" => Ok(AsOf(As::Last)),
        number => {
            let number = number.parse().map_err(|_| "it is the number of an epoch, or `last`")?;
            Ok(AsOf(As::Of(Epoch(number))))
        }
    }
}

impl OfOperator {
    fn wanted(&self, prefix: Option<&String>, is_one: bool) -> Wanted {
        let value = |text: &String| (text != "\\N").then(|| text.clone());
        Wanted {
            operator: self.operator.clone(),
            table: self.table.clone(),
            key: self.key.iter().map(value).collect(),
            prefix: prefix.cloned(),
            is_one,
        }
    }
}

pub(super) fn state(context: &Context, command: &StateCommand) -> Exit {
    let done = match command {
        StateCommand::List(args) => list(context, args),
        StateCommand::Get(args) => rows(context, args, None, true),
        StateCommand::Scan(args) => rows(context, &args.get, args.prefix.as_ref(), false),
        StateCommand::Export(args) => export(context, args),
    };
    done.unwrap_or_else(|exit| exit)
}

fn list(context: &Context, args: &OfJob) -> Result<Exit, Exit> {
    if let Some(job) = args.of_engine() {
        let answer = Client::new(context).get(&format!("/v1/jobs/{}/state", escaped(&job)));
        return Ok(context.answer(answer, list_to_text));
    }
    let listed = args.here(context, As::Saved, |seen| Ok(look::list(seen)))?;
    Ok(show(context, &listed, list_to_text))
}

fn rows(context: &Context, args: &GetArgs, prefix: Option<&String>, is_one: bool) -> Result<Exit, Exit> {
    let OfOperator { of, operator, table, .. } = &args.of;
    let wanted = args.of.wanted(prefix, is_one);
    let most = args.limit.min(ROWS_MAX);
    let text = |found: &Value| rows_to_text(found, is_one);
    let Some(job) = of.of_engine() else {
        let as_of = args.epoch.map_or(As::Saved, |AsOf(as_of)| as_of);
        let found = of.here(context, as_of, |seen| look::rows(seen, &wanted, most))?;
        return Ok(show(context, &found, text));
    };
    let path = format!("/v1/jobs/{}/state/{}", escaped(&job), escaped(operator));
    let client = Client::new(context);
    let answer = match args.epoch {
        None => {
            let query = [
                Some(format!("limit={most}")),
                Some(format!("one={is_one}&key={}", escaped(&json!(wanted.key).to_string()))),
                wanted.prefix.as_ref().map(|prefix| format!("prefix={}", escaped(prefix))),
                table.as_ref().map(|table| format!("table={}", escaped(table))),
            ];
            let query: Vec<String> = query.into_iter().flatten().collect();
            client.get(&format!("{path}?{}", query.join("&")))
        }
        Some(AsOf(as_of)) => {
            let epoch = if let As::Of(epoch) = as_of { Some(epoch) } else { None };
            let body = json!({
                "key": wanted.key, "prefix": wanted.prefix, "table": table, "one": is_one, "limit": most, "epoch": epoch,
            });
            client.post(&path, &body)
        }
    };
    Ok(context.answer(answer, text))
}

fn export(context: &Context, args: &ExportArgs) -> Result<Exit, Exit> {
    let OfOperator { of, operator, table, .. } = &args.of;
    let wanted = args.of.wanted(args.prefix.as_ref(), false);
    let format = ExportFormat::of(&args.to).map_err(|error| failed(context, error))?;
    let Some(job) = of.of_engine() else {
        let as_of = args.epoch.map_or(As::Saved, |AsOf(as_of)| as_of);
        let exported = of.here(context, as_of, |seen| {
            let exported = look::export(seen, &wanted, &args.to, format)?;
            Ok(exported.to_json(seen, operator))
        })?;
        return Ok(show(context, &exported, |exported| exported_to_text(exported, &args.to)));
    };
    if args.epoch.is_some() {
        context.terminal.message("an engine exports what was saved last: leave `--epoch` out, or give the job file");
        return Err(Exit::Usage);
    }
    let query = [
        Some(format!("key={}", escaped(&json!(wanted.key).to_string()))),
        Some(format!("format={}", if format == ExportFormat::Parquet { "parquet" } else { "arrow" })),
        wanted.prefix.as_ref().map(|prefix| format!("prefix={}", escaped(prefix))),
        table.as_ref().map(|table| format!("table={}", escaped(table))),
    ];
    let query: Vec<String> = query.into_iter().flatten().collect();
    let path = format!("/v1/jobs/{}/state/{}/export?{}", escaped(&job), escaped(operator), query.join("&"));
    let bytes = Client::new(context).bytes(&path).map_err(|error| {
        context.error(&error);
        error.exit()
    })?;
    fs::write(&args.to, &bytes).map_err(|source| {
        let path = args.to.display().to_string();
        failed(context, LookError::Write { path, source: source.into() })
    })?;
    let exported = json!({ "job": job, "operator": operator, "bytes": bytes.len() });
    Ok(show(context, &exported, |exported| exported_to_text(exported, &args.to)))
}

impl OfJob {
    /// The engine's name for it; none: it is a file.
    fn of_engine(&self) -> Option<String> {
        match KeptArgs::of(&self.job, &[]).named() {
            Some(Named::Engine(name)) => Some(name.to_owned()),
            _ => None,
        }
    }

    /// Looks at the state in the job's checkpoint directory.
    fn here<T>(
        &self,
        context: &Context,
        as_of: As,
        mut act: impl FnMut(&Seen<'_>) -> Result<T, LookError>,
    ) -> Result<T, Exit> {
        let args = KeptArgs::of(&self.job, &self.overrides);
        kept::known(context, &args, |known| Seen::new(known, as_of).and_then(|seen| act(&seen)), failed)
    }
}

fn failed(context: &Context, error: LookError) -> Exit {
    match error {
        LookError::Replay(error) => kept::failed(context, error),
        error => {
            context.error(&error);
            if error.is_usage() { Exit::Usage } else { Exit::Failed }
        }
    }
}

fn show(context: &Context, found: &Value, text: impl FnOnce(&Value) -> String) -> Exit {
    context.terminal.line(&if context.is_json() { found.to_string() } else { text(found) });
    Exit::Done
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// What comes from modules and rows, without what a terminal would act on.
fn text(value: &Value) -> String {
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    shown.chars().flat_map(plain).collect()
}

fn names(value: &Value, key: &str) -> String {
    array(value, key).iter().map(text).collect::<Vec<_>>().join(", ")
}

/// `as of epoch 12; 15 are committed`
fn epochs(found: &Value) -> String {
    let number = |key: &str| found.get(key).and_then(Value::as_u64).unwrap_or_default();
    match (number("epoch"), number("committed")) {
        (epoch, committed) if epoch == committed => format!("as of epoch {epoch}, the last one"),
        (epoch, committed) => format!("as of epoch {epoch}; epoch {committed} is the last one"),
    }
}

fn list_to_text(found: &Value) -> String {
    let operators = array(found, "operators");
    if operators.is_empty() {
        return "no operator of the job keeps state".into();
    }
    let mut table = plain_table();
    table.set_header(["operator", "kind", "key", "table", "columns"]);
    for operator in operators {
        let own = |key: &str| operator.get(key).map(text).unwrap_or_default();
        let bytes = operator.get("bytes").and_then(Value::as_u64).unwrap_or_default();
        let mut first = [own("operator"), format!("{}, {}", own("kind"), HumanBytes(bytes)), names(operator, "key")];
        for of_operator in array(operator, "tables") {
            let columns = array(of_operator, "columns").iter().filter(|column| column["key"] == false);
            let columns = columns.map(|column| format!("{} {}", text(&column["name"]), text(&column["type"])));
            let columns = columns.collect::<Vec<_>>().join(", ");
            let [name, kind, key] = std::mem::take(&mut first);
            table.add_row([name, kind, key, of_operator.get("name").map(text).unwrap_or_default(), columns]);
        }
    }
    format!("{table}\n\n{}", epochs(found))
}

fn rows_to_text(found: &Value, is_one: bool) -> String {
    let tables = array(found, "tables");
    let mut parts = Vec::new();
    for table in tables {
        let rows = array(table, "rows");
        // Of a key only that is shown which it has.
        if is_one && rows.is_empty() && tables.len() > 1 {
            continue;
        }
        let title = if tables.len() > 1 { format!("{}:\n", text(&table["name"])) } else { String::new() };
        parts.push(title + &table_to_text(table, rows));
    }
    if parts.iter().all(String::is_empty) {
        parts.push("nothing is kept of this key".into());
    }
    format!("{}\n\n{}", parts.join("\n\n"), epochs(found))
}

fn table_to_text(table: &Value, rows: &[Value]) -> String {
    let mut shown = plain_table();
    let columns: Vec<String> = array(table, "columns").iter().map(|column| text(&column["name"])).collect();
    shown.set_header(&columns);
    for row in rows {
        let cells = array(table, "columns").iter().map(|column| {
            let value = column["name"].as_str().and_then(|name| row.get(name));
            value.map(text).unwrap_or_default()
        });
        shown.add_row(cells);
    }
    let more = if table["more"] == true { "\n… and more: `--limit` shows more of them" } else { "" };
    format!("{shown}{more}")
}

fn exported_to_text(exported: &Value, path: &Path) -> String {
    let bytes = exported.get("bytes").and_then(Value::as_u64).unwrap_or_default();
    let rows = exported.get("rows").and_then(Value::as_u64).map(|rows| format!("{} in ", counted(rows, "row")));
    let file = format!("{}{} in {}", rows.unwrap_or_default(), HumanBytes(bytes), path.display());
    match exported.get("epoch") {
        Some(_) => format!("{file}, {}", epochs(exported)),
        None => file,
    }
}
