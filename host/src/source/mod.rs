//! Sources: where rows come from, as ranges that can be read again.
//!
//! ```text
//!  Planner (one, planner thread)          Decoder (one for each compute thread)
//!  "the next ranges are …"   ── Range ──►  "range r is these batches and these bad rows"
//! ```
//!
//! A [`Range`] is a cut of the input that does not depend on threads or timing: its `partition` and
//! `sequence` are the canonical order of everything that follows. It decodes to few batches (usually one, of
//! at most `batch.rows` rows), so that a range is also the unit of parallel work.
//!
//! Invariants: decoding the same range again gives the same batches; a bad row costs no other row; only the
//! columns asked for are decoded; a decoder holds one range's bytes at most.

use std::{fmt, net::SocketAddr, sync::Arc, time::Instant};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use pelton_core::checkpoint::record::{FileRecord, Position};

use crate::{
    checkpoint::{CheckpointError, InputLog},
    error::{Code, Coded},
};

/// A source, opened: its columns are known.
pub trait Source: Send + Sync {
    /// All columns on offer, declared or inferred, without metadata columns.
    fn schema(&self) -> SchemaRef;

    /// The metadata columns on offer (`_file`, `_offset`), which are decoded only when asked for.
    fn metadata(&self) -> SchemaRef;

    /// Lines about this source for `pelton plan`: files, bytes, whether the schema was inferred.
    fn describe(&self) -> Vec<(String, String)>;

    /// Bytes of input in all, as far as it is known: for the progress line.
    fn total_bytes(&self) -> Option<u64>;

    /// The files that there were when the source was opened, in the order in which they are read; empty for other sources.
    fn listed(&self) -> Vec<FileRecord> {
        Vec::new()
    }

    /// Goes on with an input that has been read up to `from`: `known` are the files that had been listed by then. They keep their order
    /// and their sizes, and files that are new come after them. Called before any planner or decoder is made.
    fn resume(&mut self, _known: &[FileRecord], _from: &Position) -> Result<(), SourceError> {
        Ok(())
    }

    /// Where its log is put, in which it keeps what it was given, before a planner is made. None: its input can be read again by itself.
    fn log_slot(&mut self) -> Option<&mut Option<InputLog>> {
        None
    }

    /// Whether more comes to it than it was given when its input ended, as far as can be known without a loss. Called only then; may wait
    /// for the first of it.
    fn is_given_more(&self) -> bool {
        false
    }

    /// Begins at `from`.
    fn planner_from(&self, from: &Position) -> Result<Box<dyn Planner>, SourceError>;

    /// Begins at the start of the input.
    fn planner(&self) -> Result<Box<dyn Planner>, SourceError> {
        self.planner_from(&Position::Start)
    }

    /// A planner that hands out only the first range of each partition from that of `from` on, to look how each begins. None: there is one
    /// partition, or what there will be is not known.
    fn beginnings(&self, from: &Position) -> Result<Option<Box<dyn Planner>>, SourceError>;

    /// A decoder of these columns (names from `schema` or `metadata`, in this order). Its batches have exactly these.
    fn decoder(&self, columns: &[String]) -> Result<Box<dyn Decoder>, SourceError>;
}

/// Hands out the input in canonical order.
pub trait Planner: Send {
    /// The next range. Blocks until there is one, but not past `deadline` (none: for ever).
    fn next(&mut self, deadline: Option<Instant>) -> Result<Next, SourceError>;

    /// Files that were found since this was asked last, and were not there when the source was opened.
    fn take_found(&mut self) -> Vec<FileRecord> {
        Vec::new()
    }

    /// Where it is: what comes after all ranges handed out so far. None: its input cannot be read again.
    fn bookmark(&self) -> Option<Bookmark>;

    /// Of a source with a log: the number of the frame at which a later run goes on, though this input has ended.
    fn log_end(&self) -> Option<u64> {
        None
    }

    /// Nobody wants more of the input. Whether there may be rows that it has answered for, which are to be taken to the end.
    fn drain(&mut self) -> bool {
        false
    }
}

/// A place in the input that is known for certain once everything before it has been decoded.
#[derive(Debug)]
pub struct Bookmark {
    position: Position,
    /// Knows where the first row behind the place begins.
    handoff: Option<file::handoff::Handoff>,
}

