//! `pelton savepoint …`: one committed epoch of a job, kept by its name; gone back to, moved, or restored into other partitions.
//!
//! Of a job file beside its checkpoint, of an engine's job through the engine. A job that runs does not notice that a savepoint is made of it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Context, Exit, JobArgs,
    client::{Client, ClientError, escaped},
    kept::{self, KeptArgs, Named},
    parse_override, plan,
};
use crate::{
    checkpoint::{Location, holds_journal},
    job::{
        file,
        look::As,
        replay::ReplayError,
        savepoint::{self, Choices, Savepoint, SavepointError, Stock, json as shown, read_file, write_file},
    },
};

mod text;

#[derive(Debug, Subcommand)]
pub(super) enum SavepointCommand {
    /// Keep the newest state that a job has saved, or that of an epoch which is computed again.
    #[command(
        after_help = "Example:\n  pelton savepoint create visits --name before-2.0\n  pelton savepoint create job.toml --name last --epoch last"
    )]
    Create(CreateArgs),
    /// List the savepoints of a job.
    #[command(after_help = "Example:\n  pelton savepoint list visits")]
    List(OfJob),
    /// Show what is in a savepoint; every byte of it is checked.
    #[command(
        visible_alias = "inspect",
        after_help = "Example:\n  pelton savepoint show visits before-2.0\n  pelton savepoint show --from before-2.0.savepoint"
    )]
    Show(ShowArgs),
    /// Have a job go on from a savepoint: with other partitions, in another place, or back in time. What its checkpoint has is removed.
    #[command(
        after_help = "Example:\n  pelton savepoint restore job.toml before-2.0 --dry-run\n  pelton savepoint restore job.toml --from before-2.0.savepoint --rename visits=clicks\n\nA restored job is a fork: its sinks begin anew, and what was published since stays where it is. docs/savepoints.md tells the whole story."
    )]
    Restore(RestoreArgs),
    /// Remove a savepoint.
    #[command(after_help = "Example:\n  pelton savepoint remove visits before-2.0")]
    Remove(RemoveArgs),
    /// Copy a savepoint to a file.
    #[command(after_help = "Example:\n  pelton savepoint export visits before-2.0 --to before-2.0.savepoint")]
    Export(ExportArgs),
    /// Take a savepoint from a file into a job's own.
    #[command(after_help = "Example:\n  pelton savepoint import job.toml before-2.0.savepoint")]
    Import(ImportArgs),
}

