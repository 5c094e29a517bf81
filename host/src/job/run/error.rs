//! Why a run ended early: always with the operator or connector, the epoch and the range of input.

use pelton_core::model::Epoch;
use pelton_wasm::CallError;

use crate::{
    error::{Code, Coded},
    sink::SinkError,
    source::SourceError,
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
    #[error("sink `{name}` failed")]
    Sink { name: String, source: SinkError },
    #[error("failed to start a thread")]
    Thread(#[source] std::io::Error),
    #[error("a thread of the engine panicked; this is a fault of Pelton, please report it with the lines above")]
    Panicked,
}

/// How a part of the engine ends early.
pub(super) enum Failure {
    Run(Box<RunError>),
    /// The other threads are gone without a word.
    Lost,
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
            Self::Thread(_) => Some("fewer `threads` may help".into()),
            Self::Panicked => None,
        }
    }
}
