//! One file that grows: what of it has been handed out, and what has been added since.
//!
//! Called by the tracker. A file is known by its inode and by what it begins with; one that has become shorter, or begins otherwise, was truncated and
//! is read from its beginning, which is said with its name. Invariant: bytes are handed out once, as whole rows.

use std::{
    fs::{self, File, Metadata},
    io::ErrorKind,
    os::unix::fs::{FileExt, MetadataExt},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use pelton_core::{
    checkpoint::record::{FileRecord, Growth},
    job::FileSourceSpec,
};

use super::scan::{Found, Scan};
use crate::{
    clock,
    source::{
        SourceError,
        file::{
            format::{self, RowFormat},
            lines::Head,
            listing::ListedFile,
            place::Mark,
        },
    },
};

/// Bytes in which a file's head is looked for at first, and at most.
const HEAD_BYTES: u64 = 64 << 10;
const HEAD_BYTES_MAX: u64 = 16 << 20;

#[derive(Debug)]
pub(super) struct Tracked {
    /// As the job file would name it.
    pub(super) name: Arc<str>,
    pub(super) path: PathBuf,
    pub(super) inode: u64,
    /// When it was seen to grow.
    pub(super) grew: Instant,
    /// None: its first lines have not been read yet.
    head: Option<Arc<Head>>,
    mark: Mark,
    /// Bytes that have been handed out.
    end: u64,
    scan: Scan,
    /// When it was looked at; none: it has not been yet.
    size: Option<u64>,
    /// Its time of change then: what is written anew in place may be as long as before.
    changed: Option<(i64, i64)>,
    has_more: bool,
    /// Somebody was told that its last row is too long.
    is_long_told: bool,
}

/// What a look at a file has found.
pub(super) enum Look {
    Same,
    /// Its path leads to another file, or to none.
    Moved,
    /// Parts without their numbers.
    Grown(Vec<ListedFile>),
}

/// What all files of a source have in common.
pub(super) struct Rows<'a> {
    pub(super) format: &'a RowFormat,
    pub(super) spec: &'a FileSourceSpec,
    pub(super) buffer: &'a mut Vec<u8>,
}

impl Tracked {
    pub(super) fn new(name: Arc<str>, path: PathBuf, inode: u64) -> Self {
        Self {
            name,
            path,
            inode,
            grew: Instant::now(),
            head: None,
            mark: Mark::default(),
            end: 0,
            scan: Scan::default(),
            size: None,
            changed: None,
            has_more: false,
            is_long_told: false,
        }
    }

    /// Goes on behind a part of an earlier run.
    pub(super) fn resume(&mut self, record: &FileRecord, growth: &Growth) {
        self.end = record.bytes;
        self.mark = Mark { bytes: growth.head_bytes, hash: growth.head_hash };
    }

    /// Its path leads nowhere, and neither does another name in its directory.
    pub(super) fn tell_gone(&self) {
        let bytes = self.size.map_or(0, |size| size.saturating_sub(self.end));
        if bytes > 0 {
            tracing::warn!(file = %self.name, bytes, "it is gone, and with it a last row that had no end yet");
        }
    }

    pub(super) fn has_more(&self) -> bool {
        self.has_more
    }

