//! Jobs whose epochs are computed again: a job file with its checkpoint directory, or the name of an engine's job.
//!
//! Called by `replay`, `verify`, `state` and `savepoint`.

use std::path::{Path, PathBuf};

use clap::Args;
use pelton_core::job::Overrides;

use super::{Context, Exit, parse_override, plan::runtime};
use crate::{
    checkpoint::{Location, Retained},
    error::{Code, Coded},
    job::{
        diagnostic::{Diagnostic, Diagnostics, Sources},
        file,
        look::{self, Known},
        plan::modules::Modules,
        replay::{Kept, ReplayError, Revised, Revisions},
    },
};

#[derive(Debug, Args)]
pub(super) struct KeptArgs {
    /// A job file, or the name of an engine's job.
    #[arg(value_name = "JOB")]
    job: Option<String>,
    /// Replace a value of the job file, as when it ran; may be given again.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_override)]
    overrides: Vec<(String, String)>,
    /// Compute threads; by default one for each core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// What a name means.
pub(super) enum Named<'a> {
    File,
    Engine(&'a str),
}

impl KeptArgs {
    pub(super) fn of(job: &str, overrides: &[(String, String)]) -> Self {
        Self { job: Some(job.to_owned()), overrides: overrides.to_vec(), threads: None }
    }

    pub(super) fn threads(&self) -> Option<usize> {
        self.threads.map(usize::from)
    }

    /// A name with a dot or a slash is a path, as is that of a file; names of jobs have neither.
    pub(super) fn named(&self) -> Option<Named<'_>> {
        let job = self.job.as_deref()?;
        let path = Path::new(job);
        Some(if job.contains(['.', '/']) || path.is_file() { Named::File } else { Named::Engine(job) })
    }
}

/// A job that was run from its file.
pub(super) struct Local {
    text: String,
    path: PathBuf,
    overrides: Overrides,
    retained: Retained,
}

/// Reads the job file and its checkpoint; what is wrong has been shown.
pub(super) fn open(context: &Context, args: &KeptArgs) -> Result<Local, Exit> {
    let path = PathBuf::from(args.job.clone().unwrap_or_default());
    let overrides: Overrides = args.overrides.iter().cloned().collect();
    let text = file::read(&path).map_err(|mistakes| context.mistakes(&mistakes))?;
    let variables = |name: &str| std::env::var(name).ok();
    let parsed = file::parse(text.clone(), &path, &overrides, &variables);
    let parsed = parsed.map_err(|mistakes| context.mistakes(&mistakes))?;
    let Some(checkpoint) = &parsed.spec.checkpoint else {
        return Err(failed(context, ReplayError::NoCheckpoint { job: parsed.spec.name.clone() }));
    };
    let retained = Retained::open(Location::of(&parsed.dir, &checkpoint.path));
    let retained = retained.map_err(|error| failed(context, error.into()))?;
    Ok(Local { text, path, overrides, retained })
}

/// Gives the job's one revision and its checkpoint to `act`.
pub(super) fn with<T>(
    context: &Context,
    local: &Local,
    act: impl FnOnce(&Revisions<'_>, &Kept<'_>) -> Result<T, Exit>,
) -> Result<T, Exit> {
    // Whether an epoch was computed by this file its record says.
    let find = |_| {
        let Local { text, path, overrides, .. } = local;
        let (text, path, overrides) = (text.clone(), path.clone(), overrides.clone());
        Ok(Revised { text, path, overrides, modules: Modules::Files })
    };
    let runtime = runtime(context)?;
    let revisions = Revisions { runtime, find: &find, variables: &|name| std::env::var(name).ok(), given: None };
    act(&revisions, &Kept::Directory(&local.retained))
}

/// Gives what is known of the job to `act`, and once more where the job has collected meanwhile what it reads. `failed` shows what `act` failed with.
pub(super) fn known<T, E: Coded>(
    context: &Context,
    args: &KeptArgs,
    mut act: impl FnMut(&Known<'_>) -> Result<T, E>,
    failed: impl FnOnce(&Context, E) -> Exit,
) -> Result<T, Exit> {
    let threads = context.config.threads_for(None);
    let mut exit = Exit::Failed;
    let done = look::patiently(|| {
        let done = open(context, args).and_then(|local| {
            with(context, &local, |revisions, kept| match kept {
                Kept::Directory(retained) => Ok(act(&Known { revisions, retained, current: None, threads })),
                Kept::Bundle(_) => Err(Exit::Failed),
            })
        });
        match done {
            Ok(done) => done.map(Some),
            // It has been shown.
            Err(failed) => {
                exit = failed;
                Ok(None)
            }
        }
    });
    match done {
        Ok(Some(done)) => Ok(done),
        Ok(None) => Err(exit),
        Err(error) => Err(failed(context, error)),
    }
}

/// Shows why it was not done.
pub(super) fn failed(context: &Context, error: ReplayError) -> Exit {
    match error {
        ReplayError::Job(mistakes) => context.mistakes(&mistakes),
        error => {
            context.error(&error);
            match error {
                ReplayError::Operator { .. } | ReplayError::Module { .. } => Exit::Usage,
                _ => Exit::Failed,
            }
        }
    }
}

/// Nobody said which job.
pub(super) fn nothing_named(context: &Context) -> Exit {
    let mistake = Diagnostic::new(Code::JobUnreadable, "no job is named")
        .help("give a job file, the name of an engine's job, or `--bundle FILE`");
    context.mistakes(&Diagnostics::new(Sources::new("", ""), vec![mistake]))
}
