//! What can go wrong at the boundary, as far as a caller can tell the cases apart.

use std::{fmt, time::Duration};

use pelton_core::{
    contract::ContractError,
    limits::{LimitName, show_bytes},
};

use crate::module::Kind;

/// A module cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("it is neither a WebAssembly component, nor a core module, nor WebAssembly text")]
    NotWasm,
    #[error("it is native code that some host compiled, which is never loaded")]
    Precompiled,
    #[error("its text cannot be read: {0}")]
    Text(String),
    #[error("it is not a valid component: {0}")]
    Invalid(String),
    #[error("it is larger than its limit `module-bytes` = {}", show_bytes(*.max))]
    TooLarge { max: u64 },
    #[error("it does not export an operator of pelton:operator@0.1.0 (its exports: {})", names(.exports))]
    NoOperator { exports: Vec<String> },
    #[error("it exports more than one kind of operator (its exports: {})", names(.exports))]
    SeveralKinds { exports: Vec<String> },
    #[error("it imports `{}`, which no module may use", shown(.0))]
    Import(String),
    #[error("it needs {what}, more than the {max} that one instance may have")]
    Resources { what: String, max: String },
    #[error("it cannot be compiled: {0}")]
    Compile(String),
    #[error("the runtime cannot start: {0}")]
    Runtime(String),
}

/// Exports, as many as fit into a message.
fn names(names: &[String]) -> String {
    const NAMES_MAX: usize = 20;
    if names.is_empty() {
        return "none".to_owned();
    }
    let mut text = names.iter().take(NAMES_MAX).map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    if let Some(more) = names.len().checked_sub(NAMES_MAX).filter(|more| *more > 0) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// What is kept of a guest's words in an error.
const SHOWN_BYTES_MAX: usize = 4 << 10;

/// A guest's words as they may stand in an error: not too many, and nothing that a terminal would obey.
pub(crate) fn shown(text: &str) -> String {
    let cut = text.floor_char_boundary(SHOWN_BYTES_MAX);
    let mut shown = escape_control(text.get(..cut).unwrap_or_default());
    if cut < text.len() {
        shown.push('…');
    }
    shown
}

/// Terminal escapes and line breaks made visible, so that a guest cannot forge the log.
pub(crate) fn escape_control(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { escaped.extend(c.escape_default()) } else { escaped.push(c) }
    }
    escaped
}

/// A call that gave no answer. The instance that made it must be dropped, but for `Failed`.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("trapped in `{call}`: {reason}")]
    Trap {
        call: &'static str,
        reason: String,
        #[source]
        backtrace: GuestBacktrace,
    },
    #[error("hit its limit `{name}` = {limit} in `{call}`")]
    Limit {
        call: &'static str,
        name: LimitName,
        limit: String,
        #[source]
        backtrace: GuestBacktrace,
    },
    #[error("answered `{call}` against the contract: {}", shown(&.law.to_string()))]
    Invalid { call: &'static str, law: Law },
    #[error("declared a contract that cannot be kept: {}", shown(&.0.to_string()))]
    Contract(ContractError),
    /// `open` said no: options or columns that do not fit.
    #[error("refused: {0}")]
    Refused(String),
    #[error("said that it cannot go on: {0}")]
    Failed(String),
    /// `answer` of an enrich operator wants its requests to be sent again. The instance may be called again.
    #[error("wants to ask again: {0}")]
    Retry(String),
    /// What it asks for cannot be fetched, through no fault of the module's.
    #[error("cannot be given replies: {0}")]
    Fetch(String),
    /// An epoch is computed again, and nobody is asked a second time.
    #[error("asks {request}, which it did not ask when the epoch was committed; so it is not a function of its input")]
    NotRecorded { request: String },
    #[error("opened with another contract than when the job was planned, so it is not a function of its input")]
    ContractChanged,
    #[error("cannot be instantiated: {0}")]
    Instantiate(String),
    #[error("asks for the side input `{0}`, but does not export `tables`, which is how it would be given one")]
    NoTables(String),
    #[error("does not export `migrate`, and so cannot read the state of another version")]
    NoMigrate,
    /// What an older version kept for a key cannot be taken over.
    #[error("cannot migrate what version {version} kept in `{table}` for key {key}")]
    Migrate {
        table: String,
        version: u32,
        key: String,
        #[source]
        error: Box<CallError>,
    },
    #[error("declares that it takes rows back, but does not export `retractable`, which is how it would be given them")]
    NoRetract,
    #[error("exports {got}, but {want} is due here")]
    Kind { want: Kind, got: Kind },
    /// Metered by its instructions, which take longer than any that are to be expected.
    #[error("ran in `{call}` for {time}, and whether it would end cannot be told by its instructions")]
    Undecided { call: &'static str, time: String },
    /// It is to be known which rows it fails on, and that cannot be.
    #[error("fails on rows that cannot be taken out: {why}")]
    NotIsolated {
        why: String,
        #[source]
        error: Box<CallError>,
    },
}

impl CallError {
    /// A row that the call was given, or a group or a part of one, may be what it failed on: it trapped, hit a limit, or answered against the contract.
    pub fn blames_rows(&self) -> bool {
        let (Self::Trap { call, .. } | Self::Limit { call, .. } | Self::Invalid { call, .. }) = self else {
            return false;
        };
        matches!(*call, "process" | "accumulate" | "retract" | "merge" | "finish" | "ask" | "answer")
    }

    /// The call took too long.
    pub fn is_overrun(&self) -> bool {
        matches!(self, Self::Limit { name: LimitName::CallTime, .. })
    }

    /// Where the guest was, innermost first.
    pub fn frames(&self) -> &[String] {
        match self {
            Self::Trap { backtrace, .. } | Self::Limit { backtrace, .. } => &backtrace.0,
            Self::Migrate { error, .. } => error.frames(),
            _ => &[],
        }
    }
}

impl From<ContractError> for CallError {
    fn from(error: ContractError) -> Self {
        Self::Contract(error)
    }
}

/// Where a guest was when it trapped or hit a limit: function names, and source places where the module carries
/// them, innermost first. Empty where no guest was running: it then has no text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuestBacktrace(pub Vec<String>);

impl fmt::Display for GuestBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        f.write_str("guest backtrace:")?;
        self.0.iter().enumerate().try_for_each(|(depth, frame)| write!(f, "\n{depth:>3}: {frame}"))
    }
}

