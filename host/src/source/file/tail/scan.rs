//! Where complete rows end in a file that grows.
//!
//! Called for each file that has more bytes than before. Bytes are looked through once, in pieces that are not kept. Invariant: a part ends behind a
//! row's end and begins where the one before it ended, so that half a row is in no part.

use std::{fs::File, io, os::unix::fs::FileExt};

use memchr::memrchr;

use crate::source::file::{csv::RowScanner, format::RowFormat};

/// Bytes that are read at once.
const PIECE_BYTES: usize = 256 << 10;
/// Bytes of a part, about: rows of a large file are handed out before all of it has been looked through.
const PART_BYTES: u64 = 16 << 20;
/// Bytes that one look goes through.
const LOOK_BYTES: u64 = 64 << 20;

/// How far a file has been looked through.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Bytes before it have been looked at.
    pub(super) seen: u64,
    /// Where newlines do not tell where rows end: what is known at `seen`.
    scanner: Option<RowScanner>,
}

/// What a look has found.
pub(super) struct Found {
    /// The ends of parts, each behind a row.
    pub(super) ends: Vec<u64>,
    /// There are bytes that it did not come to.
    pub(super) has_more: bool,
}

impl Scan {
    /// Looks through `file` up to `size`; rows before `from` have been handed out, and one begins there.
    pub(super) fn look(
        &mut self,
        file: &File,
        (from, size): (u64, u64),
        format: &RowFormat,
        buffer: &mut Vec<u8>,
    ) -> io::Result<Found> {
        buffer.resize(PIECE_BYTES, 0);
        let mut at = self.seen.max(from);
        if self.scanner.is_none() && !format.rows_end_at_newlines() {
            at = from;
            self.scanner = Some(format.scanner());
        }
        let stop = size.min(at.saturating_add(LOOK_BYTES));
        let (mut ends, mut begin, mut last) = (Vec::new(), from, None);
        while at < stop {
            let want = usize::try_from(stop - at).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            let count = file.read_at(buffer.get_mut(..want).unwrap_or_default(), at)?;
            let piece = buffer.get(..count).unwrap_or_default();
            if piece.is_empty() {
                break;
            }
            if let Some(end) = self.last_end(piece) {
                last = Some(at + end as u64);
            }
            at += count as u64;
            if let Some(end) = last.take_if(|end| *end - begin >= PART_BYTES) {
                ends.push(end);
                begin = end;
            }
        }
        ends.extend(last);
        self.seen = at;
        Ok(Found { ends, has_more: stop < size && at == stop })
    }

    /// Where the last row ends in `piece`, which follows what was seen.
    fn last_end(&mut self, piece: &[u8]) -> Option<usize> {
        let Some(scanner) = &mut self.scanner else { return memrchr(b'\n', piece).map(|newline| newline + 1) };
        let mut end = 0;
        while let Some(more) = scanner.next_end(piece.get(end..).unwrap_or_default()) {
            end += more;
        }
        (end > 0).then_some(end)
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, sync::Arc};

    use arrow::datatypes::{DataType, Field, Schema};
    use pelton_core::job::{CsvDialect, Format, JsonOptions};

    use super::*;

    fn format(format: &Format) -> RowFormat {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
        RowFormat::new(format, schema, 8192, 1 << 20).unwrap()
    }

    /// The end of the rows that are complete after each of these was added.
    fn ends(format: &RowFormat, texts: &[&str]) -> Vec<Option<u64>> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let (mut scan, mut from, mut size) = (Scan::default(), 0, 0);
        let mut buffer = Vec::new();
        let mut one = |text: &&str| {
            file.write_all(text.as_bytes()).unwrap();
            size += text.len() as u64;
            let found = scan.look(file.as_file(), (from, size), format, &mut buffer).unwrap();
            assert!(!found.has_more && found.ends.len() <= 1);
            from = found.ends.last().copied().unwrap_or(from);
            found.ends.last().copied()
        };
        texts.iter().map(&mut one).collect()
    }

    #[test]
    fn a_line_that_was_cut_is_none_until_its_end_has_come() {
        let json = format(&Format::Json(JsonOptions::default()));
        assert_eq!(ends(&json, &["1\n2", "2", "2\n", "", "\n3"]), [Some(2), None, Some(6), None, Some(7)]);
    }

    #[test]
    fn a_newline_in_quotes_ends_no_row_in_whatever_pieces_it_comes() {
        let csv = format(&Format::Csv(CsvDialect::default()));
        assert_eq!(ends(&csv, &["x\n\"a", "\n", "b\"", "\ny\n"]), [Some(2), None, None, Some(10)]);
        let plain = format(&Format::Csv(CsvDialect { quote: None, ..CsvDialect::default() }));
        assert_eq!(ends(&plain, &["x\n\"a", "\n", "b\"", "\ny\n"]), [Some(2), Some(5), None, Some(10)]);
    }

    #[test]
    fn a_large_file_is_handed_out_in_parts() {
        let json = format(&Format::Json(JsonOptions::default()));
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let line = [b"x".repeat(1 << 20), b"\n".to_vec()].concat();
        (0..70).for_each(|_| file.write_all(&line).unwrap());
        let (size, row) = (70 * line.len() as u64, line.len() as u64);
        let (mut scan, mut buffer) = (Scan::default(), Vec::new());
        let first = scan.look(file.as_file(), (0, size), &json, &mut buffer).unwrap();
        assert!(first.has_more && first.ends.len() == 4, "{:?}", first.ends);
        assert!(first.ends.iter().all(|end| end % row == 0));
        let rest = scan.look(file.as_file(), (*first.ends.last().unwrap(), size), &json, &mut buffer).unwrap();
        assert_eq!((rest.ends, rest.has_more), (vec![size], false));
    }
}
