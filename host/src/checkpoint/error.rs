//! What can go wrong with checkpoints.

use std::{fmt, io};

use pelton_core::checkpoint::record::FileRef;

use crate::error::{Code, Coded};

/// An error of the checkpoint store. Files are named with their whole path.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("failed to {action} {path}")]
    Io { action: &'static str, path: String, source: io::Error },
    #[error("another process runs the job whose checkpoints are in {directory}: {holder}")]
    Busy { directory: String, holder: String },
    #[error("another process has taken over the job whose checkpoints are in {directory}")]
    Fenced { directory: String },
    #[error("{file} is damaged at byte {offset}: {what}")]
    Damaged { file: String, offset: u64, what: String },
    #[error("{file} was written by a newer Pelton, at byte {offset}: {what}")]
    Newer { file: String, offset: u64, what: String },
    #[error("checkpoints in {directory} cannot go on after an earlier failure: {reason}")]
    Poisoned { directory: String, reason: String },
    #[error("the record of an epoch and its output have {bytes} bytes, and a checkpoint holds {bytes_max} at most")]
    TooLarge { bytes: u64, bytes_max: u64 },
    #[error(
        "epoch {epoch} of generation {generation} cannot be committed where epoch {next} of generation {own} is next"
    )]
    OutOfOrder { epoch: u64, generation: u64, next: u64, own: u64 },
    #[error("{directory} holds no checkpoints")]
    Missing { directory: String },
    #[error("a savepoint was being restored into {directory}, and the process that did it came to no end")]
    Unrestored { directory: String },
    #[error("no checkpoint can be kept in {place}: {reason}")]
    Unusable { place: String, reason: String },
}

impl CheckpointError {
    pub(super) fn io(action: &'static str, path: impl fmt::Display, source: io::Error) -> Self {
        Self::Io { action, path: path.to_string(), source }
    }

    /// A file that was read as it was written, and is not what it should be.
    pub(crate) fn unreadable(file: &FileRef, reason: impl fmt::Display) -> Self {
        Self::Damaged { file: file.name.clone(), offset: 0, what: reason.to_string() }
    }

    pub(super) fn damaged(file: String, offset: u64, what: impl fmt::Display) -> Self {
        Self::Damaged { file, offset, what: what.to_string() }
    }
}

impl Coded for CheckpointError {
    fn code(&self) -> Code {
        match self {
            Self::Io { .. } | Self::Poisoned { .. } | Self::TooLarge { .. } | Self::OutOfOrder { .. } => {
                Code::CheckpointUnwritable
            }
            Self::Busy { .. } | Self::Fenced { .. } => Code::CheckpointBusy,
            Self::Damaged { .. } => Code::CheckpointDamaged,
            Self::Newer { .. } => Code::CheckpointNewer,
            Self::Missing { .. } => Code::CheckpointMissing,
            Self::Unusable { .. } => Code::CheckpointUnusable,
            Self::Unrestored { .. } => Code::RestoreUnfinished,
        }
    }

    fn help(&self) -> Option<String> {
        let help = match self {
            Self::Io { path, .. } if path.contains("://") => {
                "check that the bucket exists, and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION; with a store of your own also AWS_ENDPOINT, and AWS_ALLOW_HTTP=true where it has no TLS"
            }
            Self::Io { .. } => "check that the directory may be written and has space",
            Self::Busy { .. } => {
                "wait until it has ended, or stop it; each job needs a checkpoint directory of its own"
            }
            Self::Fenced { .. } => "this process has stopped; leave the job to the other one",
            Self::Damaged { .. } => {
                "`pelton checkpoint verify DIRECTORY` checks the whole directory; put a good copy of it in place, go back to a savepoint (`pelton savepoint list JOB`, `pelton savepoint restore JOB NAME`), or begin anew with `--fresh`"
            }
            Self::Newer { .. } => "run the job with the Pelton that wrote it, or with a newer one",
            Self::Poisoned { .. } => "start the job again; it goes on from what was committed",
            Self::TooLarge { .. } => "set a smaller `batch.max-bytes`",
            Self::OutOfOrder { .. } => "this is a bug of Pelton's; please report it",
            Self::Missing { .. } => "give the directory or the URL that the job file names as its `checkpoint`",
            Self::Unusable { .. } => "name a directory, or `s3://BUCKET/PREFIX`",
            Self::Unrestored { .. } => {
                "restore it once more: `pelton savepoint restore JOB NAME`; or begin anew with `--fresh`"
            }
        };
        Some(help.into())
    }
}
