//! The row that is meant, by a line of a part: the sink's manifest says which epoch wrote it, and the epoch's rows are encoded again up to it.
//!
//! ```text
//!  _manifest.jsonl ─► epochs of the part, with its length after each ─► lines of each stretch ─► epoch, byte in what it wrote
//!  the epoch again ─► its rows, encoded one by one ─► the row in which that byte is
//! ```
//!
//! Only text has lines. Only files that a sink's manifest names are read, whatever the caller calls them.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use pelton_core::{
    job::{Compression, FileSinkSpec, Format, SinkKind, SinkSpec},
    model::Epoch,
};
use serde::Deserialize;

use super::{
    Again, TraceError,
    find::{Found, given},
};
use crate::{
    job::{diagnostic::shown, run::lineage::EpochLineage},
    sink::{
        Encoder, Payload, Sink, SinkError,
        file::{FileSink, MANIFEST},
    },
};

/// So many bytes of a part are final since an epoch.
#[derive(Debug, Deserialize)]
struct Line {
    epoch: Epoch,
    part: String,
    bytes: u64,
}

/// What an epoch wrote of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Written {
    epoch: Epoch,
    from: u64,
    to: u64,
}

/// A part of a sink.
struct Part<'a> {
    sink: &'a str,
    spec: &'a FileSinkSpec,
    directory: PathBuf,
    name: String,
    manifest: Vec<Line>,
}

/// A byte of what an epoch wrote into a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct At {
    epoch: Epoch,
    byte: u64,
}

fn wrong(what: String, help: &'static str) -> TraceError {
    TraceError::Part { what, help }
}

/// The row in a line of a part, which one of these sinks wrote. Their paths are relative to `dir`.
pub(super) fn find(
    again: &Again<'_>,
    sinks: &[&SinkSpec],
    dir: &Path,
    (path, line): (&Path, u64),
) -> Result<Found, TraceError> {
    let part = Part::named(sinks, dir, path)?;
    let At { epoch, byte } = part.at(line)?;
    // Says which epochs are kept if this one is not.
    let stretch = again.kept.stretch(epoch)?;
    let mut number = Ok(None);
    again.compute(stretch, epoch, &mut |lineage| {
        if lineage.epoch == epoch {
            number = part.number(&lineage, byte);
        }
    })?;
    let number = number.map_err(|source| TraceError::Encode { name: part.sink.to_owned(), source })?;
    let number = number.ok_or(TraceError::Differs { epoch })?;
    Ok(Found { sink: part.sink.to_owned(), epoch, number, alike: 1, searched: (epoch, epoch) })
}

