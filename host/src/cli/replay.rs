//! `pelton replay`: a committed epoch again, by the modules that computed it or by another one.
//!
//! A job file is replayed here, from its checkpoint directory; an engine's job by the engine; a bundle wherever it is. Nothing is changed, and the
//! job may run meanwhile.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    Context, Exit,
    client::{Client, escaped},
    kept::{self, KeptArgs, Named},
    module, report,
    swap::parse_option,
};
use crate::{
    job::{
        replay::{self, Kept, ReplayError, Request, Revisions, With, bundle, json, out},
        run::RunError,
    },
    standard::is_std,
};

mod text;

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    kept: KeptArgs,
    /// The epoch; `pelton checkpoint inspect` shows which can be replayed.
    #[arg(long, value_name = "N", required_unless_present = "bundle")]
    epoch: Option<u64>,
    /// Replay the epoch that is in this file, with nothing else.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["job", "epoch"])]
    bundle: Option<PathBuf>,
    /// Another module in an operator's place, from this epoch on: a file, or `std:NAME`; of an engine's job also a name in its registry.
    #[arg(long, value_name = "[OPERATOR=]MODULE")]
    with: Option<String>,
    /// An option of that module that changes; may be given again. The others stay. `KEY=` takes one away.
    #[arg(long = "option", value_name = "KEY=VALUE", requires = "with", value_parser = parse_option)]
    options: Vec<(String, Value)>,
    /// Show the rows that only one of the two modules makes.
    #[arg(long, requires = "with")]
    diff: bool,
    /// Rows that are shown of each sink.
    #[arg(long, value_name = "N", default_value_t = 20)]
    rows: usize,
    /// Write the rows of each sink to a folder of its name in here, as the sink would.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Put the epoch into a new file, with all that it takes to replay it on another machine.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

impl ReplayArgs {
    pub(super) fn threads(&self) -> Option<usize> {
        self.kept.threads()
    }

    fn options(&self) -> Map<String, Value> {
        self.options.iter().cloned().collect()
    }
}

pub(super) fn replay(context: &Context, args: &ReplayArgs) -> Exit {
    let done = match (&args.bundle, args.kept.named()) {
        (Some(bundle), _) => from_bundle(context, args, bundle),
        (None, Some(Named::File)) => from_file(context, args),
        (None, Some(Named::Engine(job))) => from_engine(context, args, job),
        (None, None) => Ok(kept::nothing_named(context)),
    };
    done.unwrap_or_else(|exit| exit)
}

fn from_file(context: &Context, args: &ReplayArgs) -> Result<Exit, Exit> {
    let local = kept::open(context, &args.kept)?;
    kept::with(context, &local, |revisions, kept| here(context, args, revisions, kept))
}

fn from_bundle(context: &Context, args: &ReplayArgs, path: &Path) -> Result<Exit, Exit> {
    let unpacked = bundle::Unpacked::open(path).map_err(|error| {
        context.error(&error);
        Exit::Failed
    })?;
    let revisions = Revisions {
        runtime: super::plan::runtime(context)?,
        find: &|number| unpacked.revision(number),
        variables: &|name| unpacked.variable(name),
        given: Some(unpacked.given()),
    };
    here(context, args, &revisions, &Kept::Bundle(&unpacked))
}

/// Computes the epoch in this process.
fn here(context: &Context, args: &ReplayArgs, revisions: &Revisions<'_>, kept: &Kept<'_>) -> Result<Exit, Exit> {
    let epoch = args.epoch.map(pelton_core::model::Epoch).or(kept.replayable().map(|(_, last)| last));
    let with = args.with.as_deref().map(|with| self::with(context, with, args.options())).transpose()?;
    let threads = context.config.threads_for(None);
    let request = Request { epoch: epoch.unwrap_or(pelton_core::model::Epoch::FIRST), with, threads };
    let failed = |error: ReplayError| kept::failed(context, error);
    let outcome = replay::replay(revisions, kept, &request).map_err(failed)?;
    if let Some(directory) = &args.out {
        out::write(&outcome.rows, &outcome.sinks, directory).map_err(failed)?;
    }
    let packed = args.save.as_deref().map(|path| bundle::pack(revisions, kept, &outcome, path).map_err(failed));
    let packed = packed.transpose()?;
    let mut shown = json::outcome(&outcome, args.rows);
    if let (Some(packed), Some(path), Some(shown)) = (packed, &args.save, shown.as_object_mut()) {
        let saved = json!({ "file": path, "bytes": packed.file_bytes, "input_bytes": packed.input_bytes });
        shown.insert("saved".into(), saved);
    }
    Ok(show(context, args, &shown))
}

