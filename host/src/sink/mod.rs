//! Sinks: where rows go.
//!
//! ```text
//!  Encoder (one for each compute thread)         Writer (one, sink thread, canonical order)
//!  RecordBatch ──► Encoded                  ──►   temp file … finish: rename
//! ```
//!
//! What costs time (formatting, hashing) happens in encoders, in parallel; what must be in order happens
//! in the writer, which receives everything in canonical order whatever the number of threads.
//! Invariant: nothing is visible under its final name before it is whole.

use std::path::Path;

use arrow::{
    array::RecordBatch,
    datatypes::{Field, SchemaRef},
};
use pelton_core::{
    checkpoint::record::{FileRef, SinkState},
    hash,
    job::{SinkKind, SinkSpec},
    model::Epoch,
    types,
};

use self::{
    blackhole::BlackholeSink,
    file::FileSink,
    postgres::{PostgresError, PostgresSink},
    print::{PrintSink, PrintTarget},
};
use crate::{
    checkpoint::{CheckpointError, CommitPermit, Files},
    error::{Code, Coded},
};

/// Opens a sink for rows of `schema`, which is already what the sink's `columns` ask for. Relative paths start at
/// `base`, the job file's directory. Nothing is written before [`Sink::writer`]: a plan leaves no trace.
pub fn open(spec: &SinkSpec, schema: SchemaRef, base: &Path, print: &PrintTarget) -> Result<Box<dyn Sink>, SinkError> {
    Ok(match &spec.kind {
        SinkKind::Print(options) => Box::new(PrintSink::open(&spec.name, options, schema, print)?),
        SinkKind::File(options) => Box::new(FileSink::open(options, schema, base)?),
        SinkKind::Postgres(options) => Box::new(PostgresSink::open(&spec.name, options, schema, base)?),
        SinkKind::Blackhole => Box::new(BlackholeSink::open(schema)?),
    })
}

/// A sink, opened for one job with the schema of what it will receive.
pub trait Sink: Send + Sync {
    fn encoder(&self) -> Result<Box<dyn Encoder>, SinkError>;

    /// Called once. Claims what the writer needs (a directory, a first temp file) and refuses what cannot work. What it
    /// writes is visible when the job has ended.
    fn writer(&self) -> Result<Box<dyn Writer>, SinkError>;

    /// The same for a job that keeps checkpoints: what it writes is visible epoch by epoch, each once it has been committed.
    fn epoch_writer(&self, _begin: &Begin<'_>) -> Result<Box<dyn Writer>, SinkError> {
        self.writer()
    }

    /// Lines about this sink for `pelton plan`.
    fn describe(&self) -> Vec<(String, String)>;
}

/// What the writer of a job that keeps checkpoints goes on from.
#[derive(Debug)]
pub struct Begin<'a> {
    /// The job's name.
    pub job: &'a str,
    /// Of this process among all that took the job over.
    pub generation: u64,
    /// What the last committed epoch prepared; none: nothing has been committed to this sink as it is.
    pub last: Option<&'a SinkState>,
    /// Keeps what has to wait until its epoch is published.
    pub files: Files,
}

/// Turns batches into what the writer stores. Lives on one compute thread and keeps its buffers.
pub trait Encoder: Send {
    fn encode(&mut self, rows: &RecordBatch) -> Result<Encoded, SinkError>;
}

/// An encoded batch.
#[derive(Debug)]
pub struct Encoded {
    pub rows: u64,
    pub payload: Payload,
}

#[derive(Debug)]
pub enum Payload {
    /// Text, whole rows.
    Bytes(Vec<u8>),
    /// Text of whole rows as one gzip member or zstd frame.
    Compressed(Vec<u8>),
    /// Formats whose writer needs the batches in order.
    Batch(RecordBatch),
    /// One commutative checksum for each column.
    Checksums(Vec<u64>),
    /// Rows in the form of a server's table, with the hash of their values: the form may change with the table.
    Rows { bytes: Vec<u8>, hash: u64 },
    /// The rows of each folder, in the order of their first ones.
    Folders(Vec<(String, Encoded)>),
}

