//! A job as its owner wrote it: sources, operators and sinks by name, before anything is opened.
//!
//! `pelton::job::file` reads it from TOML; everything after that works on this model.

use core::net::SocketAddr;
use std::{collections::BTreeMap, fmt, time::Duration};

use arrow_schema::SchemaRef;

use crate::{
    checkpoint::retain::Retain, contract::Mode, enrich::EndpointSpec, limits::Limits, poison::OnTrap,
    restart::RestartSpec, share::Share, window::WindowSpec,
};

/// One job file.
#[derive(Debug, Clone, PartialEq)]
pub struct JobSpec {
    pub name: String,
    pub batch: BatchSpec,
    /// Compute threads; none: one for each core.
    pub threads: Option<usize>,
    /// Parts into which keyed state is cut. Not more than there are key groups.
    pub partitions: u16,
    /// None: what the job did is forgotten when it ends.
    pub checkpoint: Option<CheckpointSpec>,
    /// What happens after a failure.
    pub restart: RestartSpec,
    pub sources: Vec<SourceSpec>,
    /// Side inputs: read whole, and again when they change.
    pub tables: Vec<TableSpec>,
    /// Places that modules may ask.
    pub endpoints: Vec<EndpointSpec>,
    pub operators: Vec<OperatorSpec>,
    pub sinks: Vec<SinkSpec>,
}

/// Where a job keeps what it needs to go on after a stop or a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointSpec {
    /// A directory, relative to the job file.
    pub path: String,
    /// Time between two snapshots of the state, at least: what a crash makes the job compute again.
    pub snapshots: Duration,
    /// How far back epochs can be replayed.
    pub retain: Retain,
    /// Time between two epochs that an engine computes again to see whether they come to the same; none: never.
    pub verify: Option<Duration>,
    /// Operators that are gone, and whose state is given up.
    pub drop_state: Vec<String>,
}

/// When an epoch closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchSpec {
    /// Wall time after which an epoch closes; zero: as soon as there is data.
    pub interval: Duration,
    /// Bytes of input after which an epoch closes.
    pub max_bytes: u64,
    /// Rows in one call of an operator, at most.
    pub rows: usize,
    /// An epoch takes no more rows than the job works off within an interval.
    pub backpressure: bool,
}

impl Default for BatchSpec {
    fn default() -> Self {
        Self { interval: Duration::from_secs(1), max_bytes: 64 << 20, rows: 8192, backpressure: false }
    }
}

/// An output of a source or an operator: `name`, or `name.port`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutputRef {
    pub node: String,
    pub port: Option<String>,
}

impl OutputRef {
    pub fn parse(text: &str) -> Self {
        match text.split_once('.') {
            Some((node, port)) => Self { node: node.to_owned(), port: Some(port.to_owned()) },
            None => Self { node: text.to_owned(), port: None },
        }
    }
}

impl fmt::Display for OutputRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.port {
            Some(port) => write!(f, "{}.{port}", self.node),
            None => f.write_str(&self.node),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct SourceSpec {
    pub name: String,
    pub kind: SourceKind,
    pub event_time: Option<EventTimeSpec>,
    pub on_bad_row: OnBadRow,
    /// Metadata columns (`_file`, `_offset`) that join the source's own, and are decoded where they are wanted.
    pub metadata: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTimeSpec {
    pub column: String,
    /// Bound of the disorder that is expected.
    pub watermark: Duration,
    /// After so long without a row the source holds no watermark back; none: it is waited for.
    pub idle: Option<Duration>,
    /// How far ahead of the clock a row's event time may be; none: as far as time goes.
    pub ahead: Option<Duration>,
}

/// What becomes of a row that cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnBadRow {
    /// To `source.rejected`, with file, offset and reason.
    #[default]
    Reject,
    /// The job fails.
    Fail,
}

#[derive(Debug, Clone, PartialEq)]
pub enum SourceKind {
    File(FileSourceSpec),
    Stdin(StreamSpec),
    Socket(SocketSpec),
    Http(HttpSpec),
    Generator(GeneratorSpec),
}

/// A side input: files that are small enough to be held in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct TableSpec {
    pub name: String,
    pub file: FileSourceSpec,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FileSourceSpec {
    /// Files, directories (all files below, but those whose name begins with `.` or `_`) and globs,
    /// relative to the job file.
    pub paths: Vec<String>,
    pub format: Format,
    pub compression: Compression,
    /// Declared columns; none: inferred.
    pub schema: Option<SchemaRef>,
    /// Rows longer than this are rejected.
    pub max_row_bytes: usize,
    /// Time between two looks for new files; none: those that are there are all.
    pub watch: Option<Duration>,
    /// What is added to files is read, too.
    pub tail: bool,
}

/// Rows that come as a stream of bytes, once.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamSpec {
    /// A row format: CSV, JSON lines or text.
    pub format: Format,
    pub schema: Option<SchemaRef>,
    pub max_row_bytes: usize,
}

