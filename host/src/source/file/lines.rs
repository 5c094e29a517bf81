//! Row formats (CSV, JSON lines, text): files cut into ranges of whole rows.

use std::sync::Arc;

use crate::source::{Decoded, SourceError};

/// Bytes to decode, from a row's start on.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'a> {
    pub bytes: &'a [u8],
    /// Offset of the first byte in its (decompressed) file.
    pub offset: u64,
    /// Rows that begin at or after this index belong to the next range.
    pub limit: usize,
    /// `bytes` reaches the end of the input, so the last row needs no newline.
    pub at_end: bool,
    /// The file's name, for `_file`.
    pub name: &'a Arc<str>,
}

/// A row format. Lives on one compute thread and keeps its buffers.
pub trait RowDecoder: Send {
    /// Decodes the rows that begin in `bytes[..limit]` and end within `bytes`; answers how many bytes
    /// they take. What is left begins with a row that needs more bytes, or with the next range's row, or is
    /// empty. Adds batches of at most `batch.rows` rows to `out`; bad rows go with the batch that they were found in.
    fn decode(&mut self, chunk: &Chunk<'_>, out: &mut Vec<Decoded>) -> Result<usize, SourceError>;
}

pub struct FileRange;
pub struct BytesRange;
