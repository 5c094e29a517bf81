//! What a submitted job means: its file read, each module that it names pinned by digest, the plan made from the pins.
//!
//! Called by the engine when a job is submitted, and before each of its attempts; by `pelton job submit` for what it can know itself. Invariant: once a revision is there, planning it reads
//! modules from the registry alone.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use pelton_core::{
    job::{Overrides, SourceKind},
    model::{ModuleDigest, ModuleTag},
};
use pelton_wasm::Runtime;

pub use crate::job::plan::modules::references;

use super::{
    ControlError,
    catalogue::Revision,
    registry::{MODULE_BYTES_MAX, Registry},
};
use crate::{
    job::{
        diagnostic::shown,
        file::{self, JobFile},
        plan::{
            Plan, Surroundings,
            modules::{self, Modules},
        },
        run::RunError,
    },
    sink::print::{Output, PrintStyle, PrintTarget},
};

/// Reads the job file of a revision. A file that names no checkpoint gets `checkpoint`.
pub(super) fn read(revision: &Revision, checkpoint: &Path) -> Result<JobFile, ControlError> {
    let path = revision.directory.join(&revision.file);
    let overrides = with_checkpoint(&revision.text, &revision.overrides, checkpoint);
    let variables = |name: &str| std::env::var(name).ok();
    Ok(file::parse(revision.text.clone(), &path, &overrides, &variables)?)
}

/// The overrides of a job that an engine runs: it always has a checkpoint.
pub fn with_checkpoint(text: &str, overrides: &Overrides, checkpoint: &Path) -> Overrides {
    let mut overrides = overrides.clone();
    // What is no TOML is reported by whoever reads it.
    let document = text.parse::<toml_edit::DocumentMut>();
    if !document.is_ok_and(|document| document.contains_key("checkpoint")) {
        let checkpoint = || toml_edit::Value::from(checkpoint.display().to_string()).to_string();
        overrides.entry("checkpoint".into()).or_insert_with(checkpoint);
    }
    overrides
}

/// What can be said against running a job here without planning it.
pub(super) fn check(file: &JobFile) -> Result<(), ControlError> {
    match file.spec.sources.iter().find(|source| matches!(source.kind, SourceKind::Stdin(_))) {
        Some(source) => Err(ControlError::Run(Box::new(RunError::NotReplayable { name: source.name.clone() }))),
        None => Ok(()),
    }
}

/// Finds every module that the job names: as the caller says, by its tag, or as a file here, which is pushed.
pub(super) fn pin(
    registry: &Registry,
    file: &JobFile,
    given: &BTreeMap<String, ModuleDigest>,
    by: &str,
) -> Result<BTreeMap<String, ModuleDigest>, ControlError> {
    let mut pins = BTreeMap::new();
    for reference in references(&file.spec) {
        let digest = match given.get(reference) {
            Some(digest) if registry.has(*digest) => *digest,
            Some(digest) => return Err(ControlError::missing("module", digest)),
            None if reference.parse::<ModuleTag>().is_ok() => registry.resolve(reference)?,
            None => push_file(registry, &file.dir.join(reference), by)?,
        };
        pins.insert(reference.to_owned(), digest);
    }
    match given.keys().find(|name| !pins.contains_key(*name)) {
        Some(name) => Err(ControlError::invalid(
            format!("the job names no module `{}`", shown(name)),
            "`pins` has the modules as the job file calls them",
        )),
        None => Ok(pins),
    }
}

fn push_file(registry: &Registry, path: &Path, by: &str) -> Result<ModuleDigest, ControlError> {
    let unreadable = |source| ControlError::Unreadable { path: path.display().to_string(), source };
    let bytes = modules::read(path, MODULE_BYTES_MAX).map_err(unreadable)?;
    let mut upload = registry.upload()?;
    upload.write(&bytes)?;
    Ok(registry.push(&mut upload, None, by)?.0.module.digest)
}

/// Plans a job with the modules that its revision pins.
pub(super) fn plan(
    registry: &Registry,
    runtime: &Arc<Runtime>,
    file: &JobFile,
    pins: &BTreeMap<String, ModuleDigest>,
    print: Output,
) -> Result<Plan, ControlError> {
    let module = |(reference, digest): (&String, &ModuleDigest)| -> Result<_, ControlError> {
        Ok((reference.clone(), registry.read(*digest)?))
    };
    let surroundings = Surroundings {
        keeps_keys: false,
        runtime: Arc::clone(runtime),
        print: PrintTarget { style: PrintStyle::Json, output: print },
        modules: Modules::Pinned(pins.iter().map(module).collect::<Result<_, _>>()?),
    };
    Ok(Plan::new(file, &surroundings)?)
}

/// For a plan that is only looked at.
pub(super) fn print_nowhere() -> Output {
    Arc::new(Mutex::new(std::io::sink()))
}

/// A path that a client has given for a job's relative paths.
pub(super) fn directory(given: Option<&Path>, otherwise: PathBuf) -> Result<PathBuf, ControlError> {
    match given {
        None => Ok(otherwise),
        Some(path) if path.is_absolute() => Ok(path.to_owned()),
        Some(path) => Err(ControlError::invalid(
            format!("the job's directory `{}` is relative", shown(&path.display().to_string())),
            "give the whole path: the engine has another current directory than its clients",
        )),
    }
}