    /// Looks for rows that have been added.
    pub(super) fn look(&mut self, rows: &mut Rows<'_>) -> Result<Look, SourceError> {
        match fs::metadata(&self.path) {
            Ok(metadata) if metadata.ino() != self.inode => return Ok(Look::Moved),
            Ok(metadata) if self.is_as_seen(&metadata) && !self.has_more => return Ok(Look::Same),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Look::Moved),
            Err(error) => return Err(self.failed(error)),
        }
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Look::Moved),
            file => file.map_err(|error| self.failed(error))?,
        };
        let metadata = file.metadata().map_err(|error| self.failed(error))?;
        if metadata.ino() != self.inode {
            return Ok(Look::Moved);
        }
        let size = metadata.len();
        // Whoever begins to look has not seen it grow.
        self.grew = if self.size.is_some() { Instant::now() } else { written(&metadata) };
        (self.size, self.changed) = (Some(size), Some(changed(&metadata)));
        let is_same = size >= self.end && self.mark.is_at(&file).map_err(|error| self.failed(error))?;
        if !is_same {
            self.begin_anew(size);
        } else if size < self.scan.seen {
            // A row that had no end was taken back.
            self.scan = Scan::default();
        }
        self.grown((&file, size), rows)
    }

    /// Whether nothing has been written into it since it was looked at, as far as its size and its time of change tell.
    fn is_as_seen(&self, metadata: &Metadata) -> bool {
        Some(metadata.len()) == self.size && Some(changed(metadata)) == self.changed
    }

    /// It was truncated, or something else was written into it.
    fn begin_anew(&mut self, size: u64) {
        tracing::warn!(file = %self.name, read = self.end, bytes = size, "it was truncated, and is read from its beginning; rows that were added before that and had not been read are lost");
        (self.head, self.mark, self.end, self.scan, self.is_long_told) =
            (None, Mark::default(), 0, Scan::default(), false);
    }

    fn grown(&mut self, (file, size): (&File, u64), rows: &mut Rows<'_>) -> Result<Look, SourceError> {
        let Some(head) = self.head((file, size), rows.spec)? else { return Ok(Look::Same) };
        let mut from = self.end.max(head.rows_at);
        let found = self.scan.look(file, (from, size), rows.format, rows.buffer);
        let Found { ends, has_more } = found.map_err(|error| self.failed(error))?;
        self.has_more = has_more;
        let mut parts = Vec::with_capacity(ends.len());
        for end in ends {
            if self.mark.is_short(end) {
                self.mark = Mark::of(file, end).map_err(|error| self.failed(error))?;
            }
            let Mark { bytes: head_bytes, hash: head_hash } = self.mark;
            let growth = Growth { partition: 0, from, inode: self.inode, head_bytes, head_hash };
            let (path, name) = (self.path.clone(), Arc::clone(&self.name));
            parts.push(ListedFile { path, name, bytes: end, growth: Some(growth) });
            (from, self.end) = (end, end);
        }
        self.tell_long(from, rows.format.max_row_bytes() as u64);
        Ok(if parts.is_empty() { Look::Same } else { Look::Grown(parts) })
    }

    /// A quote that is never closed, or a program that writes no newlines, would else be waited for in silence.
    fn tell_long(&mut self, from: u64, max_row_bytes: u64) {
        let open = self.scan.seen.saturating_sub(from);
        if open <= max_row_bytes || self.has_more {
            self.is_long_told &= open > max_row_bytes;
        } else if !std::mem::replace(&mut self.is_long_told, true) {
            tracing::warn!(file = %self.name, at = from, bytes = open, "its last row is longer than `max-row-bytes` and has no end yet: it is waited for");
        }
    }

    /// What its first lines say, once they are whole.
    fn head(&mut self, (file, size): (&File, u64), spec: &FileSourceSpec) -> Result<Option<Arc<Head>>, SourceError> {
        if let Some(head) = &self.head {
            return Ok(Some(Arc::clone(head)));
        }
        let corrupt = |reason| SourceError::Corrupt { file: self.name.to_string(), format: spec.format.name(), reason };
        let mut want = HEAD_BYTES;
        let head = loop {
            let mut first = vec![0; usize::try_from(want.min(size)).unwrap_or(0)];
            match file.read_exact_at(&mut first, 0) {
                // Cut meanwhile: the next look sees it.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
                read => read.map_err(|error| self.failed(error))?,
            }
            match format::head(&spec.format, &first, false).map_err(corrupt)? {
                Some(head) => break head,
                None if want >= size => return Ok(None),
                None if want >= HEAD_BYTES_MAX => {
                    return Err(corrupt(format!("its header does not end within {want} bytes")));
                }
                None => want *= 4,
            }
        };
        Ok(Some(Arc::clone(self.head.insert(Arc::new(head)))))
    }

    fn failed(&self, source: std::io::Error) -> SourceError {
        SourceError::Io { action: "read", file: self.name.to_string(), source }
    }
}

/// When a file was last written, as its file system says: seconds, and nanoseconds.
fn changed(metadata: &Metadata) -> (i64, i64) {
    (metadata.mtime(), metadata.mtime_nsec())
}

/// When a file was last written, by its own time: a crowd of files that have been quiet for days is not looked at as one that has just come.
fn written(metadata: &Metadata) -> Instant {
    let at = metadata.mtime().saturating_mul(1_000_000).saturating_add(metadata.mtime_nsec() / 1_000);
    let age = u64::try_from(clock::now_us().saturating_sub(at)).unwrap_or(0);
    let now = Instant::now();
    now.checked_sub(Duration::from_micros(age)).unwrap_or(now)
}