/// Rows over TCP.
#[derive(Debug, Clone, PartialEq)]
pub struct SocketSpec {
    pub rows: StreamSpec,
    pub peer: Peer,
    /// Bytes that have come and that no epoch has taken yet, at most.
    pub buffer_bytes: usize,
}

/// Who opens the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// The source does, to `HOST:PORT`, and again when it is lost, after `max_delay` at most.
    Server { address: String, max_delay: Duration },
    /// Many clients do.
    Clients(ListenSpec),
}

/// Where a source waits for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenSpec {
    pub address: SocketAddr,
    /// Clients at one time, at most.
    pub connections: usize,
}

/// Rows in the bodies of POST requests.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpSpec {
    pub rows: StreamSpec,
    pub listen: ListenSpec,
    /// A file with the token that requests must have, relative to the job file; none: everybody may send.
    pub token_file: Option<String>,
    pub max_body_bytes: usize,
    /// As of [`SocketSpec`].
    pub buffer_bytes: usize,
}

/// How bytes become rows, or rows bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    Csv(CsvDialect),
    Json(JsonOptions),
    Text,
    Parquet,
    Ipc,
}

impl Format {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::Json(_) => "json",
            Self::Text => "text",
            Self::Parquet => "parquet",
            Self::Ipc => "arrow",
        }
    }
}

/// The dialect of a CSV file. The default is RFC 4180 without a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvDialect {
    pub header: bool,
    pub delimiter: u8,
    /// None: quotes are ordinary characters.
    pub quote: Option<u8>,
    /// None: a quote inside a quoted field is written twice.
    pub escape: Option<u8>,
    /// Lines that begin with it are skipped.
    pub comment: Option<u8>,
    /// Unquoted fields that mean null; the empty field does for every type but utf8 and binary in any case.
    pub null_tokens: Vec<String>,
    /// Spaces and tabs around unquoted fields are dropped.
    pub trim: bool,
    /// strftime forms for dates and timestamps; none: ISO 8601, and for timestamps also integers of their unit.
    pub date_format: Option<String>,
    pub timestamp_format: Option<String>,
    /// Lines skipped at the top of each file, before the header.
    pub skip_lines: usize,
}

