//! Why a run ended early: always with the operator or connector, the epoch and the range of input.

use pelton_core::model::Epoch;
use pelton_wasm::CallError;

use crate::{
    checkpoint::CheckpointError,
    error::{Code, Coded},
    job::plan::change::Refusals,
    operator::enrich::endpoint::EndpointError,
    sink::SinkError,
    source::SourceError,
    state::snapshot::SnapshotError,
};

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("source `{name}` failed in epoch {epoch}")]
    Source { name: String, epoch: Epoch, source: SourceError },
    #[error("table `{name}` cannot be loaded")]
    Table { name: String, source: SourceError },
    #[error("operator `{name}`{module} failed in epoch {epoch} on {input}")]
    Operator {
        name: String,
        /// ` (module m, digest d)`; empty where it has none.
        module: String,
        epoch: Epoch,
        /// The range of a source, or the partition.
        input: String,
        /// Boxed: it is large, and rare.
        source: Box<CallError>,
    },
    #[error(transparent)]
    Endpoint(EndpointError),
    #[error("sink `{name}` failed")]
    Sink { name: String, source: SinkError },
    #[error("the job's checkpoint cannot be used")]
    Checkpoint(#[from] CheckpointError),
    #[error("the saved state of {name} cannot be used")]
    State { name: String, source: SnapshotError },
    #[error("source `{name}` cannot be read again, which a job with a checkpoint needs after a crash")]
    NotReplayable { name: String },
    #[error(
        "the job has changed, and epochs up to {epoch} ({again} in all) must be computed again by the job as it was"
    )]
    Changed { epoch: Epoch, again: usize },
    #[error("the job goes on, and nobody takes the state of {}", named(.names))]
    Orphans { names: Vec<String> },
    #[error("epoch {epoch} was computed by the job as it was before it changed")]
    OtherJob { epoch: Epoch },
    #[error("the job's input has ended and its windows were closed, but source `{name}` is given more")]
    Ended { name: String },
    #[error("epoch {epoch}, computed again, gave sink `{sink}` something else than the first time")]
    NotAgain { epoch: Epoch, sink: String },
    #[error("revision {revision} of the job cannot follow the one before")]
    Change { revision: u64, source: Refusals },
    #[error("the module cannot take the operator's place")]
    Candidate { source: Refusals },
    #[error("epochs of revision {revision} must be computed again, and nobody knows it")]
    UnknownRevision { revision: u64 },
    #[error("revision {revision} of the job cannot be planned any more")]
    Unplannable { revision: u64, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("operator `{name}` had {rows} poison rows within {within:?}, and {rows_max} are borne")]
    Poison {
        name: String,
        rows: u64,
        rows_max: u64,
        within: std::time::Duration,
        /// Why the last of them is one.
        #[source]
        last: LastPoison,
    },
    #[error("dead letter {letter} of an epoch that is computed again cannot be used: {reason}")]
    Letter { letter: String, reason: String },
    #[error("failed to start a thread")]
    Thread(#[source] std::io::Error),
    #[error("a thread of the engine panicked; this is a fault of Pelton, please report it with the lines above")]
    Panicked,
}

/// `operator `a`` or `operators `a`, `b``.
fn named(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let noun = if names.len() == 1 { "operator" } else { "operators" };
    format!("{noun} {}", quoted.join(", "))
}

/// Why a row was called poison.
#[derive(Debug, thiserror::Error)]
#[error("the last of them: {0}")]
pub struct LastPoison(pub String);

impl RunError {
    /// The next attempt may come further: not so when the job or its checkpoint is wrong.
    pub fn may_pass(&self) -> bool {
        match self {
            // What is damaged does not mend itself.
            Self::Source { source: SourceError::Log { source, .. }, .. } => source.code() == Code::CheckpointUnwritable,
            Self::Source { source: SourceError::Logged { .. }, .. } => false,
            Self::Sink { source, .. } => source.may_pass(),
            Self::Source { .. } | Self::Table { .. } | Self::Operator { .. } => true,
            // Who has to give it a secret may do so meanwhile.
            Self::Thread(_) | Self::Panicked | Self::Endpoint(_) => true,
            Self::Checkpoint(source) => source.code() == Code::CheckpointUnwritable,
            Self::State { .. }
            | Self::NotReplayable { .. }
            | Self::Changed { .. }
            | Self::OtherJob { .. }
            | Self::Orphans { .. }
            | Self::Ended { .. }
            | Self::Change { .. }
            | Self::Candidate { .. }
            | Self::UnknownRevision { .. }
            | Self::Unplannable { .. }
            | Self::Poison { .. }
            | Self::Letter { .. }
            | Self::NotAgain { .. } => false,
        }
    }

