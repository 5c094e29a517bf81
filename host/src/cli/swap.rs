//! `pelton swap`, `promote`, `rollback`, `history` and `shadow`: other modules for a job that runs.

#![expect(clippy::indexing_slicing, reason = "indexing a JSON value answers null where there is nothing")]

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};
use pelton_core::{model::ModuleTag, share::Share};
use serde_json::{Map, Value, json};

use super::{
    Context, Exit,
    client::{Client, ClientError, escaped},
    module, shadow,
    time::shown_time,
};
use crate::{error::Code, job::run::Comparison, standard::is_std};

#[derive(Debug, Args)]
pub(super) struct SwapArgs {
    /// The job's name.
    #[arg(value_name = "JOB")]
    job: String,
    /// The operator; of one of several aggregates OPERATOR.AGGREGATE.
    #[arg(value_name = "OPERATOR")]
    operator: String,
    /// A file, a name in the registry (`to-euro@1.2.0`), or a module that comes with Pelton (`std:NAME`).
    #[arg(value_name = "MODULE")]
    module: String,
    /// An option that changes; may be given again. The others stay. `KEY=` takes one away.
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = parse_option)]
    options: Vec<(String, Value)>,
    /// Say what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// What becomes of open windows, and of everything else the operator has kept: the new module takes it over (migrate); the module before
    /// finishes its windows, and the new one begins those after them (drain); or it is dropped (reset).
    #[arg(long, value_name = "WHAT", value_enum, default_value = "migrate")]
    windows: Windows,
    /// Run it beside the operator for so many epochs first, and compare their rows.
    #[arg(long, value_name = "EPOCHS", value_parser = clap::value_parser!(u64).range(1..))]
    shadow: Option<u64>,
    /// Have it do this share of the operator's work first, for good: 1/8 of the keys, or of the batches.
    #[arg(long, value_name = "SHARE", conflicts_with = "shadow")]
    canary: Option<Share>,
    /// After these epochs have it take the operator's place if all rows were the same, and go if not.
    #[arg(long, requires = "shadow")]
    auto: bool,
    #[command(flatten)]
    watch: WatchArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Windows {
    Migrate,
    Drain,
    Reset,
}

impl Windows {
    fn word(self) -> &'static str {
        match self {
            Self::Migrate => "migrate",
            Self::Drain => "drain",
            Self::Reset => "reset",
        }
    }
}

#[derive(Debug, Args)]
struct WatchArgs {
    /// How long the module before it runs on as its shadow; if the new one fails in this time, the job rolls back by itself. `0s`: not at all.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_time)]
    watch: Duration,
    /// Do not wait until an epoch has gone by it.
    #[arg(long)]
    no_wait: bool,
}

#[derive(Debug, Args)]
pub(super) struct PromoteArgs {
    /// The job's name.
    #[arg(value_name = "JOB")]
    job: String,
    /// The operator, to be sure.
    #[arg(value_name = "OPERATOR")]
    operator: Option<String>,
    #[command(flatten)]
    watch: WatchArgs,
}

#[derive(Debug, Args)]
pub(super) struct ChangedJobArgs {
    /// The job's name.
    #[arg(value_name = "JOB")]
    job: String,
}

pub(super) fn parse_option(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("it has the form KEY=VALUE, such as min=100")?;
    let value = match value {
        "" => Value::Null,
        value => serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned())),
    };
    Ok((key.trim().to_owned(), value))
}

pub(super) fn parse_time(text: &str) -> Result<Duration, String> {
    crate::job::file::duration(text).ok_or_else(|| "a time is such as 500ms, 30s, 5m or 1h".to_owned())
}