#[derive(Debug, Args)]
pub(super) struct OfJob {
    /// A job file, or the name of an engine's job.
    #[arg(value_name = "JOB")]
    job: String,
    /// Replace a value of the job file; may be given again.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_override)]
    overrides: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    #[command(flatten)]
    of: OfJob,
    /// Letters, digits, `-`, `_` and `.`.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Of this epoch, or of the `last` one: its state is computed from the snapshot before it.
    #[arg(long, value_name = "N", value_parser = super::state::parse_epoch)]
    epoch: Option<super::state::AsOf>,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// A job file, or the name of an engine's job.
    #[arg(value_name = "JOB", required_unless_present = "from")]
    job: Option<String>,
    /// One of its savepoints.
    #[arg(value_name = "NAME", required_unless_present = "from")]
    name: Option<String>,
    /// Replace a value of the job file; may be given again.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_override)]
    overrides: Vec<(String, String)>,
    /// A savepoint that is this file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["job", "name"])]
    from: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    #[command(flatten)]
    of: OfJob,
    /// One of its savepoints.
    #[arg(value_name = "NAME", required_unless_present = "from")]
    name: Option<String>,
    /// A savepoint that is this file.
    #[arg(long, value_name = "FILE", conflicts_with = "name")]
    from: Option<PathBuf>,
    /// The operator that the savepoint knows as OLD is the job's NEW; may be given again.
    #[arg(long = "rename", value_name = "OLD=NEW", value_parser = parse_rename)]
    renames: Vec<(String, String)>,
    /// Leave the state of this operator of the savepoint behind; may be given again.
    #[arg(long = "drop", value_name = "OPERATOR")]
    drops: Vec<String>,
    /// Only say what would become of each operator.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before the checkpoint is replaced.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    #[command(flatten)]
    of: OfJob,
    /// One of its savepoints.
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    of: OfJob,
    /// One of its savepoints.
    #[arg(value_name = "NAME")]
    name: String,
    /// The file, which must not be there.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    #[command(flatten)]
    of: OfJob,
    /// The file of a savepoint.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its name here; the one that it was made with if none is given.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

fn parse_rename(text: &str) -> Result<(String, String), String> {
    let (old, new) = text.split_once('=').ok_or("it has the form OLD=NEW")?;
    Ok((old.trim().to_owned(), new.trim().to_owned()))
}

pub(super) fn savepoint(context: &Context, command: &SavepointCommand) -> Exit {
    let done = match command {
        SavepointCommand::Create(args) => create(context, args),
        SavepointCommand::List(args) => list(context, args),
        SavepointCommand::Show(args) => show(context, args),
        SavepointCommand::Restore(args) => restore(context, args),
        SavepointCommand::Remove(args) => remove(context, args),
        SavepointCommand::Export(args) => export(context, args),
        SavepointCommand::Import(args) => import(context, args),
    };
    done.unwrap_or_else(|exit| exit)
}

fn create(context: &Context, args: &CreateArgs) -> Result<Exit, Exit> {
    let CreateArgs { of, name, epoch } = args;
    let as_of = epoch.map_or(As::Saved, |super::state::AsOf(as_of)| as_of);
    if let Some(job) = of.of_engine() {
        let epoch = match as_of {
            As::Saved => Value::Null,
            As::Last => json!("last"),
            As::Of(epoch) => json!(epoch.0),
        };
        let body = json!({ "name": name, "epoch": epoch });
        let answer = Client::new(context).post(&path_of(&job), &body);
        return Ok(context.answer(answer, text::made));
    }
    let (job, location) = of.place(context)?;
    let stock = Stock { location: &location };
    stock.check_free(name).map_err(|error| failed(context, error))?;
    let savepoint = of.make(context, as_of, &job, name)?;
    let bytes = savepoint.encode();
    let made = shown::whole(name, &savepoint, bytes.len() as u64);
    stock.put(name, bytes).map_err(|error| failed(context, error))?;
    Ok(say(context, &made, text::made))
}

fn list(context: &Context, of: &OfJob) -> Result<Exit, Exit> {
    if let Some(job) = of.of_engine() {
        return Ok(context.answer(Client::new(context).get(&path_of(&job)), text::listed));
    }
    let (_, location) = of.place(context)?;
    let listed = Stock { location: &location }.listed().map_err(|error| failed(context, error))?;
    Ok(say(context, &listed, text::listed))
}

fn show(context: &Context, args: &ShowArgs) -> Result<Exit, Exit> {
    let ShowArgs { job, name, overrides, from } = args;
    if let Some(path) = from {
        let (savepoint, bytes) = from_file(context, path)?;
        let whole = shown::whole(&savepoint.manifest.name, &savepoint, bytes);
        return Ok(say(context, &whole, text::whole));
    }
    let of = OfJob { job: job.clone().unwrap_or_default(), overrides: overrides.clone() };
    let name = name.clone().unwrap_or_default();
    if let Some(job) = of.of_engine() {
        return Ok(context.answer(Client::new(context).get(&path_of_one(&job, &name)), text::whole));
    }
    let (_, location) = of.place(context)?;
    let whole = Stock { location: &location }.shown_whole(&name).map_err(|error| failed(context, error))?;
    Ok(say(context, &whole, text::whole))
}

fn restore(context: &Context, args: &RestoreArgs) -> Result<Exit, Exit> {
    let RestoreArgs { of, name, from, renames, drops, dry_run, yes } = args;
    let choices = Choices { renames: renames.iter().cloned().collect(), drops: drops.iter().cloned().collect() };
    if let Some(job) = of.of_engine() {
        return restore_by_engine(context, args, &job, &choices);
    }
    let job_args = JobArgs { job: PathBuf::from(&of.job), overrides: of.overrides.clone() };
    let (_, mut plan) = plan::open(context, &job_args)?;
    let Some(location) = plan.checkpoint.as_ref().map(|checkpoint| checkpoint.location.clone()) else {
        return Err(failed(context, SavepointError::NoCheckpoint { job: plan.name.clone() }));
    };
    let (name, savepoint) = match (from, name) {
        (Some(path), _) => {
            let (savepoint, _) = from_file(context, path)?;
            (savepoint.manifest.name.clone(), savepoint)
        }
        (None, name) => {
            let name = name.clone().unwrap_or_default();
            let savepoint = Stock { location: &location }.get(&name).map_err(|error| failed(context, error))?;
            (name, savepoint)
        }
    };
    let fit = savepoint::fit(&savepoint, &mut plan, &choices).map_err(|error| failed(context, error))?;
    let would = shown::fitted(&name, &savepoint, &fit, None);
    if *dry_run {
        return Ok(say(context, &would, text::fitted));
    }
    if !*yes && holds_journal(&location) && !context.terminal.confirm(&format!("Replace the checkpoint in {location}?"))
    {
        context.terminal.message("nothing was changed; `--yes` answers for you");
        return Ok(Exit::Refused);
    }
    let restored = savepoint::restore(&savepoint, &fit, &plan, 0).map_err(|error| failed(context, error))?;
    let done = shown::fitted(&name, &savepoint, &fit, Some(&restored));
    Ok(say(context, &done, text::fitted))
}

fn restore_by_engine(context: &Context, args: &RestoreArgs, job: &str, choices: &Choices) -> Result<Exit, Exit> {
    let client = Client::new(context);
    let question = format!("Replace the checkpoint of job {job}?");
    if !args.dry_run && !args.yes && !context.terminal.confirm(&question) {
        context.terminal.message("nothing was changed; `--yes` answers for you");
        return Ok(Exit::Refused);
    }
    let name = match (&args.from, &args.name) {
        (Some(path), _) => {
            // An engine restores what is in its job's stock.
            let (savepoint, _) = from_file(context, path)?;
            let name = savepoint.manifest.name.clone();
            let bytes = read_file(path).map_err(|error| failed(context, error))?;
            let put = client.post_bytes(&format!("{}/file", path_of_one(job, &name)), bytes);
            put.map_err(|error| refused(context, &error))?;
            name
        }
        (None, name) => name.clone().unwrap_or_default(),
    };
    let body = json!({ "renames": choices.renames, "drops": choices.drops, "dry_run": args.dry_run });
    let answer = client.post(&format!("{}/restore", path_of_one(job, &name)), &body);
    if args.from.is_some() && (answer.is_err() || args.dry_run) {
        // What was not restored stays in nobody's way: it is put there again by whoever tries again.
        drop(client.delete(&path_of_one(job, &name)));
    }
    Ok(context.answer(answer, text::fitted))
}

fn remove(context: &Context, args: &RemoveArgs) -> Result<Exit, Exit> {
    let RemoveArgs { of, name } = args;
    if let Some(job) = of.of_engine() {
        return Ok(context.answer(Client::new(context).delete(&path_of_one(&job, name)), text::removed));
    }
    let (_, location) = of.place(context)?;
    Stock { location: &location }.remove(name).map_err(|error| failed(context, error))?;
    Ok(say(context, &json!({ "removed": name }), text::removed))
}

fn export(context: &Context, args: &ExportArgs) -> Result<Exit, Exit> {
    let ExportArgs { of, name, to } = args;
    let bytes = match of.of_engine() {
        Some(job) => {
            let bytes = Client::new(context).bytes(&format!("{}/file", path_of_one(&job, name)));
            bytes.map_err(|error| refused(context, &error))?
        }
        None => {
            let (_, location) = of.place(context)?;
            Stock { location: &location }.bytes(name).map_err(|error| failed(context, error))?
        }
    };
    // What is damaged is not passed on.
    let savepoint = Savepoint::decode(&bytes, name).map_err(|error| failed(context, error))?;
    write_file(to, &bytes).map_err(|error| failed(context, error))?;
    let mut exported = shown::line(name, &savepoint, bytes.len() as u64);
    if let Some(exported) = exported.as_object_mut() {
        exported.insert("file".into(), json!(to));
    }
    Ok(say(context, &exported, text::exported))
}

fn import(context: &Context, args: &ImportArgs) -> Result<Exit, Exit> {
    let ImportArgs { of, file, name } = args;
    let bytes = read_file(file).map_err(|error| failed(context, error))?;
    let path = file.display().to_string();
    let savepoint = Savepoint::decode(&bytes, &path).map_err(|error| failed(context, error))?;
    let name = name.clone().unwrap_or_else(|| savepoint.manifest.name.clone());
    if let Some(job) = of.of_engine() {
        let answer = Client::new(context).post_bytes(&format!("{}/file", path_of_one(&job, &name)), bytes);
        return Ok(context.answer(answer, text::made));
    }
    let (_, location) = of.place(context)?;
    let imported = shown::whole(&name, &savepoint, bytes.len() as u64);
    Stock { location: &location }.put(&name, bytes).map_err(|error| failed(context, error))?;
    Ok(say(context, &imported, text::made))
}

fn path_of(job: &str) -> String {
    format!("/v1/jobs/{}/savepoints", escaped(job))
}

fn path_of_one(job: &str, name: &str) -> String {
    format!("{}/{}", path_of(job), escaped(name))
}

fn from_file(context: &Context, path: &std::path::Path) -> Result<(Savepoint, u64), Exit> {
    let read = read_file(path).and_then(|bytes| {
        let savepoint = Savepoint::decode(&bytes, &path.display().to_string())?;
        Ok((savepoint, bytes.len() as u64))
    });
    read.map_err(|error| failed(context, error))
}

impl OfJob {
    /// The engine's name for it; none: it is a file.
    fn of_engine(&self) -> Option<String> {
        match KeptArgs::of(&self.job, &[]).named() {
            Some(Named::Engine(name)) => Some(name.to_owned()),
            _ => None,
        }
    }

