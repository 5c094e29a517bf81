//! Why a row is not traced.

use pelton_core::model::Epoch;

use crate::{
    checkpoint::CheckpointError,
    error::{Code, Coded},
    job::replay::ReplayError,
    sink::SinkError,
};

#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("no epoch of the job can be computed again")]
    NothingKept,
    #[error("the job has no sink `{name}`{}", there_is(.known))]
    Sink { name: String, known: Vec<String> },
    #[error("the job has several sinks{}", there_is(.known))]
    WhichSink { known: Vec<String> },
    #[error("{what}")]
    Column { what: String },
    #[error("sink `{sink}` was given no such row in {}", epochs(.searched))]
    NoRow { sink: String, searched: (Epoch, Epoch) },
    #[error("{what}")]
    Part { what: String, help: &'static str },
    #[error("failed to read {path}")]
    Io { path: String, source: std::io::Error },
    #[error("the rows of sink `{name}` cannot be compared with its part")]
    Encode { name: String, source: SinkError },
    #[error("epoch {epoch}, computed again, came to something else than was committed, and so may its rows have")]
    Differs { epoch: Epoch },
}

fn there_is(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { String::new() } else { format!(": there is {}", names.join(", ")) }
}

fn epochs((first, last): &(Epoch, Epoch)) -> String {
    if first == last { format!("epoch {first}") } else { format!("epochs {first} to {last}") }
}

impl TraceError {
    /// The caller asked for what cannot be.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Sink { .. } | Self::WhichSink { .. } | Self::Column { .. } | Self::Part { .. })
    }
}

impl From<CheckpointError> for TraceError {
    fn from(error: CheckpointError) -> Self {
        Self::Replay(error.into())
    }
}

impl Coded for TraceError {
    fn code(&self) -> Code {
        match self {
            Self::Replay(error) => error.code(),
            Self::NothingKept => Code::NotRetained,
            Self::Differs { .. } => Code::NotAFunction,
            Self::Sink { .. }
            | Self::WhichSink { .. }
            | Self::Column { .. }
            | Self::NoRow { .. }
            | Self::Part { .. }
            | Self::Io { .. }
            | Self::Encode { .. } => Code::NoSuchRow,
        }
    }

    fn help(&self) -> Option<String> {
        let help = match self {
            Self::Replay(error) => return error.help(),
            Self::NothingKept => {
                "`replay = { retain = \"1h\" }` in the job file keeps more; what is gone does not come back"
            }
            Self::Sink { .. } | Self::WhichSink { .. } => "name one with `--sink`",
            Self::Column { .. } => {
                "name columns as the sink has them, `\\N` for null: `--row 'auction=17' --row 'city=\\N'`"
            }
            Self::NoRow { searched: (Epoch::FIRST, _), .. } => {
                "compare with the row as it was written: values must be whole"
            }
            Self::NoRow { searched: (first, _), .. } => {
                return Some(format!(
                    "compare with the row as it was written; what was written before epoch {first} cannot be traced any more, `replay = {{ retain = \"24h\" }}` keeps more"
                ));
            }
            Self::Part { help, .. } => help,
            Self::Io { .. } => "check that the part is where the sink wrote it, and may be read",
            Self::Encode { source, .. } => return source.help(),
            Self::Differs { .. } => {
                "`pelton replay` says what differs, and `pelton verify` which operator is not a function"
            }
        };
        Some(help.into())
    }
}