impl<'a> Part<'a> {
    /// The part that a path means.
    fn named(sinks: &[&'a SinkSpec], dir: &Path, path: &Path) -> Result<Self, TraceError> {
        let wanted: PathBuf = path.components().filter(|part| !matches!(part, std::path::Component::CurDir)).collect();
        let mut found: Vec<Self> = Vec::new();
        for sink in sinks {
            let SinkKind::File(spec) = &sink.kind else { continue };
            let directory = dir.join(&spec.path);
            let Ok(text) = fs::read_to_string(directory.join(MANIFEST)) else { continue };
            let manifest: Vec<Line> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            let absolute = std::path::absolute(&directory).unwrap_or_else(|_| directory.clone());
            let is_it = |line: &&Line| is_safe(&line.part) && absolute.join(&line.part).ends_with(&wanted);
            if let Some(name) = manifest.iter().find(is_it).map(|line| line.part.clone()) {
                found.push(Self { sink: &sink.name, spec, directory, name, manifest });
            }
        }
        let shown = shown(&path.display().to_string());
        if found.len() > 1 {
            let sinks: Vec<String> = found.iter().map(|part| format!("`{}`", part.sink)).collect();
            let what = format!("several sinks have a part {shown}: {}", sinks.join(", "));
            return Err(wrong(what, "name one with `--sink`, or give more of the path"));
        }
        found.pop().ok_or_else(|| {
            let what = format!("no sink of the job has a part {shown}");
            wrong(what, "give the path of a part that a `file` sink of a job with a checkpoint wrote, as its `_manifest.jsonl` has it")
        })
    }

    /// What epochs wrote of it, in order.
    fn written(&self, name: &str) -> Vec<Written> {
        let mut written: Vec<Written> = Vec::new();
        for line in self.manifest.iter().filter(|line| line.part == name) {
            let from = written.last().map_or(0, |last| last.to);
            if line.bytes > from {
                written.push(Written { epoch: line.epoch, from, to: line.bytes });
            }
        }
        written
    }

    /// The epoch that wrote a line, and where in what it wrote.
    fn at(&self, line: u64) -> Result<At, TraceError> {
        if matches!(self.spec.format, Format::Parquet | Format::Ipc) {
            let what = format!("part {} is {}, which has no lines", self.name, self.spec.format.name());
            return Err(wrong(what, "name the row by its values: `--row 'COLUMN=VALUE'`"));
        }
        let has_header = matches!(&self.spec.format, Format::Csv(dialect) if dialect.header);
        let mut lines = 0;
        for written in self.written(&self.name) {
            let text = self.text(&self.name, written)?;
            let own = lines_of(&text);
            if line > 0 && line <= lines + own {
                if has_header && line == 1 {
                    return Err(wrong(format!("line 1 of part {} is its header", self.name), "rows begin with line 2"));
                }
                let before = start_of_line(&text, line - lines - 1) as u64;
                let header = if has_header && written.from == 0 { start_of_line(&text, 1) as u64 } else { 0 };
                let byte = self.before(written.epoch, has_header)? + before.saturating_sub(header);
                return Ok(At { epoch: written.epoch, byte });
            }
            lines += own;
        }
        Err(wrong(format!("part {} has {lines} lines", self.name), "lines are counted from 1 on"))
    }

    /// Bytes of rows that an epoch wrote into parts of the same folder before this one: it was closed meanwhile.
    fn before(&self, epoch: Epoch, has_header: bool) -> Result<u64, TraceError> {
        let of_epoch =
            self.manifest.iter().filter(|line| line.epoch == epoch).take_while(|line| line.part != self.name);
        let mut bytes = 0;
        for line in of_epoch.filter(|line| folder(&line.part) == folder(&self.name) && is_safe(&line.part)) {
            for written in self.written(&line.part).into_iter().filter(|written| written.epoch == epoch) {
                let text = self.text(&line.part, written)?;
                let header = if has_header && written.from == 0 { start_of_line(&text, 1) } else { 0 };
                bytes += (text.len() - header) as u64;
            }
        }
        Ok(bytes)
    }

    /// The text that an epoch wrote.
    fn text(&self, name: &str, written: Written) -> Result<Vec<u8>, TraceError> {
        let path = self.directory.join(name);
        let failed = |source| TraceError::Io { path: path.display().to_string(), source };
        let mut file = File::open(&path).map_err(failed)?;
        file.seek(SeekFrom::Start(written.from)).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(written.to - written.from).read_to_end(&mut bytes).map_err(failed)?;
        plain(self.spec.compression, bytes).map_err(failed)
    }

    /// The number of the row in which a byte is, of what the sink was given in an epoch. None: it was given less.
    fn number(&self, lineage: &EpochLineage, byte: u64) -> Result<Option<u64>, SinkError> {
        let spec = FileSinkSpec { compression: Compression::None, ..self.spec.clone() };
        let (mut number, mut bytes) = (0, 0);
        let mut encoder: Option<Box<dyn Encoder>> = None;
        for (_, rows) in given(lineage, self.sink) {
            let encoder = match &mut encoder {
                Some(encoder) => encoder,
                none => {
                    let sink = FileSink::open(&spec, rows.schema(), &self.directory)?;
                    none.insert(sink.encoder()?)
                }
            };
            for row in 0..rows.num_rows() {
                bytes += own_bytes(encoder.encode(&rows.slice(row, 1))?.payload, folder(&self.name));
                if byte < bytes {
                    return Ok(Some(number));
                }
                number += 1;
            }
        }
        Ok(None)
    }
}

/// Bytes of a row in a folder.
fn own_bytes(payload: Payload, folder: &str) -> u64 {
    match payload {
        Payload::Bytes(bytes) if folder.is_empty() => bytes.len() as u64,
        Payload::Folders(folders) => {
            let own = folders.into_iter().filter(|(name, _)| name == folder);
            own.map(|(_, encoded)| own_bytes(encoded.payload, "")).sum()
        }
        _ => 0,
    }
}

fn folder(part: &str) -> &str {
    part.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A name out of a manifest that stays in its directory.
fn is_safe(part: &str) -> bool {
    Path::new(part).components().all(|part| matches!(part, std::path::Component::Normal(_)))
}

fn plain(compression: Compression, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    match compression {
        Compression::Auto | Compression::None => text = bytes,
        Compression::Gzip => {
            flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut text)?;
        }
        Compression::Zstd => {
            zstd::stream::copy_decode(bytes.as_slice(), &mut text)?;
        }
    }
    Ok(text)
}

fn lines_of(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Where the line with this number, from 0 on, begins.
fn start_of_line(text: &[u8], line: u64) -> usize {
    let Some(before) = usize::try_from(line).ok().and_then(|line| line.checked_sub(1)) else { return 0 };
    let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    ends.clone().nth(before).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_begin_behind_newlines() {
        let text = b"a\nbc\n\nd\n";
        assert_eq!(lines_of(text), 4);
        assert_eq!([0, 1, 2, 3, 4].map(|line| start_of_line(text, line)), [0, 2, 5, 6, 8]);
    }

    #[test]
    fn names_stay_in_their_directory() {
        for (name, is_it) in [("part-0.csv", true), ("day=1/part-0.csv", true), ("../x", false), ("/etc/x", false)] {
            assert_eq!(is_safe(name), is_it, "{name}");
        }
        assert_eq!((folder("day=1/hour=2/part-0.csv"), folder("part-0.csv")), ("day=1/hour=2", ""));
    }

    #[test]
    fn compressed_text_is_read_epoch_by_epoch() {
        let text = b"1,2\n3,4\n".to_vec();
        let zstd = zstd::stream::encode_all(text.as_slice(), 1).unwrap();
        let twice = [zstd.clone(), zstd].concat();
        assert_eq!(plain(Compression::Zstd, twice).unwrap(), text.repeat(2));
        assert!(plain(Compression::Gzip, text).is_err());
    }
}