impl Default for CsvDialect {
    fn default() -> Self {
        Self {
            header: false,
            delimiter: b',',
            quote: Some(b'"'),
            escape: None,
            comment: None,
            null_tokens: Vec::new(),
            trim: false,
            date_format: None,
            timestamp_format: None,
            skip_lines: 0,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonOptions {
    pub date_format: Option<String>,
    pub timestamp_format: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// By the file's name (`.gz`, `.zst`), and then by its first bytes.
    #[default]
    Auto,
    None,
    Gzip,
    Zstd,
}

#[derive(Debug, Clone, PartialEq)]
pub struct GeneratorSpec {
    pub seed: u64,
    /// Rows a second; none: as fast as they are taken.
    pub rate: Option<f64>,
    /// Rows in all; none: without end.
    pub rows: Option<u64>,
    pub content: GeneratorContent,
}

#[derive(Debug, Clone, PartialEq)]
pub enum GeneratorContent {
    /// Nexmark's events of one kind.
    Nexmark(NexmarkEvents),
    /// Columns by rule.
    Columns(Vec<(String, ColumnRule)>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NexmarkEvents {
    Bid,
    Auction,
    Person,
}

/// How the generator fills a column.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnRule {
    /// s64: `start + row × step`.
    Sequence { start: i64, step: i64 },
    /// s64, both ends included.
    UniformInt { min: i64, max: i64 },
    /// f64, `min` included.
    UniformFloat { min: f64, max: f64 },
    /// s64 from 1 to `n`, number k with weight 1/k^s.
    Zipf { n: u64, s: f64 },
    /// utf8, one of these.
    Choice { values: Vec<String> },
    /// utf8, random lower-case letters.
    Text { min_len: u32, max_len: u32 },
    /// timestamp[us]: `start` (µs since 1970) plus `row × step` (µs), less a uniform disorder below `jitter` (µs).
    Time { start: i64, step: i64, jitter: i64 },
    /// The other rule, null with this probability.
    Nullable { rule: Box<ColumnRule>, probability: f64 },
}

#[derive(Debug, Clone, PartialEq)]
pub struct OperatorSpec {
    pub name: String,
    /// Of a join: the left input, then the right one.
    pub inputs: Vec<OutputRef>,
    /// None: its rows are not joined.
    pub join: Option<JoinSpec>,
    /// Columns by which all its rows are put in order, the most significant first. Empty: they are not.
    pub sort: Vec<SortColumn>,
    /// One; or several aggregates over the same window, each with an alias. A join may have none, a sort has none.
    pub modules: Vec<ModuleSpec>,
    /// Columns that rows are grouped by.
    pub key: Vec<String>,
    pub window: Option<WindowSpec>,
    /// None: what fits the window.
    pub emission: Option<Emission>,
    /// How results leave that replace earlier ones: [`Mode::Upsert`] or [`Mode::Retract`]. None: what fits the input.
    pub mode: Option<Mode>,
    /// None: all its defaults.
    pub state: Option<StateSpec>,
    /// The endpoints that its module may ask, by their names.
    pub endpoints: Vec<String>,
    pub limits: Limits,
    /// What becomes of rows on which its module fails.
    pub on_trap: OnTrap,
    /// What it was called before, where a job goes on: it takes that one's state.
    pub was: Option<String>,
    /// A job that goes over to another number has the operator begin without state.
    pub reset: u64,
    /// Modules that run beside it on the same rows, whose rows are compared and thrown away. None: there is no shadow.
    pub shadow: Option<ShadowSpec>,
    /// Modules that do its work for a share of its rows. None: it does all of it.
    pub canary: Option<CanarySpec>,
    /// Modules that finish the windows which were open when those of the operator took their place. None: it has all windows.
    pub draining: Option<DrainingSpec>,
}

/// A candidate that runs beside an operator.
#[derive(Debug, Clone, PartialEq)]
pub struct ShadowSpec {
    pub modules: Vec<ModuleSpec>,
    /// As [`OperatorSpec::reset`], of its own state.
    pub reset: u64,
}

/// A candidate that stands in for an operator, for a share of its keys or batches.
#[derive(Debug, Clone, PartialEq)]
pub struct CanarySpec {
    pub modules: Vec<ModuleSpec>,
    pub share: Share,
}

/// The modules that an operator had before, which finish the windows that were open when others took their place.
#[derive(Debug, Clone, PartialEq)]
pub struct DrainingSpec {
    pub modules: Vec<ModuleSpec>,
}

/// What the name of a shadow ends with, after that of its operator: no other name has the sign.
pub const SHADOW_SUFFIX: &str = "~shadow";
/// The same of a canary.
pub const CANARY_SUFFIX: &str = "~canary";

/// The same of the half of a sort that keeps its rows until the input ends.
pub const HELD_SUFFIX: &str = "~held";

/// The operator that the name of a shadow or of a canary belongs to; any other name is its own.
pub fn operator_of(name: &str) -> &str {
    name.strip_suffix(SHADOW_SUFFIX).or_else(|| name.strip_suffix(CANARY_SUFFIX)).unwrap_or(name)
}

/// How the rows of two inputs are put together. Times in µs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinSpec {
    pub kind: JoinKind,
    /// Pairs of columns, left and right, that are equal in rows that belong together.
    pub on: Vec<(String, String)>,
    /// Of an interval join: how far the right row's event time may be from the left one's, at least and at most.
    pub within: Option<(i64, i64)>,
    /// How far behind the watermark an interval join still takes rows.
    pub lateness: i64,
    /// Put before the names of right columns that the left input has as well.
    pub prefix: String,
}

/// A column that rows are put in order by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortColumn {
    pub name: String,
    /// From the greatest to the least, nulls last; else nulls are first.
    pub descending: bool,
}

/// Which rows leave a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// Pairs.
    Inner,
    /// Pairs, and left rows without a partner.
    Left,
    /// Pairs, and right rows without a partner.
    Right,
    /// Pairs, and all rows without a partner.
    Full,
    /// What a module makes of both sides' rows of a key.
    Cogroup,
}

impl JoinKind {
    /// As job files write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inner => "inner",
            Self::Left => "left",
            Self::Right => "right",
            Self::Full => "full",
            Self::Cogroup => "cogroup",
        }
    }

    /// Whether rows of a side (left, right) leave also without a partner.
    pub fn keeps(self) -> [bool; 2] {
        match self {
            Self::Inner => [false, false],
            Self::Left => [true, false],
            Self::Right => [false, true],
            Self::Full | Self::Cogroup => [true, true],
        }
    }
}

/// How a keyed operator keeps what it knows of a key. Times in µs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateSpec {
    /// How long the state of a key outlives its last row: by event time where the input has one, else by processing time.
    /// None: for ever.
    pub ttl: Option<i64>,
    /// Keys with state are called in every epoch, also without rows.
    pub idle_keys: bool,
    /// Rows that are further behind the watermark leave by the output of late rows; none: no row is late.
    pub lateness: Option<i64>,
    /// With what state tables begin: (state table, table of the job).
    pub initial: Vec<(String, String)>,
}