    /// The job's name, and where its checkpoint is. Nothing of it is opened, so that a damaged one is no hindrance.
    fn place(&self, context: &Context) -> Result<(String, Location), Exit> {
        let overrides = self.overrides.iter().cloned().collect();
        let parsed = file::load(std::path::Path::new(&self.job), &overrides);
        let parsed = parsed.map_err(|mistakes| context.mistakes(&mistakes))?;
        let job = parsed.spec.name.clone();
        match &parsed.spec.checkpoint {
            Some(checkpoint) => Ok((job, Location::of(&parsed.dir, &checkpoint.path))),
            None => Err(failed(context, SavepointError::NoCheckpoint { job })),
        }
    }

    fn make(&self, context: &Context, as_of: As, job: &str, name: &str) -> Result<Savepoint, Exit> {
        let args = KeptArgs::of(&self.job, &self.overrides);
        kept::known(context, &args, |known| savepoint::make(known, as_of, job, name), failed)
    }
}

fn failed(context: &Context, error: SavepointError) -> Exit {
    match error {
        SavepointError::Replay(error @ ReplayError::Job(_)) => kept::failed(context, error),
        error => {
            context.error(&error);
            match &error {
                error if error.is_usage() => Exit::Usage,
                error if error.is_refusal() => Exit::Refused,
                _ => Exit::Failed,
            }
        }
    }
}

fn refused(context: &Context, error: &ClientError) -> Exit {
    context.error(error);
    error.exit()
}

fn say(context: &Context, value: &Value, text: impl FnOnce(&Value) -> String) -> Exit {
    context.terminal.line(&if context.is_json() { value.to_string() } else { text(value) });
    Exit::Done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rename_has_two_names() {
        assert_eq!(parse_rename("a = b"), Ok(("a".into(), "b".into())));
        assert!(parse_rename("a").is_err());
    }
}