impl Bookmark {
    pub fn at(position: Position) -> Self {
        Self { position, handoff: None }
    }

    /// To be asked after the ranges before it have been decoded.
    pub fn resolve(self) -> Position {
        match (self.position, self.handoff.as_ref().and_then(file::handoff::Handoff::answer)) {
            (Position::Range { partition, sequence, offset, .. }, Some(file::handoff::Answer::Ends(rows_at))) => {
                Position::Range { partition, sequence, offset, rows_at: Some(rows_at) }
            }
            (position, _) => position,
        }
    }
}

#[derive(Debug)]
pub enum Next {
    Range(Range),
    /// Nothing by the deadline.
    Pending,
    /// The input has ended.
    End,
}

/// Reads ranges. Lives on one compute thread and keeps its buffers from range to range.
pub trait Decoder: Send {
    /// Decodes all of `range`, giving each batch to `emit` in order. `emit` says no when the job
    /// stops; the decoder then returns [`SourceError::Stopped`].
    fn decode(&mut self, range: &Range, emit: &mut dyn FnMut(Decoded) -> Emit) -> Result<(), SourceError>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emit {
    Continue,
    Stop,
}

/// A batch and the bad rows found while decoding it.
#[derive(Debug)]
pub struct Decoded {
    pub rows: RecordBatch,
    pub rejected: Vec<BadRow>,
}

/// A row that could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Byte offset of the row in its (decompressed) file; its number in formats that count rows.
    pub offset: u64,
    /// One sentence: which column, what was found.
    pub reason: String,
    /// The row's first bytes, [`BadRow::RAW_MAX`] at most; empty in formats whose rows are not text.
    pub raw: Vec<u8>,
}

impl BadRow {
    pub const RAW_MAX: usize = 4096;
}

/// How an error says where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowPlace {
    Byte(u64),
    Row(u64),
}

impl fmt::Display for RowPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(offset) => write!(f, "byte {offset}"),
            Self::Row(number) => write!(f, "row {number}"),
        }
    }
}

/// A cut of the input.
pub struct Range {
    /// Counts files, or other independent parts of the source, in canonical order.
    pub partition: u32,
    /// Position within the partition, in canonical order.
    pub sequence: u64,
    /// The file, or another name of the partition: for errors and `_file`.
    pub name: Arc<str>,
    /// Bytes of input this range stands for (before decompression where that is known).
    pub bytes: u64,
    /// How errors name the range: `bytes 0..524288`, `row group 3`, `rows 0..8192`.
    pub label: RangeLabel,
    /// What its own source's decoder needs.
    pub data: RangeData,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeLabel {
    Bytes(u64, u64),
    RowGroup(usize),
    RecordBatch(usize),
    Rows(u64, u64),
}

impl fmt::Display for RangeLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(start, end) => write!(f, "bytes {start}..{end}"),
            Self::RowGroup(index) => write!(f, "row group {index}"),
            Self::RecordBatch(index) => write!(f, "record batch {index}"),
            Self::Rows(start, end) => write!(f, "rows {start}..{end}"),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.label)
    }
}

impl fmt::Debug for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Range({}/{} {self})", self.partition, self.sequence)
    }
}