impl OperatorSpec {
    /// Its shadow as an operator of its own. None: it has none.
    pub fn shadow(&self) -> Option<Self> {
        let ShadowSpec { modules, reset } = self.shadow.clone()?;
        let name = format!("{}{SHADOW_SUFFIX}", self.name);
        let on_trap = self.on_trap.of_shadow();
        Some(Self { name, modules, on_trap, reset, shadow: None, draining: None, ..self.clone() })
    }

    /// Its canary as an operator of its own. None: it has none.
    pub fn canary(&self) -> Option<Self> {
        let modules = self.canary.as_ref()?.modules.clone();
        Some(Self {
            name: format!("{}{CANARY_SUFFIX}", self.name),
            modules,
            shadow: None,
            draining: None,
            ..self.clone()
        })
    }

    /// All modules that it names, those of its shadow, of its canary and of what it drains among them.
    pub fn all_modules(&self) -> impl Iterator<Item = &ModuleSpec> {
        let canary = self.canary.iter().flat_map(|canary| &canary.modules);
        let shadow = self.shadow.iter().flat_map(|shadow| &shadow.modules);
        let draining = self.draining.iter().flat_map(|draining| &draining.modules);
        self.modules.iter().chain(shadow).chain(canary).chain(draining)
    }

    /// It groups rows: it needs modules that fold or keep state.
    pub fn is_keyed(&self) -> bool {
        !self.key.is_empty() || self.window.is_some() || self.modules.iter().any(|module| module.alias.is_some())
    }
}

/// A module as an operator names it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleSpec {
    /// What its result is called, where there are several.
    pub alias: Option<String>,
    /// A path relative to the job file, `std:NAME`, or `name@version` of an engine's registry.
    pub reference: String,
    /// Always an object.
    pub options: serde_json::Value,
}

/// When the results of a window leave an aggregating operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emission {
    /// Once, when the watermark passes the window's end (and again for rows within the lateness).
    OnClose,
    /// After each epoch that changed them. The output is then a stream of updates by key.
    OnUpdate,
    /// When the window closes, and before that whenever so many µs of processing time have passed, those that changed.
    /// Updates as well.
    Early(i64),
}

/// Parts of the keyed state, unless the job says otherwise: fixed, so that output does not depend on the machine.
pub const PARTITIONS_DEFAULT: u16 = 8;
/// Of [`CheckpointSpec::snapshots`].
pub const SNAPSHOTS_DEFAULT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, PartialEq)]
pub struct SinkSpec {
    pub name: String,
    pub inputs: Vec<OutputRef>,
    /// The columns wanted, in this order; none: all.
    pub columns: Option<Vec<String>>,
    pub kind: SinkKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum SinkKind {
    Print(PrintSpec),
    File(FileSinkSpec),
    /// Boxed: it is large.
    Postgres(Box<PostgresSpec>),
    Blackhole,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrintSpec {
    /// Rows of each epoch.
    pub rows: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FileSinkSpec {
    /// A directory, relative to the job file.
    pub path: String,
    pub format: Format,
    /// For CSV, JSON lines and text; Parquet compresses its pages (`Zstd`, `Gzip`), Arrow IPC its buffers (`Zstd`).
    pub compression: Compression,
    /// A file is closed when it has this many bytes.
    pub roll_bytes: u64,
    /// A file is closed with the first epoch that comes so long after the one in which it began; none: age closes no file.
    pub roll_after: Option<Duration>,
    pub if_exists: IfExists,
    /// Columns whose values name folders; they are left out of the files.
    pub partition_by: Vec<String>,
}

/// A table of a PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresSpec {
    /// `postgresql://USER@HOST:PORT/DATABASE?sslmode=require`
    pub url: Secret,
    /// The environment variable that has the password.
    pub password_env: Option<String>,
    /// A file of certificates that the server's is checked against, relative to the job file; none: those of public authorities.
    pub ca: Option<String>,
    /// `TABLE` or `SCHEMA.TABLE`
    pub table: String,
    pub mode: SqlMode,
    /// Makes the table if it is missing.
    pub create: bool,
    /// The table in which the server remembers the last epoch of each sink.
    pub marker_table: String,
    /// How long a server that does not answer is waited for.
    pub retry: Duration,
}

/// What becomes of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlMode {
    Insert,
    /// The last row of each key stays.
    Upsert {
        key: Vec<String>,
    },
}

/// A text that may hold a password: it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a file sink does when its directory holds parts of an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IfExists {
    /// Refuse to start.
    #[default]
    Error,
    /// Remove them when the new parts are complete.
    Replace,
}

/// Metadata columns that a source may have.
pub const FILE_COLUMN: &str = "_file";
pub const OFFSET_COLUMN: &str = "_offset";

/// The port that rejected rows leave by.
pub const REJECTED_PORT: &str = "rejected";

/// The port that rows leave by whose windows are closed.
pub const LATE_PORT: &str = "late";

/// Options of a job that came from `--set PATH=VALUE`, by their path.
pub type Overrides = BTreeMap<String, String>;
