//! `pelton dlq …`: dead letters, the rows on which a job's modules failed. Of a job of the engine, or from a checkpoint directory.
//!
//! What is asked for is carried out by the job, in its next epoch: offline, when it runs again.

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{
    Context, Exit,
    client::{Client, escaped},
    swap::{self, parse_option},
    terminal::{counted, plain_table},
    time::shown_time,
};
use crate::{
    checkpoint::Location,
    job::{
        dead_letters::{self, Action, LettersError, SHOWN_DEFAULT, Selection},
        diagnostic::plain,
    },
};

#[derive(Debug, Subcommand)]
pub(super) enum DlqCommand {
    /// List dead letters, the oldest first.
    #[command(after_help = "Example:\n  pelton dlq list prices --operator to-euro\n  pelton dlq list state --offline")]
    List(ListArgs),
    /// Show all that is known of a dead letter: its row, where it came from, why the module failed on it.
    #[command(after_help = "Example:\n  pelton dlq show prices 12.0")]
    Show(ShowArgs),
    /// Have the job put dead letters into their operators again, in its next epoch. They come after all rows that it has read.
    #[command(
        after_help = "Example:\n  pelton dlq replay prices 12.0 12.1\n  pelton dlq replay prices --operator to-euro\n  pelton dlq replay prices --all --dry-run --with mended.wasm"
    )]
    Replay(ReplayArgs),
    /// Have the job forget dead letters.
    #[command(after_help = "Example:\n  pelton dlq discard prices --all")]
    Discard(ChosenArgs),
}

#[derive(Debug, Args)]
struct Target {
    /// A job of the engine; with `--offline` the directory or URL of a checkpoint.
    #[arg(value_name = "JOB")]
    job: String,
    /// JOB is the checkpoint (a directory or a URL) of a job that `pelton run` runs, or that does not run.
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    target: Target,
    /// Only those of this operator.
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// So many at most.
    #[arg(long, value_name = "N", default_value_t = SHOWN_DEFAULT)]
    limit: usize,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    target: Target,
    /// Its number, such as 12.0.
    #[arg(value_name = "LETTER")]
    letter: String,
}

#[derive(Debug, Args)]
pub(super) struct ChosenArgs {
    #[command(flatten)]
    target: Target,
    /// Their numbers, such as 12.0.
    #[arg(value_name = "LETTER")]
    letters: Vec<String>,
    /// All of this operator.
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// All that there are.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    chosen: ChosenArgs,
    /// Only show what their operators would make of them now: nothing changes, and no row leaves.
    #[arg(long, conflicts_with = "offline")]
    dry_run: bool,
    /// What this module would make of them: a file, a name in the registry (`to-euro@1.2.0`), or `std:NAME`.
    #[arg(long, value_name = "MODULE", requires = "dry_run")]
    with: Option<String>,
    /// An option of that module that changes; may be given again. The others stay. `KEY=` takes one away.
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = parse_option, requires = "with")]
    options: Vec<(String, Value)>,
}

pub(super) fn dlq(context: &Context, command: &DlqCommand) -> Exit {
    match command {
        DlqCommand::List(args) => list(context, args),
        DlqCommand::Show(args) => show(context, args),
        DlqCommand::Replay(args) if args.dry_run => dry_run(context, args),
        DlqCommand::Replay(args) => ask(context, &args.chosen, Action::Replay),
        DlqCommand::Discard(args) => ask(context, args, Action::Discard),
    }
}

fn list(context: &Context, args: &ListArgs) -> Exit {
    let ListArgs { target, operator, limit } = args;
    if target.offline {
        let found = dead_letters::list(&Location::of(Path::new(""), &target.job), operator.as_deref(), *limit);
        return offline(context, found, list_to_text);
    }
    let operator = operator.as_ref().map(|name| format!("&operator={}", escaped(name))).unwrap_or_default();
    let answer = Client::new(context).get(&format!("{}?limit={limit}{operator}", target.path()));
    context.answer(answer, list_to_text)
}

fn show(context: &Context, args: &ShowArgs) -> Exit {
    let ShowArgs { target, letter } = args;
    let text = |found: &Value| to_text(target, found);
    if target.offline {
        return offline(context, dead_letters::show(&Location::of(Path::new(""), &target.job), letter), text);
    }
    context.answer(Client::new(context).get(&format!("{}/{}", target.path(), escaped(letter))), text)
}

fn ask(context: &Context, args: &ChosenArgs, action: Action) -> Exit {
    let ChosenArgs { target, letters, operator, all } = args;
    let text = |answer: &Value| asked_to_text(target, action, answer);
    if target.offline {
        let selection = Selection { letters: letters.clone(), operator: operator.clone(), all: *all };
        return offline(
            context,
            dead_letters::ask(&Location::of(Path::new(""), &target.job), action, &selection),
            text,
        );
    }
    let selection = json!({ "letters": letters, "operator": operator, "all": all });
    context.answer(Client::new(context).post(&format!("{}/{}", target.path(), action.name()), &selection), text)
}

fn dry_run(context: &Context, args: &ReplayArgs) -> Exit {
    let ReplayArgs { chosen: ChosenArgs { target, letters, operator, all }, with, options, .. } = args;
    let client = Client::new(context);
    let named = with.as_ref().map(|module| swap::name(context, &client, module)).transpose();
    let (module, digest) = match named {
        Ok(named) => named.unzip(),
        Err(exit) => return exit,
    };
    let options: Map<String, Value> = options.iter().cloned().collect();
    let body = json!({
        "letters": letters, "operator": operator, "all": all,
        "module": module, "digest": digest.flatten(), "options": options,
    });
    context.answer(client.post(&format!("{}/dry-run", target.path()), &body), tried_to_text)
}