impl std::error::Error for GuestBacktrace {}

/// A law of `wit/` that an answer broke, with the value that broke it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Law {
    #[error("it emits to port {port}, but its contract has {ports}")]
    Port { port: u32, ports: usize },
    #[error("it emits to port `{0}` twice")]
    PortTwice(String),
    #[error("port `{port}` has {rows} rows in `computed`, but {expected}")]
    Rows { port: String, rows: u32, expected: String },
    #[error("{of} has {got} arrays, but its columns need {want}")]
    Nodes { of: String, want: usize, got: usize },
    #[error("`origin` of port `{port}` has {got} bytes, but {rows} rows need {want}")]
    OriginSize { port: String, rows: u32, want: usize, got: usize },
    #[error("`origin` of port `{port}` names row {origin}, but the batch has {rows}")]
    OriginRange { port: String, origin: u32, rows: usize },
    #[error("`origin` of port `{port}` decreases, but the contract does not say `reorders`")]
    OriginOrder { port: String },
    #[error("column `{column}`: {fault}")]
    Column { column: String, fault: String },
    #[error("it answers with {got} accumulators, but it was given {want}")]
    AccumulatorRows { want: usize, got: u32 },
    #[error("it answers with {got} rows of state table `{table}`, but it was given {want}")]
    MigratedRows { table: String, want: usize, got: u32 },
    #[error("{of} has {got} bytes, but {rows} rows need {want}")]
    Length { of: String, rows: usize, want: usize, got: usize },
    #[error("{of} names key {key}, but the call has {keys}")]
    KeyRange { of: String, key: u32, keys: usize },
    #[error("`origin` of port `{port}` names row {origin} for key {key}, which does not own it")]
    OriginKey { port: String, origin: u32, key: u32 },
    #[error("port `{port}` has a row without origin, but it passes `{column}`, which is neither a key nor nullable")]
    OriginMissing { port: String, column: String },
    #[error("it names state table {table}, but its contract has {tables}")]
    StateTable { table: u32, tables: usize },
    #[error("a change to state table `{table}` has the kind {kind}, but kinds are 0, 1 and 2")]
    ChangeKind { table: String, kind: u8 },
    #[error("it appends to state table `{0}`, whose subkey is not one s64")]
    Append(String),
    #[error("a timer has {what} {value}, but it is 0 or 1")]
    Timer { what: &'static str, value: u8 },
    #[error("it asks for a range of state table `{0}`, which has no subkey: its rows come with the call")]
    NoRange(String),
    #[error("a bound of a range of state table `{table}` has {rows} rows, not one")]
    Bound { table: String, rows: u32 },
    #[error("it rejects row {row}, but the batch has {rows}")]
    RejectRange { row: u32, rows: usize },
    #[error("it rejects row {0} twice")]
    RejectTwice(u32),
    #[error("request {at}: {fault}")]
    Request { at: usize, fault: String },
    #[error("request {again} is request {first} once more: each different request is asked for once")]
    RequestTwice { first: usize, again: usize },
    #[error("row {row} waits for request {wanted}, but there are {requests}")]
    Wanted { row: usize, wanted: u32, requests: usize },
}

/// How a limit is shown: in the unit in which it is set.
pub(crate) fn show_time(time: Duration) -> String {
    format!("{time:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_guest_chose_cannot_drive_a_terminal() {
        let name = || "a\u{1b}[2J\nb".to_owned();
        let no_column = ContractError::NoColumn { column: name(), input: "in".into(), have: vec![name()] };
        let messages = [
            CallError::from(no_column).to_string(),
            CallError::from(ContractError::ReadTwice(name())).to_string(),
            CallError::Invalid { call: "process", law: Law::PortTwice(name()) }.to_string(),
            LoadError::Import(name()).to_string(),
            LoadError::NoOperator { exports: vec![name()] }.to_string(),
        ];
        for message in messages {
            assert!(message.contains("a\\u{1b}[2J\\nb") && !message.contains(char::is_control), "{message}");
        }
        let long = ContractError::ReadTwice("x".repeat(1 << 20));
        assert!(CallError::from(long).to_string().len() < 5_000);
    }
}
