//! `pelton job …`: the jobs of an engine, and the schema of job files.

#![expect(clippy::indexing_slicing, reason = "indexing a JSON value answers null where there is nothing")]

use std::{cell::Cell, collections::BTreeMap, path::Path};

use clap::{Args, Subcommand};
use indicatif::HumanCount;
use pelton_core::{job::Overrides, model::ModuleTag};
use serde_json::{Value, json};

use super::{
    Context, Exit, JobArgs,
    client::{Client, ClientError, escaped},
    module, swap,
    terminal::plain_table,
    time::shown_time,
};
use crate::{
    control::resolve::{references, with_checkpoint},
    job::{
        diagnostic::json::from_json,
        file::{self, JobFile},
    },
};

#[derive(Debug, Subcommand)]
pub(super) enum JobCommand {
    /// Hand a job to the engine, with the modules that it names; a job that rests gets a new revision.
    #[command(after_help = "Example:\n  pelton job submit job.toml --set operator.to-euro.options.rate=0.9")]
    Submit(JobArgs),
    /// Put a job file in the place of the one that its job has: what differs goes over between two epochs. A job that does not run is submitted.
    #[command(after_help = "Example:\n  pelton job apply job.toml --dry-run\n  pelton job apply job.toml --restart")]
    Apply(ApplyArgs),
    /// List the jobs, and what they do.
    #[command(after_help = "Example:\n  pelton job list --output json")]
    List,
    /// Show a job: its state, its figures, its modules, why it does not run.
    #[command(after_help = "Example:\n  pelton job show hot-items")]
    Show(NameArgs),
    /// Have a job commit and rest until it is resumed, also over restarts of the engine.
    #[command(after_help = "Example:\n  pelton job pause hot-items")]
    Pause(NameArgs),
    /// Let a job go on that rests.
    #[command(after_help = "Example:\n  pelton job resume hot-items")]
    Resume(NameArgs),
    /// Have a job commit and end. It can be resumed or removed.
    #[command(after_help = "Example:\n  pelton job stop hot-items")]
    Stop(NameArgs),
    /// Have a job take no more input, close its windows and finish.
    #[command(after_help = "Example:\n  pelton job drain hot-items")]
    Drain(NameArgs),
    /// Forget a job that rests, with its revisions and the checkpoint that the engine keeps for it. What its sinks wrote stays.
    #[command(after_help = "Example:\n  pelton job remove hot-items")]
    Remove(NameArgs),
    /// Print the JSON schema of job files, for editors.
    #[command(after_help = "Example:\n  pelton job schema > pelton-job.schema.json")]
    Schema,
}

#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Say what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// If the job cannot change in this way while it runs, have it stop and go on as the new one.
    #[arg(long)]
    restart: bool,
    /// Let operators ask endpoints that they may not ask so far.
    #[arg(long)]
    approve_endpoints: bool,
}

#[derive(Debug, Args)]
pub(super) struct NameArgs {
    /// The job's name, as its file has it.
    #[arg(value_name = "JOB")]
    job: String,
}

pub(super) fn job(context: &Context, command: &JobCommand) -> Exit {
    let act = |args: &NameArgs, what: &str| {
        let answer = Client::new(context).post(&format!("{}/{what}", path(args)), &Value::Null);
        context.answer(answer, line)
    };
    match command {
        JobCommand::Submit(args) => submit(context, args),
        JobCommand::Apply(args) => apply(context, args),
        JobCommand::List => context.answer(Client::new(context).get("/v1/jobs"), list_to_text),
        JobCommand::Show(args) => show(context, args),
        JobCommand::Pause(args) => act(args, "pause"),
        JobCommand::Resume(args) => act(args, "resume"),
        JobCommand::Stop(args) => act(args, "stop"),
        JobCommand::Drain(args) => act(args, "drain"),
        JobCommand::Remove(args) => {
            context.answer(Client::new(context).delete(&path(args)), |_| format!("job {} is removed", args.job))
        }
        JobCommand::Schema => {
            let schema = serde_json::to_string_pretty(&file::schema::json_schema()).unwrap_or_default();
            context.terminal.line(&schema);
            Exit::Done
        }
    }
}

fn path(args: &NameArgs) -> String {
    format!("/v1/jobs/{}", escaped(&args.job))
}

fn submit(context: &Context, args: &JobArgs) -> Exit {
    let client = Client::new(context);
    match submission(context, &client, args) {
        Ok((text, body)) => answer(context, args, &text, client.post("/v1/jobs", &body), line),
        Err(exit) => exit,
    }
}

fn apply(context: &Context, args: &ApplyArgs) -> Exit {
    let client = Client::new(context);
    let (text, job) = match submission(context, &client, &args.job) {
        Ok(submission) => submission,
        Err(exit) => return exit,
    };
    let body = json!({
        "job": job, "dry_run": args.dry_run, "restart": args.restart, "approve_endpoints": args.approve_endpoints,
    });
    match client.post("/v1/apply", &body) {
        Ok(applied) if applied["revision"].is_u64() && applied["is_started"] == false => {
            swap::follow(context, &client, applied["job"].as_str().unwrap_or_default(), &applied)
        }
        Ok(applied) if applied["revision"].is_u64() => swap::follow_start(context, &client, &applied),
        applied => answer(context, &args.job, &text, applied, swap::changes),
    }
}