impl Encoded {
    /// The hash of what was encoded before, and of this.
    pub fn hash(&self, before: u64) -> u64 {
        let own = match &self.payload {
            Payload::Bytes(bytes) | Payload::Compressed(bytes) => hash::hash_bytes(bytes),
            Payload::Batch(rows) => hash_of(rows),
            Payload::Rows { hash, .. } => *hash,
            Payload::Folders(folders) => folders.iter().fold(0, |before, (folder, encoded)| {
                encoded.hash(hash::combine(before, hash::hash_bytes(folder.as_bytes())))
            }),
            Payload::Checksums(sums) => sums.iter().copied().fold(0, hash::combine),
        };
        hash::combine(before, hash::combine(self.rows, own))
    }

    /// Memory that it holds until it is written, about.
    pub fn held_bytes(&self) -> usize {
        match &self.payload {
            Payload::Bytes(bytes) | Payload::Compressed(bytes) | Payload::Rows { bytes, .. } => bytes.len(),
            Payload::Batch(rows) => rows.get_array_memory_size(),
            Payload::Checksums(sums) => size_of_val(sums.as_slice()),
            Payload::Folders(folders) => folders.iter().map(|(_, encoded)| encoded.held_bytes()).sum(),
        }
    }
}

/// The hash of a batch by its values. A type without a checksum counts by its rows alone.
fn hash_of(rows: &RecordBatch) -> u64 {
    let sums = rows.columns().iter().map(|column| checksum::checksum(column.as_ref()).unwrap_or_default());
    sums.fold(0, hash::combine)
}

/// Stores what encoders made.
pub trait Writer: Send {
    fn write(&mut self, encoded: Encoded) -> Result<(), SinkError>;

    /// All of an epoch has been written: whatever is left to do to make it visible is in the answer, or durable.
    fn prepare(&mut self, end: Closing) -> Result<Prepared, SinkError>;

    /// The processing time (in µs) at which it wants an epoch to end though no row comes. None: it waits for nothing.
    fn due(&self) -> Option<i64> {
        None
    }

    /// Makes visible what was prepared and then committed. To do it again changes nothing.
    fn publish(&mut self, permit: &CommitPermit, prepared: &Prepared) -> Result<(), SinkError>;

    /// What was published survives a power cut from now on.
    fn sync(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    /// Goes on after an earlier run, whose committed epochs have all been published; `last` is what the last of them prepared. What
    /// it wrote and did not commit goes.
    fn recover(&mut self, _last: &SinkState) -> Result<(), SinkError> {
        Ok(())
    }

    /// The job has ended, or was asked to: makes everything written visible. A writer that is dropped without
    /// this removes its temp files; all it can leave behind are parts that were whole and had been rolled.
    fn finish(&mut self) -> Result<SinkSummary, SinkError>;
}

/// The end of an epoch, as its record has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    pub epoch: Epoch,
    /// Processing time of the epoch, in µs: the only clock of a sink, so that an epoch has one outcome.
    pub now: i64,
    /// No epoch comes after it.
    pub is_end: bool,
}

/// What the commit record must know of an epoch's output.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    pub state: SinkState,
    /// Bytes that are kept beside the record until they have been published.
    pub outbox: Vec<u8>,
    /// Files of the checkpoint with what comes before these bytes, kept as long.
    pub files: Vec<FileRef>,
}

/// What a sink did, for the summary.
#[derive(Debug, Clone, Default)]
pub struct SinkSummary {
    pub rows: u64,
    pub bytes: u64,
    /// Lines of detail: files written, checksums by column.
    pub details: Vec<(String, String)>,
}

