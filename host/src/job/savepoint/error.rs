//! Why a savepoint is not made, or not restored.

use std::io;

use pelton_core::model::Epoch;

use crate::{
    checkpoint::CheckpointError,
    error::{Code, Coded},
    job::{replay::ReplayError, run::RunError},
};

#[derive(Debug, thiserror::Error)]
pub enum SavepointError {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("no state of the job has been saved yet")]
    NotSaved,
    #[error("epoch {epoch}, computed again, came to something else than was committed, and so may its state")]
    Differs { epoch: Epoch },
    #[error("a savepoint would need {what}, and holds {most} at most")]
    TooLarge { what: String, most: String },
    #[error("the savepoint {path} is damaged: {what}")]
    Damaged { path: String, what: String },
    #[error("the savepoint {path} was made by a newer Pelton: its format is {format}")]
    Newer { path: String, format: u64 },
    #[error("failed to {action} {path}")]
    Io { action: &'static str, path: String, source: io::Error },
    #[error("savepoint `{name}` does not fit the job: {}", .reasons.join("; "))]
    Unfit { name: String, reasons: Vec<String> },
    #[error("the job has no savepoint `{name}`{}", there_is(.known))]
    Unknown { name: String, known: Vec<String> },
    #[error("the job has a savepoint `{name}` already")]
    Exists { name: String },
    #[error("`{name}` is no name for a savepoint")]
    Name { name: String },
    #[error("job `{job}` keeps no checkpoint, so that it has no savepoints")]
    NoCheckpoint { job: String },
}

fn there_is(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { String::new() } else { format!(": there is {}", names.join(", ")) }
}

impl SavepointError {
    /// The caller asked for what cannot be.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Name { .. } | Self::NoCheckpoint { .. })
    }

    /// It is refused as things are; nothing has failed.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Unfit { .. } | Self::Exists { .. } | Self::Unknown { .. })
    }
}

impl From<RunError> for SavepointError {
    fn from(error: RunError) -> Self {
        Self::Replay(error.into())
    }
}

impl Coded for SavepointError {
    fn code(&self) -> Code {
        match self {
            Self::Checkpoint(error) => error.code(),
            Self::Replay(error) => error.code(),
            Self::NotSaved | Self::NoCheckpoint { .. } => Code::NotRetained,
            Self::Differs { .. } => Code::NotAFunction,
            Self::TooLarge { .. } | Self::Damaged { .. } | Self::Newer { .. } | Self::Io { .. } => {
                Code::SavepointUnusable
            }
            Self::Unfit { .. } => Code::SavepointUnfit,
            Self::Unknown { .. } | Self::Exists { .. } | Self::Name { .. } => Code::SavepointUnknown,
        }
    }

    fn help(&self) -> Option<String> {
        let help = match self {
            Self::Checkpoint(error) => return error.help(),
            Self::Replay(error) => return error.help(),
            Self::NotSaved => "`--epoch last` computes it; a job that is stopped saves its state",
            Self::Differs { .. } => "`pelton verify` says which operator is not a function",
            Self::TooLarge { .. } => "move the checkpoint as a whole, while the job is stopped",
            Self::Damaged { .. } => "copy it anew, or take another one: `pelton savepoint list JOB`",
            Self::Newer { .. } => "use the Pelton that made it, or a newer one",
            Self::Io { .. } => "check that it is there, and that the directory may be written and has space",
            Self::Unfit { .. } => {
                "change the job back; or say what becomes of the state: `--rename OLD=NEW`, `--drop OPERATOR`"
            }
            Self::Unknown { .. } => "`pelton savepoint list JOB` shows them; `--from FILE` takes one that is elsewhere",
            Self::Exists { .. } => "take another name, or `pelton savepoint remove` the other one",
            Self::Name { .. } => "letters, digits, `-`, `_` and `.`, 64 at most, and a letter or a digit at first",
            Self::NoCheckpoint { .. } => "name a directory or a bucket: `checkpoint = \"state\"`",
        };
        Some(help.into())
    }
}
