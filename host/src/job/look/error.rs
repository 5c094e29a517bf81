//! Why state is not shown.

use arrow::error::ArrowError;
use pelton_core::model::Epoch;
use pelton_wasm::CallError;

use crate::{
    checkpoint::CheckpointError,
    error::{Code, Coded},
    job::{replay::ReplayError, run::RunError},
    state::snapshot::SnapshotError,
};

#[derive(Debug, thiserror::Error)]
pub enum LookError {
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("no state of the job has been saved yet")]
    NotSaved,
    #[error("epoch {epoch}, computed again, came to something else than was committed, and so may its state")]
    Differs { epoch: Epoch },
    #[error("the job has no operator `{name}` that keeps state{}", there_is(.known))]
    Operator { name: String, known: Vec<String> },
    #[error("operator `{operator}` has no table `{name}`{}", there_is(.known))]
    Table { operator: String, name: String, known: Vec<String> },
    #[error("operator `{operator}` has several tables{}", there_is(.known))]
    WhichTable { operator: String, known: Vec<String> },
    #[error("{what}")]
    Key { what: String, key: String },
    #[error("the saved state of {name} cannot be used")]
    State { name: String, source: SnapshotError },
    #[error("the results of open windows of `{operator}` cannot be shown")]
    Results { operator: String, source: Box<CallError> },
    #[error("rows of state cannot be shown")]
    Rows(#[from] ArrowError),
    #[error("the file {path} has no ending that says what to write")]
    Format { path: String },
    #[error("failed to write {path}")]
    Write { path: String, source: Box<dyn std::error::Error + Send + Sync> },
}

fn there_is(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { String::new() } else { format!(": there is {}", names.join(", ")) }
}

impl LookError {
    /// The caller asked for what is not there.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Operator { .. }
                | Self::Table { .. }
                | Self::WhichTable { .. }
                | Self::Key { .. }
                | Self::Format { .. }
        )
    }
}

impl From<CheckpointError> for LookError {
    fn from(error: CheckpointError) -> Self {
        Self::Replay(error.into())
    }
}

impl From<RunError> for LookError {
    fn from(error: RunError) -> Self {
        Self::Replay(error.into())
    }
}

impl Coded for LookError {
    fn code(&self) -> Code {
        match self {
            Self::Replay(error) => error.code(),
            Self::NotSaved => Code::NotRetained,
            Self::Differs { .. } => Code::NotAFunction,
            Self::State { .. } => Code::StateUnreadable,
            Self::Results { source, .. } => source.code(),
            Self::Operator { .. }
            | Self::Table { .. }
            | Self::WhichTable { .. }
            | Self::Key { .. }
            | Self::Rows(_)
            | Self::Format { .. }
            | Self::Write { .. } => Code::StateNotShown,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Replay(error) => error.help(),
            Self::NotSaved => Some("`--epoch last` computes it; a job that is stopped saves its state".into()),
            Self::Differs { .. } => Some("`pelton verify` says which operator is not a function".into()),
            Self::Operator { .. } => Some("`pelton state list JOB` shows what there is".into()),
            Self::Table { .. } | Self::WhichTable { .. } => Some("name one with `--table`".into()),
            Self::Key { key, .. } if key.is_empty() => Some("the operator has no key: give none".into()),
            Self::Key { key, .. } => Some(format!("the key is {key}: give the values in this order, \\N for null")),
            Self::State { .. } => {
                Some("look with the job file that saved it; `pelton checkpoint verify` reads it all".into())
            }
            Self::Results { source, .. } => {
                source.help().or(Some("`--table accumulators` shows them as they are kept".into()))
            }
            Self::Rows(_) => Some("`pelton state export` writes values that JSON cannot show".into()),
            Self::Format { .. } => Some("give a name that ends in .parquet or .arrow".into()),
            Self::Write { .. } => Some("check that the directory is there, may be written and has space".into()),
        }
    }
}
