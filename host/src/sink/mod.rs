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

use arrow::array::RecordBatch;
use pelton_core::model::Epoch;

use crate::error::{Code, Coded};

/// A sink, opened for one job with the schema of what it will receive.
pub trait Sink: Send + Sync {
    fn encoder(&self) -> Result<Box<dyn Encoder>, SinkError>;

    /// Called once. Claims what the writer needs (a directory, a first temp file) and refuses what cannot work.
    fn writer(&self) -> Result<Box<dyn Writer>, SinkError>;

    /// Lines about this sink for `pelton plan`.
    fn describe(&self) -> Vec<(String, String)>;
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
    /// Formats whose writer needs the batches in order.
    Batch(RecordBatch),
    /// One commutative checksum for each column.
    Checksums(Vec<u64>),
}

/// Stores what encoders made.
pub trait Writer: Send {
    fn write(&mut self, encoded: Encoded) -> Result<(), SinkError>;

    /// All of `epoch` has been written.
    fn end_epoch(&mut self, epoch: Epoch) -> Result<(), SinkError>;

    /// The job has ended, or was asked to: makes everything written visible. A writer that is dropped
    /// without this leaves nothing behind under a final name, and removes its temp files.
    fn finish(&mut self) -> Result<SinkSummary, SinkError>;
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
    #[error("{format} cannot hold column `{column}` of type {data_type}")]
    Unsupported { format: &'static str, column: String, data_type: String },
    #[error("failed to encode {format}: {reason}")]
    Encode { format: &'static str, reason: String },
}

impl Coded for SinkError {
    fn code(&self) -> Code {
        match self {
            Self::Exists { .. } => Code::SinkExists,
            Self::Io { .. } | Self::Encode { .. } => Code::SinkUnwritable,
            Self::Unsupported { .. } => Code::SinkUnsupported,
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::Exists { .. } => "choose another path, remove the files, or set `if-exists = \"replace\"`".into(),
            Self::Io { .. } => "check that the directory may be written and has space".into(),
            Self::Unsupported { .. } => "leave the column out with `columns = [ … ]`, or write Parquet or Arrow".into(),
            Self::Encode { .. } => return None,
        })
    }
}

pub mod blackhole;
pub mod file;
pub mod print;
