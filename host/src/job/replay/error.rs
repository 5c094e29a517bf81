//! Why an epoch is not computed again.

use pelton_core::model::Epoch;

use super::bundle::BundleError;
use crate::{
    checkpoint::CheckpointError,
    error::{Code, Coded},
    job::{diagnostic::Diagnostics, run::RunError},
    sink::SinkError,
    source::SourceError,
};

#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("{0}")]
    Job(Box<Diagnostics>),
    #[error(transparent)]
    Run(Box<RunError>),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error("the rows of sink `{name}` cannot be written")]
    Out { name: String, source: SinkError },
    #[error("epoch {epoch} cannot be computed again: {}", those_that_can(.held))]
    NotRetained { epoch: Epoch, held: Option<(Epoch, Epoch)> },
    #[error("job `{job}` keeps no checkpoint, so that no epoch of it can be computed again")]
    NoCheckpoint { job: String },
    #[error("epochs cannot be computed again without the job: the rows of source `{source_name}` came once")]
    CameOnce { source_name: String },
    #[error("{what}")]
    Operator { what: String },
    #[error("failed to read the module {path}")]
    Module { path: String, source: std::io::Error },
}

fn those_that_can(held: &Option<(Epoch, Epoch)>) -> String {
    match held {
        None => "none can".into(),
        Some((first, last)) if first == last => format!("only epoch {first} can"),
        Some((first, last)) => format!("epochs {first} to {last} can"),
    }
}

impl From<RunError> for ReplayError {
    fn from(error: RunError) -> Self {
        let error = match error {
            // That rows came once is no fault of the job, and its way out is not that of a plan that does not fit.
            RunError::Unplannable { revision, source } => match source.downcast::<Self>() {
                Ok(refusal) if matches!(*refusal, Self::CameOnce { .. }) => return *refusal,
                Ok(other) => RunError::Unplannable { revision, source: other },
                Err(source) => RunError::Unplannable { revision, source },
            },
            error => error,
        };
        Self::Run(Box::new(error))
    }
}

impl From<Diagnostics> for ReplayError {
    fn from(mistakes: Diagnostics) -> Self {
        Self::Job(Box::new(mistakes))
    }
}

impl Coded for ReplayError {
    fn code(&self) -> Code {
        match self {
            Self::Job(mistakes) => mistakes.list.first().map_or(Code::WrongValue, |first| first.code),
            Self::Run(error) => error.code(),
            Self::Checkpoint(error) => error.code(),
            Self::Bundle(error) => error.code(),
            Self::Out { source, .. } => source.code(),
            Self::NotRetained { .. } | Self::NoCheckpoint { .. } | Self::CameOnce { .. } => Code::NotRetained,
            Self::Operator { .. } => Code::UnknownName,
            Self::Module { .. } => Code::ModuleUnreadable,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Job(mistakes) => match mistakes.list.as_slice() {
                [only] => only.help.clone(),
                _ => Some("`pelton lint` shows each at its place".into()),
            },
            Self::Run(error) => match error.as_ref() {
                RunError::Source { source: SourceError::Moved { .. }, .. } => Some(
                    "an epoch is computed again from the files that it read: put the file back as it was; the job itself does not need it".into(),
                ),
                error => error.help(),
            },
            Self::Checkpoint(error) => error.help(),
            Self::Bundle(error) => error.help(),
            Self::Out { source, .. } => source.help(),
            Self::NotRetained { .. } => Some(
                "`replay = { retain = \"1h\" }` in the job file keeps more; what is gone does not come back".into(),
            ),
            Self::NoCheckpoint { .. } => Some("name a directory for it: `checkpoint = \"state\"`".into()),
            Self::CameOnce { .. } => {
                Some("replays read files, not the log of a source; have a job write the rows to files first".into())
            }
            Self::Operator { .. } => Some("name one: `--with OPERATOR=MODULE`; `pelton plan` shows them".into()),
            Self::Module { .. } => Some("give the path of a .wasm or .wat file, or `std:NAME`".into()),
        }
    }
}