pub(super) fn swap(context: &Context, args: &SwapArgs) -> Exit {
    let client = Client::new(context);
    let (name, digest) = match name(context, &client, &args.module) {
        Ok(named) => named,
        Err(exit) => return exit,
    };
    let body = json!({
        "operator": args.operator, "module": name, "digest": digest,
        "options": args.options.iter().cloned().collect::<Map<_, _>>(),
        "windows": args.windows.word(), "shadow": args.shadow, "canary": args.canary.map(|share| share.to_string()), "automatic": args.auto, "watch_ms": millis(args.watch.watch), "dry_run": args.dry_run,
    });
    let answer = client.post(&format!("/v1/jobs/{}/swap", escaped(&args.job)), &body);
    match answer {
        Ok(changed) if !args.dry_run && !args.watch.no_wait => {
            let exit = follow(context, &client, &args.job, &changed);
            match args.shadow {
                Some(epochs) if exit == Exit::Done => {
                    follow_shadow(context, &client, args, (changed["revision"].as_u64().unwrap_or_default(), epochs))
                }
                _ if args.canary.is_some() && exit == Exit::Done => {
                    let job = &args.job;
                    context.terminal.message(&format!(
                        "`pelton shadow {job}` shows how its canary does, `pelton promote {job}` has it do all, `pelton rollback {job}` nothing"
                    ));
                    exit
                }
                _ => exit,
            }
        }
        answer => context.answer(answer, changes),
    }
}

pub(super) fn promote(context: &Context, args: &PromoteArgs) -> Exit {
    let client = Client::new(context);
    let body = json!({ "operator": args.operator, "watch_ms": millis(args.watch.watch) });
    match client.post(&format!("/v1/jobs/{}/promote", escaped(&args.job)), &body) {
        Ok(changed) if !args.watch.no_wait => follow(context, &client, &args.job, &changed),
        answer => context.answer(answer, changes),
    }
}

pub(super) fn rollback(context: &Context, args: &ChangedJobArgs) -> Exit {
    let client = Client::new(context);
    match client.post(&format!("/v1/jobs/{}/rollback", escaped(&args.job)), &Value::Null) {
        Ok(changed) => follow(context, &client, &args.job, &changed),
        answer => context.answer(answer, changes),
    }
}

pub(super) fn history(context: &Context, args: &ChangedJobArgs) -> Exit {
    let answer = Client::new(context).get(&format!("/v1/jobs/{}/revisions", escaped(&args.job)));
    context.answer(answer, |history| {
        let mut table = super::terminal::plain_table();
        table.set_header(["revision", "made", "by", "what"]);
        for revision in history["revisions"].as_array().into_iter().flatten() {
            let made = revision["created"].as_i64().map(shown_time).unwrap_or_default();
            let by = revision["by"].as_str().unwrap_or_default();
            table.add_row([revision["number"].to_string(), made, by.to_owned(), origin(&revision["origin"])]);
        }
        table.to_string()
    })
}

/// Characters of a reason in a table; all of it is in the JSON.
const REASON_CHARS_MAX: usize = 80;

fn cut(reason: &str) -> String {
    let cut: String = reason.chars().take(REASON_CHARS_MAX).collect();
    let more = if cut.len() < reason.len() { "…" } else { "" };
    format!("{cut}{more}")
}

/// What made a revision, in words.
fn origin(origin: &Value) -> String {
    let operator = origin["operator"].as_str().unwrap_or_default();
    match origin["kind"].as_str().unwrap_or_default() {
        "shadow" => format!("{operator}: a shadow for {} epochs", origin["epochs"]),
        "apply" => "another job file".into(),
        "rollback" if operator.is_empty() => "the job file before".into(),
        "canary" => format!("{operator}: a canary for {}", plain(&origin["share"])),
        "swap" => format!("{operator}: another module"),
        "settle" if origin.get("is_drained").and_then(Value::as_bool) == Some(true) => {
            format!("{operator}: the module before has finished its windows")
        }
        "settle" => format!("{operator}: the shadow goes"),
        "rollback" => match origin["reason"].as_str() {
            Some(reason) => format!("{operator}: rolled back, since {}", cut(reason)),
            None => format!("{operator}: rolled back"),
        },
        _ => "submitted".into(),
    }
}

pub(super) fn show_shadow(context: &Context, args: &ChangedJobArgs) -> Exit {
    let answer = Client::new(context).get(&format!("/v1/jobs/{}/shadows", escaped(&args.job)));
    context.answer(answer, |shown| {
        let comparisons = comparisons(shown);
        match comparisons.is_empty() {
            true => format!("no operator of job {} has a shadow or a canary", args.job),
            false => comparisons.iter().map(shadow::to_text).collect::<Vec<_>>().join("\n"),
        }
    })
}