fn offline(context: &Context, found: Result<Value, LettersError>, text: impl FnOnce(&Value) -> String) -> Exit {
    match found {
        Ok(found) => {
            context.terminal.line(&if context.is_json() { found.to_string() } else { text(&found) });
            Exit::Done
        }
        Err(error) => {
            context.error(&error);
            match error {
                LettersError::Checkpoint(_) => Exit::Failed,
                LettersError::NoNumber(_) | LettersError::Nothing => Exit::Usage,
                LettersError::Unknown(_) | LettersError::Over | LettersError::NoRow(..) => Exit::Refused,
            }
        }
    }
}

impl Target {
    fn path(&self) -> String {
        format!("/v1/jobs/{}/letters", escaped(&self.job))
    }

    /// As the command line has it.
    fn shown(&self) -> String {
        format!("{}{}", self.job, if self.offline { " --offline" } else { "" })
    }
}

/// Characters of a row in a list.
const ROW_CHARS_MAX: usize = 60;

/// What rows and modules say, without what a terminal would act on.
fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().chars().flat_map(plain).collect()
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    let texts = value.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    texts.map(|text| text.chars().flat_map(plain).collect()).collect()
}

fn shown_row(letter: &Value) -> String {
    let row = letter.get("row").filter(|row| !row.is_null()).map(ToString::to_string).unwrap_or_default();
    row.chars().flat_map(plain).collect()
}

fn time(letter: &Value) -> String {
    letter.get("at").and_then(Value::as_i64).map(shown_time).unwrap_or_default()
}

fn list_to_text(answer: &Value) -> String {
    let letters = answer.get("letters").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let total = answer.get("total").and_then(Value::as_u64).unwrap_or_default();
    if letters.is_empty() {
        return "no dead letters".into();
    }
    let mut table = plain_table();
    table.set_header(["letter", "operator", "when", "why", "row", ""]);
    for letter in letters {
        let row = shown_row(letter);
        let cut: String = row.chars().take(ROW_CHARS_MAX).collect();
        let more = if cut.len() < row.len() { "…" } else { "" };
        table.add_row([
            text(letter, "id"),
            text(letter, "operator"),
            time(letter),
            text(letter, "code"),
            format!("{cut}{more}"),
            if text(letter, "asked").is_empty() { String::new() } else { format!("{} asked", text(letter, "asked")) },
        ]);
    }
    let more = total.saturating_sub(letters.len() as u64);
    let more = if more > 0 { format!("\nand {more} more") } else { String::new() };
    format!("{table}{more}")
}

fn to_text(target: &Target, letter: &Value) -> String {
    let id = text(letter, "id");
    let mut lines = Vec::new();
    let mut line = |name: &str, value: String| lines.push(format!("{name:<10} {value}"));
    line("letter", id.clone());
    line("operator", text(letter, "operator"));
    for module in texts(letter, "modules") {
        line("module", module);
    }
    line("when", format!("{}, in epoch {}", time(letter), letter.get("epoch").unwrap_or(&Value::Null)));
    line("from", text(letter, "origin"));
    line("why", format!("{} ({})", text(letter, "error"), text(letter, "code")));
    for frame in texts(letter, "trace") {
        line("", format!("at {frame}"));
    }
    let kind = text(letter, "kind");
    line(if kind.is_empty() { "row" } else { &kind }, shown_row(letter));
    if !text(letter, "asked").is_empty() {
        line("asked", format!("{}, with the next epoch", text(letter, "asked")));
    }
    match kind.as_str() {
        "" | "row" => line("replay", format!("pelton dlq replay {} {id}", target.shown())),
        _ => line("discard", format!("pelton dlq discard {} {id}", target.shown())),
    }
    lines.join("\n")
}

fn tried_to_text(answer: &Value) -> String {
    let letters = answer.get("letters").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if letters.is_empty() {
        return "no dead letters".into();
    }
    let mut table = plain_table();
    table.set_header(["letter", "operator", "outcome", "rows, or why"]);
    for letter in letters {
        let rows = letter.get("rows").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let rows: Vec<String> = rows.iter().map(shown_row).collect();
        let told = match text(letter, "code") {
            code if !code.is_empty() => format!("{} ({code})", text(letter, "error")),
            _ if !text(letter, "error").is_empty() => text(letter, "error"),
            _ => rows.join(" "),
        };
        table.add_row([text(letter, "id"), text(letter, "operator"), text(letter, "outcome"), told]);
    }
    let total = answer.get("total").and_then(Value::as_u64).unwrap_or_default();
    let more = total.saturating_sub(letters.len() as u64);
    let more = if more > 0 { format!("\nand {more} more, which were not tried") } else { String::new() };
    format!("{table}{more}\nnothing was changed")
}

fn asked_to_text(target: &Target, action: Action, answer: &Value) -> String {
    let count = answer.get("letters").and_then(Value::as_array).map_or(0, Vec::len) as u64;
    if count == 0 {
        return "no dead letters that are not asked for already".into();
    }
    let when = match target.offline {
        true => "when the job runs, in its next epoch",
        false => "in the job's next epoch; a job that rests has to be resumed",
    };
    let what = match action {
        Action::Replay => "replayed",
        Action::Discard => "discarded",
    };
    format!("{} will be {what} {when}", counted(count, "dead letter"))
}
