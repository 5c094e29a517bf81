//! An entry for fuzzing: whatever the bytes, all ways to read them must agree.
//!
//! Called by the fuzz target of the row splitters and by the tests.

use std::sync::Arc;

use arrow::{
    array::RecordBatch,
    compute::concat_batches,
    datatypes::{DataType, Field, Schema},
};
use pelton_core::job::{CsvDialect, OFFSET_COLUMN};

use super::{
    CsvDecoder, CsvFormat, RowScanner,
    row::{Fields, Row},
};
use crate::source::{
    BadRow, Decoded,
    file::lines::{Chunk, Head, RowDecoder},
};

/// Reads `data` as CSV (its first bytes choose a dialect and a place to cut), and panics if the rows depend on where it
/// was cut, or if rows end elsewhere when they are only scanned.
pub fn fuzz_split(data: &[u8]) {
    let Some(([flags, cut, width], text)) = data.split_first_chunk::<3>() else { return };
    let dialect = dialect(*flags);
    let ends = row_ends(text, &dialect);
    let cut = usize::from(*cut) % (text.len() + 1);
    assert_eq!(ends, scanned_ends(text, cut, &dialect), "row ends of {text:?} cut at {cut} in {dialect:?}");
    let format = format(dialect, usize::from(*width % 5) + 1, 64);
    let whole = in_pieces(&format, text, text.len().max(1), text.len().max(1));
    for (limit, step) in [(cut + 1, 1), (cut + 1, 7), (1, 3), (text.len() + 1, 5)] {
        let pieces = in_pieces(&format, text, limit, step);
        assert_eq!(whole, pieces, "{text:?} in {limit} and {step} in {format:?}");
    }
}

fn dialect(flags: u8) -> CsvDialect {
    CsvDialect {
        delimiter: if flags & 1 == 0 { b',' } else { b'\t' },
        quote: (flags & 2 == 0).then_some(b'"'),
        escape: (flags & 4 != 0).then_some(b'\\'),
        comment: (flags & 8 != 0).then_some(b'#'),
        trim: flags & 16 != 0,
        null_tokens: if flags & 32 == 0 { Vec::new() } else { vec!["N".to_owned()] },
        ..CsvDialect::default()
    }
}

/// Columns of different types.
fn format(dialect: CsvDialect, width: usize, max_row_bytes: usize) -> CsvFormat {
    let types = [DataType::Binary, DataType::Utf8, DataType::Int64, DataType::Date32, DataType::Boolean];
    let fields = types.into_iter().take(width).enumerate();
    let fields: Vec<_> = fields.map(|(at, data_type)| Field::new(format!("c{at}"), data_type, at % 2 == 1)).collect();
    CsvFormat { dialect, schema: Arc::new(Schema::new(fields)), batch_rows: 3, max_row_bytes }
}

/// Where the rows (blank lines and comments too) end, by the exact reading.
fn row_ends(text: &[u8], dialect: &CsvDialect) -> Vec<usize> {
    let (mut fields, mut ends, mut at) = (Fields::default(), Vec::new(), 0);
    while let Some(rest) = text.get(at..) {
        match fields.read(rest, dialect, false) {
            Row::Fields { end, .. } | Row::Nothing { end } => at += end,
            Row::Incomplete => break,
        }
        ends.push(at);
    }
    ends
}

fn scanned_ends(text: &[u8], cut: usize, dialect: &CsvDialect) -> Vec<usize> {
    let (mut scanner, mut ends) = (RowScanner::new(dialect), Vec::new());
    let (first, second) = text.split_at(cut);
    for (base, piece) in [(0, first), (cut, second)] {
        let mut at = 0;
        while let Some(end) = piece.get(at..).and_then(|rest| scanner.next_end(rest)) {
            at += end;
            ends.push(base + at);
        }
    }
    ends
}

/// Decodes `text` as ranges of `limit` bytes, whose bytes arrive `step` by `step`.
fn in_pieces(format: &CsvFormat, text: &[u8], limit: usize, step: usize) -> (Vec<RecordBatch>, Vec<BadRow>) {
    let name: Arc<str> = Arc::from("fuzz");
    let mut columns: Vec<String> = format.schema.fields().iter().map(|field| field.name().clone()).collect();
    columns.push(OFFSET_COLUMN.to_owned());
    let Ok(mut decoder) = format.decoder(&columns, &Head::default(), &name) else { unreachable!("its own columns") };
    let (mut start, mut end, mut out) = (0, step.min(text.len()), Vec::new());
    while start < text.len() {
        let at_end = end == text.len();
        let bytes = text.get(start..end).unwrap_or_default();
        let chunk =
            Chunk { bytes, offset: start as u64, limit: (limit - start % limit).min(bytes.len()), at_end, name: &name };
        start += decode(&mut decoder, &chunk, &mut out);
        end = (end + step).max(start).min(text.len());
    }
    merged(out)
}

fn decode(decoder: &mut CsvDecoder, chunk: &Chunk<'_>, out: &mut Vec<Decoded>) -> usize {
    let before = out.len();
    let Ok(taken) = decoder.decode(chunk, out) else { unreachable!("bad rows are no errors") };
    assert!(!chunk.at_end || taken >= chunk.limit, "rows were left over");
    assert!(out.iter().skip(before).all(|decoded| decoded.rows.num_rows() <= 3), "a batch has too many rows");
    taken
}

/// One batch of all rows, if there are any.
fn merged(out: Vec<Decoded>) -> (Vec<RecordBatch>, Vec<BadRow>) {
    let rejected = out.iter().flat_map(|decoded| decoded.rejected.clone()).collect();
    let batches: Vec<RecordBatch> =
        out.into_iter().map(|decoded| decoded.rows).filter(|rows| rows.num_rows() > 0).collect();
    let merged = batches.first().and_then(|first| concat_batches(&first.schema(), &batches).ok());
    (merged.into_iter().collect(), rejected)
}
