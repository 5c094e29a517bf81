//! Where a row was read: source, file, offset; and of plain text files the line, as an editor counts them.
//!
//! Lines are counted when all rows are known that are shown: each file is read once, up to the last of them. A file that is not there any more has
//! no lines; its rows were computed from it a moment ago, so that is a race nobody need hear of.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch},
    datatypes::UInt64Type,
};
use pelton_core::job::{FILE_COLUMN, Format, OFFSET_COLUMN, SourceKind};

use super::walk::{From, Node};
use crate::job::plan::{Plan, RAW_COLUMN, REASON_COLUMN};

/// Bytes of a line that are shown, at most.
const RAW_MAX: u64 = 4096;

/// A row's place in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub source: String,
    /// None: the source has no files.
    pub file: Option<String>,
    /// None: it is not known.
    pub offset: Option<u64>,
    /// What the offset counts.
    pub unit: Unit,
    /// From 1 on.
    pub line: Option<u64>,
    /// The line, or its beginning.
    pub raw: Option<String>,
    /// Why it could not be decoded.
    pub reason: Option<String>,
    /// Its file is one of lines, unless it is compressed.
    has_lines: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Byte,
    Row,
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Self::Byte => "byte",
            Self::Row => "row",
        }
    }
}

impl Place {
    fn of(plan: &Plan, source: usize, file: &str) -> Self {
        let planned = plan.sources.get(source);
        let (unit, has_files, has_lines) = match planned.map(|planned| &planned.kind) {
            Some(SourceKind::File(spec)) => match spec.format {
                Format::Csv(_) | Format::Json(_) | Format::Text => {
                    // What is added to may be called otherwise by now.
                    (Unit::Byte, true, !spec.tail)
                }
                Format::Parquet | Format::Ipc => (Unit::Row, true, false),
            },
            Some(SourceKind::Generator(_)) => (Unit::Row, false, false),
            Some(SourceKind::Stdin(_) | SourceKind::Socket(_) | SourceKind::Http(_)) | None => {
                (Unit::Byte, false, false)
            }
        };
        Self {
            source: planned.map(|planned| planned.name.clone()).unwrap_or_default(),
            file: has_files.then(|| file.to_owned()),
            offset: None,
            unit,
            line: None,
            raw: None,
            reason: None,
            has_lines,
        }
    }

    /// Of row `row` of a batch that was decoded; `offsets` is where its rows are.
    pub(super) fn read(plan: &Plan, source: usize, file: &str, offsets: Option<&ArrayRef>, row: usize) -> Self {
        let offset = offsets.and_then(|offsets| offset(offsets, row));
        Self { offset, ..Self::of(plan, source, file) }
    }

    /// Of a row that was not: the only one of its batch, which has columns that say where it was.
    pub(super) fn undecoded(plan: &Plan, source: usize, file: &str, row: &RecordBatch) -> Self {
        let text = |name: &str| {
            let column = row.column_by_name(name)?.as_string_opt::<i32>()?;
            column.iter().next().flatten().map(str::to_owned)
        };
        let offset = row.column_by_name(OFFSET_COLUMN).and_then(|offsets| offset(offsets, 0));
        let file = text(FILE_COLUMN).unwrap_or_else(|| file.to_owned());
        let raw = text(RAW_COLUMN).filter(|raw| !raw.is_empty());
        Self { offset, raw, reason: text(REASON_COLUMN), ..Self::of(plan, source, &file) }
    }
}

fn offset(offsets: &ArrayRef, row: usize) -> Option<u64> {
    offsets.as_primitive_opt::<UInt64Type>()?.values().get(row).copied()
}

/// Looks up the lines of all rows that were read from text. Files are relative to `dir`.
pub(super) fn find(nodes: &mut [Node], dir: &Path) {
    let mut by_file: BTreeMap<String, Vec<(u64, &mut Place)>> = BTreeMap::new();
    for node in nodes {
        if let From::Source(place) = &mut node.from
            && let (true, Some(file), Some(offset)) = (place.has_lines, place.file.clone(), place.offset)
        {
            by_file.entry(file).or_default().push((offset, place));
        }
    }
    for (file, mut places) in by_file {
        places.sort_by_key(|(offset, _)| *offset);
        if let Ok(file) = File::open(dir.join(file)) {
            // What could not be read stays without a line.
            let _ = lines(BufReader::new(file), &mut places);
        }
    }
}

/// Reads a file of lines once. Places are in order.
fn lines(mut file: impl BufRead, places: &mut [(u64, &mut Place)]) -> io::Result<()> {
    let is_compressed = matches!(file.fill_buf()?, [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..]);
    if is_compressed {
        return Ok(());
    }
    // Lines end before `at`, and the last one begins there; several rows may be of one line.
    let (mut at, mut line, mut raw) = (0_u64, 0_u64, Vec::new());
    for (offset, place) in places {
        while at <= *offset {
            raw.clear();
            let read = file.by_ref().take(RAW_MAX).read_until(b'\n', &mut raw)? as u64;
            let rest = if raw.ends_with(b"\n") || read < RAW_MAX { 0 } else { skip(&mut file)? };
            if read == 0 {
                return Ok(());
            }
            at += read + rest;
            line += 1;
        }
        let text = String::from_utf8_lossy(&raw);
        place.line = Some(line);
        place.raw.get_or_insert_with(|| text.trim_end_matches(['\n', '\r']).to_owned());
    }
    Ok(())
}

/// Goes behind the end of a line. Answers the bytes until there.
fn skip(file: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = file.fill_buf()?;
        let (bytes, is_end) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        file.consume(bytes);
        skipped += bytes as u64;
        if is_end {
            return Ok(skipped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        let source = "bids".to_owned();
        let (file, offset, line, raw, reason) = Default::default();
        Place { source, file, offset, unit: Unit::Byte, line, raw, reason, has_lines: true }
    }

    fn found(text: &[u8], offsets: &[u64]) -> Vec<(Option<u64>, Option<String>)> {
        let mut places: Vec<Place> = offsets.iter().map(|_| place()).collect();
        let mut with: Vec<(u64, &mut Place)> = offsets.iter().copied().zip(&mut places).collect();
        lines(BufReader::with_capacity(7, text), &mut with).unwrap();
        places.into_iter().map(|place| (place.line, place.raw)).collect()
    }

    #[test]
    fn offsets_become_lines() {
        let some = |line: u64, raw: &str| (Some(line), Some(raw.to_owned()));
        let text = b"a,b\r\n1,2\r\n3,4";
        assert_eq!(found(text, &[0, 5, 5, 10]), [some(1, "a,b"), some(2, "1,2"), some(2, "1,2"), some(3, "3,4")]);
        assert_eq!(found(text, &[99]), [(None, None)]);
        let long = [vec![b'x'; 10_000], b"\nlast\n".to_vec()].concat();
        assert_eq!(found(&long, &[0, 10_001]), [some(1, &"x".repeat(4096)), some(2, "last")]);
        assert_eq!(found(&[0x1f, 0x8b, 8, b'\n', 1], &[3]), [(None, None)]);
    }
}