    /// Somebody has to look, and can then let the job go on as it is.
    pub fn pauses(&self) -> bool {
        self.may_pass() || matches!(self, Self::Poison { .. })
    }
}

/// How a part of the engine ends early.
pub(super) enum Failure {
    Run(Box<RunError>),
    /// The other threads are gone without a word.
    Lost,
}

impl From<CheckpointError> for Failure {
    fn from(error: CheckpointError) -> Self {
        RunError::from(error).into()
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::Run(Box::new(error))
    }
}

impl Coded for RunError {
    fn code(&self) -> Code {
        match self {
            Self::Source { source, .. } | Self::Table { source, .. } => source.code(),
            Self::Operator { source, .. } => source.code(),
            Self::Sink { source, .. } => source.code(),
            Self::Endpoint(_) => Code::EndpointUnusable,
            Self::Checkpoint(source) => source.code(),
            Self::State { .. } => Code::StateUnreadable,
            Self::NotReplayable { .. } => Code::NotReplayable,
            Self::Changed { .. } | Self::Orphans { .. } | Self::OtherJob { .. } | Self::Ended { .. } => {
                Code::JobChanged
            }
            Self::UnknownRevision { .. } | Self::Unplannable { .. } => Code::JobChanged,
            Self::Change { source, .. } | Self::Candidate { source } => source.code(),
            Self::NotAgain { .. } => Code::NotAFunction,
            Self::Poison { .. } => Code::TooMuchPoison,
            Self::Letter { .. } => Code::StateUnreadable,
            Self::Thread(_) | Self::Panicked => Code::RunFailed,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Source { source, .. } => source.help(),
            Self::Table { source: SourceError::BadRow { .. }, .. } => {
                Some("mend the row: a table is taken whole or not at all".into())
            }
            Self::Table { source, .. } => source.help(),
            Self::Operator { source, .. } => source.help(),
            Self::Sink { source, .. } => source.help(),
            Self::Endpoint(_) => {
                Some("mend the endpoint in the job file, or give its secrets to the process that runs the job".into())
            }
            Self::Checkpoint(source) => source.help(),
            Self::State { source: SnapshotError::Count { .. }, .. } => Some(
                "run the job as it was; or go on with other partitions: `pelton savepoint create JOB --name NAME` with the job as it was, `pelton savepoint restore JOB NAME` with the new one"
                    .into(),
            ),
            Self::State { .. } => Some(
                "run the job as it was; or take a savepoint of it, and restore what fits: `pelton savepoint restore JOB NAME`; or start over with `--fresh`"
                    .into(),
            ),
            Self::NotReplayable { .. } => {
                Some("use a `socket` or `http` source, or run the job with `pelton run`".into())
            }
            Self::Changed { .. } => Some(
                "run the job file as it was and end it with Ctrl-C, which saves its state; or use `--fresh`".into(),
            ),
            Self::Orphans { names } => {
                let name = names.first().map(String::as_str).unwrap_or_default();
                Some(format!(
                    "an operator that has another name now takes it with `was = \"{name}\"`; `drop-state = [\"{name}\"]` gives it up; `--fresh` starts over"
                ))
            }
            Self::OtherJob { .. } => Some(
                "replay it with the job file, the options and the modules of then: an engine keeps them all".into(),
            ),
            Self::UnknownRevision { .. } | Self::Unplannable { .. } => {
                Some("run the job on the engine that ran it last, or start over with `--fresh`".into())
            }
            Self::Change { source, .. } => source.help(),
            Self::Poison { .. } => Some(
                "mend the module and put it in place; or raise `on-trap.rows`, if so many rows are as bad as that"
                    .into(),
            ),
            Self::Letter { .. } => Some("run the job as it was, or start over with `--fresh`".into()),
            Self::Candidate { .. } => {
                Some("a candidate takes the same input and key, and makes the columns that sinks have".into())
            }
            Self::Ended { .. } => Some("start over with `--fresh`, or give the new rows to a job of their own".into()),
            Self::NotAgain { .. } => {
                Some("a file of the input has been changed since it was read, or some module is not a function of its input and state: `pelton replay` of that epoch says which file, `pelton verify` which operator; `--fresh` starts over".into())
            }
            Self::Thread(_) => Some("fewer `threads` may help".into()),
            Self::Panicked => None,
        }
    }
}