/// What the engine says to a job file. Mistakes are shown at their places, as if they had been found here.
fn answer(
    context: &Context,
    args: &JobArgs,
    text: &str,
    answer: Result<Value, ClientError>,
    shown: impl Fn(&Value) -> String,
) -> Exit {
    let name = file_name(args);
    match answer {
        Err(ClientError::Refused { errors, .. }) if from_json(&errors, &name, text).is_some() => {
            from_json(&errors, &name, text).map_or(Exit::Usage, |mistakes| context.mistakes(&mistakes))
        }
        answer => context.answer(answer, shown),
    }
}

fn file_name(args: &JobArgs) -> String {
    args.job.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A job file's text, and what the engine is given of it; its modules have been pushed.
fn submission(context: &Context, client: &Client, args: &JobArgs) -> Result<(String, Value), Exit> {
    let text = match file::read(&args.job) {
        Ok(text) => text,
        Err(mistakes) => return Err(context.mistakes(&mistakes)),
    };
    let overrides = args.overrides();
    let pins = match read_here(context, &text, &args.job, &overrides)? {
        Some(file) => push_modules(context, client, &file)?,
        // The engine has variables that are not set here, and says what it thinks of the file.
        None => BTreeMap::new(),
    };
    let directory = args.job.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let body = json!({
        "text": text, "file": file_name(args), "directory": directory.display().to_string(), "overrides": overrides, "pins": pins,
    });
    Ok((text, body))
}

/// What can be known of the file without the engine. None: variables are missing here, which the engine may have. Mistakes have been shown.
fn read_here(context: &Context, text: &str, path: &Path, overrides: &Overrides) -> Result<Option<JobFile>, Exit> {
    let is_missing = Cell::new(false);
    let variable = |name: &str| {
        let value = std::env::var(name).ok();
        is_missing.set(is_missing.get() || value.is_none());
        value
    };
    let overrides = with_checkpoint(text, overrides, Path::new("checkpoint"));
    match file::parse(text.to_owned(), path, &overrides, &variable) {
        Ok(file) => Ok(Some(file)),
        Err(_) if is_missing.get() => Ok(None),
        Err(mistakes) => Err(context.mistakes(&mistakes)),
    }
}

/// Gives the engine the modules that are files here: the digest of each by its name in the file.
fn push_modules(context: &Context, client: &Client, file: &JobFile) -> Result<BTreeMap<String, String>, Exit> {
    let mut pins = BTreeMap::new();
    for reference in references(&file.spec) {
        if reference.parse::<ModuleTag>().is_ok() {
            continue;
        }
        let bytes = module::read(context, &file.dir.join(reference))?;
        let digest = blake3::hash(&bytes).to_hex().to_string();
        client.post_bytes(&format!("/v1/modules?digest={digest}"), bytes).map_err(|error| {
            context.error(&error);
            error.exit()
        })?;
        pins.insert(reference.to_owned(), digest);
    }
    Ok(pins)
}

fn show(context: &Context, args: &NameArgs) -> Exit {
    let client = Client::new(context);
    let answer = client.get(&path(args)).and_then(|mut job| {
        let mut revisions = client.get(&format!("{}/revisions", path(args)))?;
        let number = job.get("revision").cloned();
        let all = revisions.get_mut("revisions").and_then(Value::as_array_mut);
        let today = all.and_then(|all| all.iter_mut().find(|revision| revision.get("number") == number.as_ref()));
        if let (Some(job), Some(today)) = (job.as_object_mut(), today) {
            job.insert("of_revision".into(), today.take());
        }
        Ok(job)
    });
    context.answer(answer, to_text)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

/// `hot-items: running, revision 3`
fn line(job: &Value) -> String {
    let why = reason(job, "reason").map(|why| format!(": {why}")).unwrap_or_default();
    format!("{}: {}, revision {}{why}", text(job, "name"), text(job, "state"), number(job, "revision"))
}

fn reason(job: &Value, key: &str) -> Option<String> {
    let reason = job.get(key).filter(|reason| !reason.is_null())?;
    Some(format!("{} ({})", text(reason, "message"), text(reason, "code")))
}

/// Of a job that runs.
fn lag(job: &Value, figures: &Value) -> String {
    if text(job, "state") != "running" {
        return String::new();
    }
    let lag = figures.get("lag_ms").and_then(Value::as_f64);
    lag.map(|lag| format!("{:.1} s", lag / 1e3)).unwrap_or_default()
}

/// In the unit that people would choose.
fn time(seconds: f64) -> String {
    if seconds >= 1.0 { format!("{seconds:.2} s") } else { format!("{:.1} ms", seconds * 1e3) }
}

fn list_to_text(answer: &Value) -> String {
    let mut table = plain_table();
    table.set_header([
        "job", "state", "revision", "rows in", "rows/s", "rows out", "rejected", "lag", "restarts", "why",
    ]);
    for job in answer.get("jobs").and_then(Value::as_array).into_iter().flatten() {
        let none = Value::Null;
        let figures = job.get("figures").unwrap_or(&none);
        let count = |key: &str| HumanCount(number(figures, key)).to_string();
        let rate = figures.get("rows_per_second").and_then(Value::as_f64).unwrap_or_default();
        table.add_row([
            text(job, "name").to_owned(),
            text(job, "state").to_owned(),
            number(job, "revision").to_string(),
            count("rows_in"),
            HumanCount(rate as u64).to_string(),
            count("rows_out"),
            count("rejected"),
            lag(job, figures),
            count("restarts"),
            reason(job, "reason").unwrap_or_default(),
        ]);
    }
    let damaged = answer.get("damaged").and_then(Value::as_object).into_iter().flatten();
    let damaged = damaged.map(|(job, why)| {
        format!("\njob {job} cannot be read: {} is damaged: {}", text(why, "path"), text(why, "what"))
    });
    table.to_string() + &damaged.collect::<String>()
}

fn to_text(job: &Value) -> String {
    let none = Value::Null;
    let figures = job.get("figures").unwrap_or(&none);
    let revision = job.get("of_revision").unwrap_or(&none);
    let count = |key: &str| HumanCount(number(figures, key)).to_string();
    let mut lines = vec![
        format!("job        {}", text(job, "name")),
        format!("state      {} (it should be {})", text(job, "state"), text(job, "desired")),
    ];
    let mut row = |name: &str, value: String| lines.push(format!("{name:<10} {value}"));
    reason(job, "reason").into_iter().for_each(|why| row("why", why));
    if let Some(why) = reason(job, "last_error") {
        let error = job.get("last_error").unwrap_or(&none);
        let at = error.get("at").and_then(Value::as_i64).map(shown_time).unwrap_or_default();
        row("last error", format!("{why}, of revision {} at {at}", number(error, "revision")));
    }
    let created = revision.get("created").and_then(Value::as_i64).map(shown_time).unwrap_or_default();
    row("revision", format!("{}, by {} on {created}", number(job, "revision"), text(revision, "by")));
    row("file", format!("{}/{}", text(revision, "directory"), text(revision, "file")));
    for (name, digest) in revision.get("pins").and_then(Value::as_object).into_iter().flatten() {
        row("module", format!("{name} = {}", digest.as_str().unwrap_or_default()));
    }
    row("epoch", figures.get("epoch").and_then(Value::as_u64).map_or("none yet".into(), |epoch| epoch.to_string()));
    row(
        "rows",
        format!(
            "{} in, {} out, {} rejected, {} late, {} dead letters, {} skipped",
            count("rows_in"),
            count("rows_out"),
            count("rejected"),
            count("late"),
            count("dead"),
            count("skipped")
        ),
    );
    if !lag(job, figures).is_empty() {
        row("lag", lag(job, figures));
    }
    if let Some(timing) = figures.get("timing").filter(|timing| !timing.is_null()) {
        let stretch = |key: &str| time(timing.get(key).and_then(Value::as_f64).unwrap_or_default());
        let [delay, batching, scheduling, processing, committing] =
            ["delay", "batching", "scheduling", "processing", "committing"]
                .map(|key| stretch(&format!("{key}_seconds")));
        let parts =
            format!("{batching} batching, {scheduling} scheduling, {processing} processing, {committing} committing");
        row("delay", format!("{delay} from the last epoch's first row to its commit: {parts}"));
    }
    if number(figures, "letters") > 0 {
        let name = text(job, "name");
        row("queue", format!("{} dead letters: `pelton dlq list {name}` shows them", count("letters")));
    }
    for migration in job.get("migrations").and_then(Value::as_array).into_iter().flatten() {
        let left = migration.get("keys_left").and_then(Value::as_u64);
        let left = left.map_or("not begun yet".into(), |left| format!("{} keys left", HumanCount(left)));
        let operator = text(migration, "operator");
        match migration.get("draining").and_then(Value::as_bool) {
            Some(true) => row("draining", format!("windows of {operator} by the module before: {left}")),
            _ => row("migrating", format!("the state of {operator}: {left}")),
        }
    }
    if let Some(rate) = figures.get("rate_limit").and_then(Value::as_f64) {
        row("pace", format!("{} rows/s at most, by backpressure", HumanCount(rate as u64)));
    }
    if number(figures, "verified") > 0 {
        row("verified", format!("{} epochs, {} came to something else", count("verified"), count("differing")));
    }
    row("failures", format!("{}, {} restarts, {} traps", count("failures"), count("restarts"), count("traps")));
    for operator in figures.get("operators").and_then(Value::as_array).into_iter().flatten() {
        let count = |key: &str| HumanCount(number(operator, key)).to_string();
        let rows = format!("{} in, {} out, {} rejected", count("rows_in"), count("rows_out"), count("rejected"));
        row("operator", format!("{}: {} calls, {rows}", text(operator, "name"), count("calls")));
    }
    lines.join("\n")
}
