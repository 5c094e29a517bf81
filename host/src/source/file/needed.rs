//! Which bytes of a file must be at hand to read the rows between two places again.
//!
//! Called when an epoch is packed into a bundle. Plain files of rows need their head and what lies between the places, to the end of the last
//! row; what is compressed or points into itself is needed whole. Invariant: a decoder of these ranges asks for no other byte to make its rows.

use std::{ops::Range, os::unix::fs::FileExt};

use memchr::memchr;
use pelton_core::job::{FileSourceSpec, Format};

use super::{codec, listing::ListedFile, plan};
use crate::source::SourceError;

/// Bytes at the start of a file by which its kind may be known.
const FIRST_BYTES: u64 = 4096;
const PIECE_BYTES: usize = 64 << 10;

/// Where a file is read to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Until {
    /// The cut: rows that begin before it are read.
    pub offset: u64,
    /// Where the first row behind it begins, if it is known.
    pub rows_at: Option<u64>,
}

/// Ranges of bytes in order, without overlaps. `from` is where the first range is cut (none: at the first row), `to` where the last one ends
/// (none: with the file).
pub fn needed(
    spec: &FileSourceSpec,
    file: &ListedFile,
    from: Option<u64>,
    to: Option<Until>,
) -> Result<Vec<Range<u64>>, SourceError> {
    let whole = 0..file.bytes;
    if matches!(spec.format, Format::Parquet | Format::Ipc) || codec::of_file(file, spec.compression)?.is_some() {
        return Ok(vec![whole]);
    }
    let head = plan::head(spec, file)?;
    let first = 0..head.rows_at.max(FIRST_BYTES).min(file.bytes);
    // The byte before a cut says whether a row begins there.
    let start = from.map_or(head.rows_at, |from| from.saturating_sub(1)).min(file.bytes);
    let end = match to {
        None => file.bytes,
        Some(Until { offset, rows_at: Some(rows_at) }) => rows_at.max(offset),
        Some(Until { offset, rows_at: None }) => row_end(file, offset)?,
    };
    let rows = start..end.clamp(start, file.bytes);
    if rows.start > first.end {
        return Ok(vec![first, rows]);
    }
    let both = 0..rows.end.max(first.end);
    Ok(vec![both])
}

/// Where the row ends that lies over a cut.
fn row_end(file: &ListedFile, cut: u64) -> Result<u64, SourceError> {
    let failed = |action| move |source| SourceError::Io { action, file: file.name.to_string(), source };
    let opened = std::fs::File::open(&file.path).map_err(failed("open"))?;
    let mut at = cut.saturating_sub(1);
    let mut piece = vec![0; PIECE_BYTES];
    while at < file.bytes {
        let count = opened.read_at(&mut piece, at).map_err(failed("read"))?;
        let read = piece.get(..count).unwrap_or_default();
        if read.is_empty() {
            break;
        }
        if let Some(newline) = memchr(b'\n', read) {
            return Ok((at + newline as u64 + 1).min(file.bytes));
        }
        at += count as u64;
    }
    Ok(file.bytes)
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, sync::Arc};

    use pelton_core::job::{Compression, CsvDialect};

    use super::*;

    fn spec(header: bool, format: Option<Format>) -> FileSourceSpec {
        FileSourceSpec {
            paths: Vec::new(),
            format: format.unwrap_or(Format::Csv(CsvDialect { header, ..CsvDialect::default() })),
            compression: Compression::Auto,
            schema: None,
            max_row_bytes: 1 << 20,
            watch: None,
            tail: false,
        }
    }

    #[test]
    fn plain_files_need_their_head_and_what_lies_between_the_places() {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("x.csv");
        let text: String =
            std::iter::once("a,b\n".to_owned()).chain((0..2_000).map(|n| format!("{n:08},x\n"))).collect();
        std::fs::write(&path, &text).unwrap();
        let bytes = text.len() as u64;
        let file = ListedFile { path, name: Arc::from("x.csv"), bytes, growth: None };
        let of = |from, to| needed(&spec(true, None), &file, from, to).unwrap();
        let one = |range| vec![range];
        assert_eq!(of(None, None), one(0..bytes));
        let until = |offset, rows_at| Some(Until { offset, rows_at });
        // Rows have 11 bytes, and begin at 4.
        assert_eq!(of(Some(10_000), None), [0..4096, 9_999..bytes]);
        assert_eq!(of(Some(10_000), until(12_000, None)), [0..4096, 9_999..12_005]);
        assert_eq!(of(Some(10_000), until(12_005, None)), [0..4096, 9_999..12_005], "a cut at a row's start");
        assert_eq!(of(Some(10_000), until(12_000, Some(12_016))), [0..4096, 9_999..12_016]);
        assert_eq!(of(None, until(20, None)), one(0..4096));
        assert_eq!(of(Some(bytes - 3), until(bytes - 1, None)), [0..4096, bytes - 4..bytes]);
        assert_eq!(needed(&spec(false, Some(Format::Parquet)), &file, Some(9), None).unwrap(), one(0..bytes));
    }
}