#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    #[error("{path} already holds {file} from an earlier run")]
    Exists { path: String, file: String },
    #[error("failed to {action} {path}")]
    Io { action: &'static str, path: String, source: std::io::Error },
    #[error("{path} does not hold what was committed to it: {reason}")]
    Damaged { path: String, reason: String },
    #[error("{path} is in use by another writer")]
    Busy { path: String },
    #[error("{format} cannot hold column `{column}` of type {data_type}")]
    Unsupported { format: &'static str, column: String, data_type: String },
    #[error("{format} needs {needs}, not {count} columns")]
    Columns { format: &'static str, needs: &'static str, count: usize },
    #[error("{format} files cannot be compressed by {compression}")]
    Compression { format: &'static str, compression: &'static str },
    #[error("`partition-by` has a column `{column}` that the sink does not have")]
    NoFolderColumn { column: String },
    #[error("an epoch has rows for more than {most} folders of {path}")]
    TooManyFolders { path: String, most: usize },
    #[error("failed to encode {format}: {reason}")]
    Encode { format: &'static str, reason: String },
    #[error("the rows of an epoch cannot be kept until they are published")]
    Outbox { source: CheckpointError },
    /// Boxed: it is large.
    #[error(transparent)]
    Postgres(Box<PostgresError>),
}

impl From<PostgresError> for SinkError {
    fn from(error: PostgresError) -> Self {
        Self::Postgres(Box::new(error))
    }
}

impl SinkError {
    fn unsupported(format: &'static str, field: &Field) -> Self {
        let data_type = types::name(field.data_type());
        Self::Unsupported { format, column: field.name().clone(), data_type }
    }

    /// Another attempt may come further.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Postgres(error) => error.may_pass(),
            Self::Outbox { source } => source.code() == Code::CheckpointUnwritable,
            _ => true,
        }
    }
}

impl Coded for SinkError {
    fn code(&self) -> Code {
        match self {
            Self::Exists { .. } => Code::SinkExists,
            Self::Busy { .. } => Code::SinkBusy,
            Self::NoFolderColumn { .. } => Code::ColumnMismatch,
            Self::Io { .. } | Self::Encode { .. } | Self::Damaged { .. } | Self::TooManyFolders { .. } => {
                Code::SinkUnwritable
            }
            Self::Unsupported { .. } | Self::Columns { .. } | Self::Compression { .. } => Code::SinkUnsupported,
            Self::Outbox { source } => source.code(),
            Self::Postgres(error) => error.code(),
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::Exists { .. } => "choose another path, remove the files, or set `if-exists = \"replace\"`".into(),
            Self::Busy { .. } => "give each sink a path of its own, or wait until the other run has ended".into(),
            Self::Io { action: print::PRINT, source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe => {
                "whoever read the output has gone: leave it open, or take another sink".into()
            }
            Self::Io { action: print::PRINT, .. } => "the output of the process must take what is printed".into(),
            Self::Io { .. } => "check that the directory may be written and has space".into(),
            Self::Unsupported { .. } => "leave the column out with `columns = [ … ]`, or write Parquet or Arrow".into(),
            Self::NoFolderColumn { .. } => "name columns of the sink's input, or add it to `columns`".into(),
            Self::TooManyFolders { .. } => {
                "partition by columns with fewer values, or close epochs earlier (`batch.max-bytes`)".into()
            }
            Self::Columns { .. } => "choose with `columns = [ … ]`".into(),
            Self::Compression { .. } => "set `compression` to \"zstd\" or \"none\"".into(),
            Self::Damaged { .. } => {
                "put the files back as the job left them, or start over with `--fresh` into another directory".into()
            }
            Self::Encode { .. } => return None,
            Self::Outbox { source } => return source.help(),
            Self::Postgres(error) => return error.help(),
        })
    }
}

pub mod blackhole;
pub mod checksum;
pub mod file;
pub mod postgres;
pub mod print;
mod value;