/// Has the engine compute it. What is to be written here is made here, from a bundle.
fn from_engine(context: &Context, args: &ReplayArgs, job: &str) -> Result<Exit, Exit> {
    let client = Client::new(context);
    let failed = |error: super::client::ClientError| {
        context.error(&error);
        error.exit()
    };
    if args.out.is_some() || args.save.is_some() {
        let path = format!("/v1/jobs/{}/bundle", escaped(job));
        let bytes = client.post_for_bytes(&path, &json!({ "epoch": args.epoch })).map_err(failed)?;
        let folder = tempfile::tempdir().map_err(|source| {
            let path = std::env::temp_dir().display().to_string();
            context.error(&bundle::BundleError::Io { action: "make a folder in", path, source });
            Exit::Failed
        })?;
        let path = folder.path().join("bundle");
        std::fs::write(&path, bytes).map_err(|source| {
            context.error(&bundle::BundleError::Io { action: "write", path: path.display().to_string(), source });
            Exit::Failed
        })?;
        return from_bundle(context, args, &path);
    }
    let (mut operator, mut name, mut digest) = (None, None, None);
    if let Some(with) = &args.with {
        let (of, module) = split(with);
        operator = of.map(str::to_owned);
        let (pushed, found) = super::swap::name(context, &client, module)?;
        (name, digest) = (Some(pushed), found);
    }
    let body = json!({
        "epoch": args.epoch, "operator": operator, "module": name, "digest": digest,
        "options": args.options(), "rows": args.rows,
    });
    let shown = client.post(&format!("/v1/jobs/{}/replay", escaped(job)), &body).map_err(failed)?;
    Ok(show(context, args, &shown))
}

fn show(context: &Context, args: &ReplayArgs, shown: &Value) -> Exit {
    if context.is_json() {
        context.terminal.line(&shown.to_string());
    } else {
        context.terminal.line(&text::of(shown, args.diff));
    }
    if shown["same"] == true {
        return Exit::Done;
    }
    if !context.is_json() {
        let sinks = shown["sinks"].as_array().into_iter().flatten();
        let sink = sinks.filter(|sink| sink["same"] == false).find_map(|sink| sink["name"].as_str());
        let epoch = pelton_core::model::Epoch(shown["epoch"].as_u64().unwrap_or_default());
        let error = RunError::NotAgain { epoch, sink: sink.unwrap_or_default().to_owned() };
        context.terminal.message(&report::render_error(&error, context.terminal.style));
    }
    Exit::Failed
}

/// `OPERATOR=MODULE`, or a module alone.
fn split(with: &str) -> (Option<&str>, &str) {
    match with.split_once('=') {
        // An equals sign may also stand in a path, or in the options of `std:filter(a = 1)`.
        Some((operator, module)) if !operator.contains(['/', ':']) => (Some(operator.trim()), module.trim()),
        _ => (None, with),
    }
}

fn with(context: &Context, with: &str, options: Map<String, Value>) -> Result<With, Exit> {
    let (operator, module) = split(with);
    let (operator, name) = (operator.map(str::to_owned), module.to_owned());
    if is_std(module) {
        return Ok(With { operator, reference: name.clone(), module: name, bytes: None, options });
    }
    let path = Path::new(module);
    let bytes = module::read(context, path)?;
    // Relative paths of a job file begin elsewhere.
    let reference = std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    Ok(With { operator, module: name, reference, bytes: Some(bytes), options })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_may_stand_before_the_module() {
        assert_eq!(split("price=p.wasm"), (Some("price"), "p.wasm"));
        assert_eq!(split("hot.n = std:count"), (Some("hot.n"), "std:count"));
        assert_eq!(split("p.wasm"), (None, "p.wasm"));
        assert_eq!(split("./a=b.wasm"), (None, "./a=b.wasm"));
        assert_eq!(split("std:filter(a = 1)"), (None, "std:filter(a = 1)"));
        assert_eq!(split("f=std:filter(a = 1)"), (Some("f"), "std:filter(a = 1)"));
    }
}
