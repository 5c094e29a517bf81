//! Why the engine did not do what it was asked.

use std::{fmt, io, path::Path};

use pelton_wasm::{CallError, LoadError};

use crate::{
    error::{Code, Coded},
    job::{
        dead_letters::LettersError, diagnostic::Diagnostics, look::LookError, plan::change::Refusals,
        replay::ReplayError, run::RunError, savepoint::SavepointError, trace::TraceError,
    },
};

/// An error of the engine.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("failed to {action} {path}")]
    Io { action: &'static str, path: String, source: io::Error },
    #[error("{path} is damaged: {what}")]
    Damaged { path: String, what: String },
    #[error("another engine has the data directory {directory}: {holder}")]
    Busy { directory: String, holder: String },
    /// `what` is `job` or the like.
    #[error("there is no {what} `{name}`")]
    Missing { what: &'static str, name: String },
    #[error("{what}")]
    Conflict { what: String, help: String },
    #[error("{what}")]
    Invalid { what: String, help: String },
    #[error("failed to read the module {path}")]
    Unreadable { path: String, source: io::Error },
    #[error("the module{name} cannot be used")]
    Module {
        /// ` NAME`, or nothing.
        name: String,
        source: LoadError,
    },
    #[error("the module{name} cannot be started")]
    Start { name: String, source: Box<CallError> },
    #[error("{0}")]
    Job(Box<Diagnostics>),
    #[error(transparent)]
    Run(Box<RunError>),
    #[error(transparent)]
    Change(Box<Refusals>),
    #[error("job `{job}` could not go on with its state after a stop, and runs on as it is: {}", .reasons.join("; "))]
    Misfit { job: String, reasons: Vec<String> },
    #[error(transparent)]
    Letters(Box<LettersError>),
    #[error(transparent)]
    Replay(Box<ReplayError>),
    #[error(transparent)]
    Look(Box<LookError>),
    #[error(transparent)]
    Savepoint(Box<SavepointError>),
    #[error(transparent)]
    Trace(Box<TraceError>),
    #[error("the engine is closing")]
    Closing,
}

impl ControlError {
    pub(super) fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().display().to_string();
        move |source| Self::Io { action, path, source }
    }

    pub(super) fn missing(what: &'static str, name: impl fmt::Display) -> Self {
        Self::Missing { what, name: crate::job::diagnostic::shown(&name.to_string()) }
    }

    pub(super) fn conflict(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Conflict { what: what.into(), help: help.into() }
    }

    pub(crate) fn invalid(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), help: help.into() }
    }
}

impl From<ReplayError> for ControlError {
    fn from(error: ReplayError) -> Self {
        match error {
            // Its mistakes have places.
            ReplayError::Job(mistakes) => Self::Job(mistakes),
            error => Self::Replay(Box::new(error)),
        }
    }
}

impl From<LookError> for ControlError {
    fn from(error: LookError) -> Self {
        match error {
            LookError::Replay(error) => error.into(),
            error => Self::Look(Box::new(error)),
        }
    }
}

impl From<TraceError> for ControlError {
    fn from(error: TraceError) -> Self {
        match error {
            TraceError::Replay(error) => error.into(),
            error => Self::Trace(Box::new(error)),
        }
    }
}

impl From<Diagnostics> for ControlError {
    fn from(mistakes: Diagnostics) -> Self {
        Self::Job(Box::new(mistakes))
    }
}

impl Coded for ControlError {
    fn code(&self) -> Code {
        match self {
            Self::Io { .. } | Self::Damaged { .. } => Code::DataUnusable,
            Self::Busy { .. } => Code::EngineBusy,
            Self::Missing { .. } => Code::NotFound,
            Self::Conflict { .. } | Self::Closing => Code::Conflict,
            Self::Invalid { .. } => Code::BadRequest,
            Self::Unreadable { .. } => Code::ModuleUnreadable,
            Self::Module { source, .. } => source.code(),
            Self::Start { source, .. } => source.code(),
            Self::Job(mistakes) => mistakes.list.first().map_or(Code::WrongValue, |first| first.code),
            Self::Run(source) => source.code(),
            Self::Change(source) => source.code(),
            Self::Misfit { .. } => Code::ChangeRefused,
            Self::Letters(source) => source.code(),
            Self::Replay(source) => source.code(),
            Self::Look(source) => source.code(),
            Self::Savepoint(source) => source.code(),
            Self::Trace(source) => source.code(),
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Io { .. } => Some("look at the disk's space and permissions; nothing was half done".into()),
            Self::Damaged { .. } => {
                Some("bring the file back from a copy and start the engine anew; `pelton job remove` takes a job away that cannot be read".into())
            }
            Self::Busy { .. } => Some("stop it, or give this engine a directory of its own: `--data DIR`".into()),
            Self::Missing { what: "job", .. } => Some("`pelton job list` shows the jobs".into()),
            Self::Missing { .. } => Some("`pelton module list` shows the modules".into()),
            Self::Conflict { help, .. } | Self::Invalid { help, .. } => Some(help.clone()),
            Self::Unreadable { .. } => Some("paths are relative to the job file; build the module first".into()),
            Self::Module { source, .. } => source.help(),
            Self::Start { source, .. } => source.help(),
            Self::Job(mistakes) => match mistakes.list.as_slice() {
                [only] => only.help.clone(),
                _ => Some("mend them and submit the job again".into()),
            },
            Self::Run(source) => source.help(),
            Self::Change(source) => source.help(),
            Self::Misfit { job, .. } => Some(format!(
                "what fits goes through a savepoint: `pelton savepoint create {job} --name NAME`, `pelton job stop {job}`, `pelton job submit FILE`, `pelton savepoint restore {job} NAME`, `pelton job resume {job}`"
            )),
            Self::Letters(source) => source.help(),
            Self::Replay(source) => source.help(),
            Self::Look(source) => source.help(),
            Self::Savepoint(source) => source.help(),
            Self::Trace(source) => source.help(),
            Self::Closing => Some("ask again when it has been started".into()),
        }
    }
}
