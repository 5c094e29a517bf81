//! Row formats (CSV, JSON lines, text): files cut into ranges of whole rows.
//!
//! A plain file is cut at fixed byte positions ([`FileRange`]); a stream (compressed, or standard input) is cut at
//! row ends by whoever reads it ([`BytesRange`]). [`super::rows::RowsDecoder`] decodes both.
//!
//! Invariants: a row belongs to the range that it begins in; which rows come out does not depend on where the cuts are.

use std::sync::Arc;

use crate::source::{
    BadRow, Decoded, SourceError,
    file::{handoff::Handoff, listing::ListedFile},
};

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

/// A row format. Lives on one compute thread and keeps its buffers. It always puts bad rows aside: failing the
/// job because of one (`on-bad-row = "fail"`) is left to the caller.
pub trait RowDecoder: Send {
    /// Decodes the rows that begin in `bytes[..limit]` and end within `bytes`; answers how many bytes
    /// they take. What is left begins with a row that needs more bytes, or with the next range's row, or is
    /// empty. Adds batches of at most `batch.rows` rows to `out`; bad rows go with the batch that they were found in.
    fn decode(&mut self, chunk: &Chunk<'_>, out: &mut Vec<Decoded>) -> Result<usize, SourceError>;
}

/// What the first lines of one input say, before its first row. The default is an input without them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// Offset of the first row: after a byte order mark, skipped lines and a header.
    pub rows_at: u64,
    /// The header's names in the order of the input's fields, when there is a header.
    pub names: Option<Vec<String>>,
}

/// UTF-8's, which some programs put in front of their files.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether `bytes` are the first ones of `mark`, so that more of them are needed to know.
pub fn is_beginning(mark: &[u8], bytes: &[u8]) -> bool {
    bytes.len() < mark.len() && mark.starts_with(bytes)
}

/// Part of a plain file of rows: those that begin in `start..end`.
#[derive(Debug)]
pub struct FileRange {
    pub(super) file: Arc<ListedFile>,
    pub(super) head: Arc<Head>,
    pub(super) start: u64,
    pub(super) end: u64,
    /// Where the rows really begin, when a newline does not tell.
    pub(super) handoff: Option<Handoff>,
}

/// Whole rows that were read from a stream.
#[derive(Debug)]
pub struct BytesRange {
    /// Whole rows, without the input's head.
    pub bytes: Vec<u8>,
    /// Offset of the first byte in the decompressed input.
    pub offset: u64,
    /// The input ends here, so the last row needs no newline.
    pub at_end: bool,
    /// What the input's first lines said; shared by all of its ranges.
    pub head: Arc<Head>,
    /// Rows after `bytes` that were too long to keep.
    pub rejected: Vec<BadRow>,
}

/// The bad row that begins at `offset` with `text`, and is longer than it may be.
pub fn too_long(offset: u64, text: &[u8], max_row_bytes: usize) -> BadRow {
    let raw = text.get(..BadRow::RAW_MAX).unwrap_or(text).to_vec();
    BadRow { offset, reason: format!("the row is longer than {max_row_bytes} bytes (`max-row-bytes`)"), raw }
}