fn comparisons(shown: &Value) -> Vec<Comparison> {
    serde_json::from_value(shown["shadows"].clone()).unwrap_or_default()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What the engine is to call the module, and its digest if it is a file here, which is pushed.
pub(super) fn name(context: &Context, client: &Client, module: &str) -> Result<(String, Option<String>), Exit> {
    if is_std(module) || module.parse::<ModuleTag>().is_ok() {
        return Ok((module.to_owned(), None));
    }
    let bytes = module::read(context, Path::new(module))?;
    let digest = blake3::hash(&bytes).to_hex().to_string();
    client.post_bytes(&format!("/v1/modules?digest={digest}"), bytes).map_err(|error| {
        context.error(&error);
        error.exit()
    })?;
    let name =
        Path::new(module).file_name().map_or_else(|| module.to_owned(), |name| name.to_string_lossy().into_owned());
    Ok((name, Some(digest)))
}

/// What changes, in words.
pub(super) fn changes(changed: &Value) -> String {
    let mut text = match changed["revision"].as_u64() {
        Some(revision) => format!("{}: revision {} follows {}", plain(&changed["job"]), revision, changed["from"]),
        None => format!("{}: revision {} would be followed by", plain(&changed["job"]), changed["from"]),
    };
    if changed["is_started"] == true {
        return match changed["revision"].as_u64() {
            Some(revision) => format!("{}: starts as revision {revision}", plain(&changed["job"])),
            None => format!("{}: does not run, and would start", plain(&changed["job"])),
        };
    }
    let reasons: Vec<String> = changed["restart"].as_array().into_iter().flatten().map(plain).collect();
    if !reasons.is_empty() {
        let when = if changed["revision"].is_null() { "it would have to stop" } else { "it stopped for it" };
        return format!("{text}\n  {when}: {}", reasons.join("; "));
    }
    let operators = changed["operators"].as_array().map(Vec::as_slice).unwrap_or_default();
    if operators.is_empty() && changed["revision"].is_null() {
        return format!("{}: nothing changes, revision {} stays", plain(&changed["job"]), changed["from"]);
    }
    if operators.is_empty() {
        text.push_str("\n  the operators stay as they are");
    }
    for operator in operators {
        let short = |key: &str| {
            let digests = operator[key].as_array().into_iter().flatten().filter_map(Value::as_str);
            digests.map(|digest| digest.chars().take(12).collect::<String>()).collect::<Vec<_>>().join(", ")
        };
        let (before, after) = (short("modules_before"), short("modules_after"));
        let module =
            if before == after { format!("module {after} stays") } else { format!("module {before} -> {after}") };
        let also = [("options_changed", "other options"), ("limits_changed", "other limits")];
        let also = also.iter().filter(|(key, _)| operator[*key] == true).map(|(_, what)| format!(", {what}"));
        let also: String = also.collect();
        text.push_str(&format!("\n  {}: {module}{also}; {}", plain(&operator["operator"]), plain(&operator["state"])));
        for note in operator["notes"].as_array().into_iter().flatten() {
            text.push_str(&format!("\n    {}", plain(note)));
        }
    }
    text
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// How long a command waits for an epoch of the new revision; a job without rows has none.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until an epoch went by the new revision, and shows what changed.
pub(super) fn follow(context: &Context, client: &Client, job: &str, changed: &Value) -> Exit {
    if !context.is_json() {
        context.terminal.message(&changes(changed));
    }
    let wanted = changed["revision"].as_u64().unwrap_or_default();
    let until = Instant::now() + PATIENCE;
    let path = format!("/v1/jobs/{}", escaped(job));
    loop {
        let status = match client.get(&path) {
            Ok(status) => status,
            Err(error) => {
                context.error(&error);
                return error.exit();
            }
        };
        let figures = &status["figures"];
        let (effective, state) = (figures["revision"].as_u64().unwrap_or_default(), plain(&status["state"]));
        if let Some(failed) = given_up(&status, changed) {
            context.error(&failed);
            return Exit::Failed;
        }
        let is_live = matches!(state.as_str(), "starting" | "running" | "restarting");
        if effective >= wanted || !is_live || Instant::now() >= until {
            let answer =
                json!({ "changed": changed, "effective": effective, "epoch": figures["epoch"], "state": state });
            let text = match effective >= wanted {
                true => format!("{job} goes by revision {effective} (epoch {})", figures["epoch"]),
                false => format!("{job} is {state}: revision {wanted} begins with its next epoch"),
            };
            context.terminal.line(&if context.is_json() { answer.to_string() } else { text });
            return Exit::Done;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// What a job says that has failed, or rests, since it changed. None: it has not, or it had before.
pub(super) fn given_up(status: &Value, changed: &Value) -> Option<ClientError> {
    let reason = &status["reason"];
    let wanted = changed["revision"].as_u64()?;
    let was_stopped = changed["is_started"] == true || changed["restart"].as_array().is_some_and(|why| !why.is_empty());
    let is_new = was_stopped || status["last_error"]["revision"].as_u64() >= Some(wanted);
    let (job, state) = (plain(&status["name"]), plain(&status["state"]));
    if reason.is_null() || !is_new || !matches!(state.as_str(), "failed" | "paused") {
        return None;
    }
    Some(ClientError::Refused {
        code: reason["code"].as_str().and_then(Code::parse).unwrap_or(Code::RunFailed),
        message: format!("{job} is {state} as revision {wanted}: {}", plain(&reason["message"])),
        help: Some(format!(
            "`pelton rollback {job}` takes the change back; `pelton job show {job}` has more, `pelton job resume {job}` tries again"
        )),
        source: None,
        errors: Box::default(),
    })
}

/// How long a command waits to see whether a job that was started begins.
const BEGINNING: Duration = Duration::from_secs(10);

/// Waits until a job that was started runs, has ended or has failed, and shows it.
pub(super) fn follow_start(context: &Context, client: &Client, changed: &Value) -> Exit {
    let path = format!("/v1/jobs/{}", escaped(changed["job"].as_str().unwrap_or_default()));
    let until = Instant::now() + BEGINNING;
    while let Ok(status) = client.get(&path) {
        if let Some(failed) = given_up(&status, changed) {
            context.error(&failed);
            return Exit::Failed;
        }
        if status["state"] != "starting" || Instant::now() >= until {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    context.terminal.line(&if context.is_json() { changed.to_string() } else { changes(changed) });
    Exit::Done
}

/// Waits until the shadow has been compared for so many epochs, or the job has gone on to another revision.
fn follow_shadow(context: &Context, client: &Client, args: &SwapArgs, (revision, epochs): (u64, u64)) -> Exit {
    let path = format!("/v1/jobs/{}", escaped(&args.job));
    let operator = args.operator.split('.').next().unwrap_or_default();
    loop {
        let shown: Result<(Value, Value), ClientError> =
            client.get(&path).and_then(|status| Ok((status, client.get(&format!("{path}/shadows"))?)));
        let (status, shown) = match shown {
            Ok(shown) => shown,
            Err(error) => {
                context.error(&error);
                return error.exit();
            }
        };
        let now = status["revision"].as_u64().unwrap_or_default();
        if now > revision {
            // By itself, or by somebody else.
            let text = format!("{} has gone on to revision {now}: `pelton history {0}` says why", args.job);
            context.terminal.line(&if context.is_json() { status.to_string() } else { text });
            return Exit::Done;
        }
        let comparisons = comparisons(&shown);
        let own = comparisons.iter().find(|comparison| comparison.operator == operator);
        let is_live = matches!(plain(&status["state"]).as_str(), "starting" | "running" | "restarting");
        let is_done = own.is_some_and(|own| own.epochs >= epochs || own.failure.is_some());
        if is_done || !is_live {
            match own {
                Some(_) if context.is_json() => context.terminal.line(&shown.to_string()),
                Some(own) => {
                    context.terminal.line(&shadow::to_text(own));
                    if !args.auto {
                        let job = &args.job;
                        let next = format!("`pelton promote {job}` has it take over, `pelton rollback {job}` ends it");
                        context.terminal.message(&next);
                    }
                }
                None => context.terminal.message(&format!("{} is {}", args.job, plain(&status["state"]))),
            }
            return Exit::Done;
        }
        thread::sleep(Duration::from_millis(100));
    }
}