/// The kinds of range; each source makes and reads its own.
pub enum RangeData {
    /// Part of a plain file of rows.
    File(file::lines::FileRange),
    /// Whole rows that were read from a stream: decompressed, or received.
    Bytes(file::lines::BytesRange),
    /// A run of rows of one Parquet row group.
    Parquet(file::parquet::ParquetRange),
    /// One record batch of an Arrow IPC file.
    Ipc(file::ipc::IpcRange),
    /// Rows of a generator, `start..end`.
    Generated { start: u64, end: u64 },
}

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("no file matches `{path}`")]
    NoFile { path: String },
    #[error("`{path}` is not a glob: {reason}")]
    Glob { path: String, reason: String },
    #[error("failed to {action} {file}")]
    Io { action: &'static str, file: String, source: std::io::Error },
    #[error("{file} cannot be read as {format}: {reason}")]
    Corrupt { file: String, format: &'static str, reason: String },
    #[error("bad row in {file} at {place}: {reason}")]
    BadRow { file: String, place: RowPlace, reason: String },
    #[error("the schema of {file} cannot be inferred: {reason}")]
    Inference { file: String, reason: String },
    #[error("{file} does not fit the source's schema: {reason}")]
    Schema { file: String, reason: String },
    #[error("its columns cannot be read: {reason}")]
    Types { reason: String },
    #[error("the generator's {what} cannot be used: {reason}")]
    Generator { what: String, reason: String },
    #[error("{file} was read up to here by an earlier run, and is {now}")]
    Moved { file: String, now: String },
    #[error("{file} was read by an earlier run with another `tail`, so that nobody knows what of it is new")]
    OtherTail { file: String },
    #[error("{file} is not there any more, under whatever name in its directory, and has not been read to its end")]
    Gone { file: String },
    #[error("{file} has become shorter than the {bytes} bytes that were found in it")]
    Shrunk { file: String, bytes: u64 },
    #[error("failed to listen on {address}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("the log of what {name} was given cannot be used")]
    Log { name: String, source: Box<CheckpointError> },
    #[error("a frame in the log of what {name} was given cannot be decoded: {reason}")]
    Logged { name: String, reason: String },
    #[error("the source has no column `{column}`")]
    NoColumn { column: String },
    /// The job stops: not an error of the source.
    #[error("stopped")]
    Stopped,
}

impl Coded for SourceError {
    fn code(&self) -> Code {
        match self {
            Self::NoFile { .. } => Code::SourceMissing,
            Self::Io { .. }
            | Self::Corrupt { .. }
            | Self::Moved { .. }
            | Self::OtherTail { .. }
            | Self::Gone { .. }
            | Self::Shrunk { .. }
            | Self::Stopped => Code::SourceUnreadable,
            Self::BadRow { .. } => Code::BadRow,
            Self::Inference { .. } => Code::SchemaInference,
            Self::Generator { .. } | Self::Glob { .. } => Code::WrongValue,
            Self::Schema { .. } | Self::Types { .. } | Self::NoColumn { .. } => Code::SchemaMismatch,
            Self::Listen { .. } => Code::SourceListen,
            Self::Log { source, .. } => source.code(),
            Self::Logged { .. } => Code::CheckpointDamaged,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::NoFile { .. } => "paths are relative to the job file; check the spelling, or quote the glob".into(),
            Self::Glob { .. } => "in a path `*`, `?`, `[…]` and `{…}` have the meaning that a shell gives them".into(),
            Self::Types { .. } => "declare other types; Parquet, Arrow and JSON lines have lists and structs".into(),
            Self::Io { .. } => "check that the file exists and may be read".into(),
            Self::Corrupt { .. } => "check `format` and `compression`, or take the file out of the path".into(),
            Self::BadRow { .. } => {
                "mend the row, or let bad rows go to `source.rejected` with `on-bad-row = \"reject\"`".into()
            }
            Self::Inference { .. } => "declare the columns with `schema = { … }`".into(),
            Self::Schema { .. } => "declare the columns that the file has, or take the file out of the path".into(),
            Self::Generator { .. } => "correct it in the source's table of the job file".into(),
            Self::Moved { .. } => {
                "put the file back as it was, or start over with `--fresh`, which forgets what was done".into()
            }
            Self::OtherTail { .. } => {
                "leave `tail` as it was, give the files to a job of their own, or start over with `--fresh`".into()
            }
            Self::Gone { .. } | Self::Shrunk { .. } => {
                "let files grow until they have been read, and rotate them by renaming; `--fresh` forgets what was done"
                    .into()
            }
            Self::Listen { .. } => {
                "another process may have the port: choose one that is free, or stop the other one".into()
            }
            Self::Log { source, .. } => return source.help(),
            Self::Logged { .. } => "put a good copy of the checkpoint in place, or start over with `--fresh`".into(),
            Self::NoColumn { .. } | Self::Stopped => return None,
        })
    }
}

pub mod file;
pub mod generator;
pub mod live;
pub mod metadata;
pub mod table;

#[cfg(test)]
pub mod testing;
