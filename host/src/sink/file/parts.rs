//! The parts of an output directory: `part-00000.csv`, `part-00001.csv`, …
//!
//! ```text
//!  begin ─► .part-00000.csv.tmp-4711 ─► close: fsync ─┬─ if-exists = error:   renamed at once
//!                                                     └─ if-exists = replace: renamed at finish, all together
//! ```
//!
//! Invariants: a final name is only ever given to a whole, synced file. One writer at a time owns the directory, by
//! an advisory lock that the system releases even when the process is killed; so the temp files found
//! at the start belong to nobody and are removed. Nothing is removed but names of our own pattern.
//!
//! `replace` gives the new parts their names first and removes what is left of the old ones after that. So no row of
//! either run is missing at any instant; between the first rename and the last removal a reader may see parts of
//! both, and a power cut there leaves both, which the next run with `replace` mends.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use cap_std::fs::{Dir, OpenOptions};
use pelton_core::job::IfExists;
use rustix::fs::{FlockOperation, flock};

use crate::sink::{SinkError, SinkSummary};

pub(super) const PREFIX: &str = "part-";
const TEMP_PREFIX: &str = ".part-";
pub(super) const TEMP_MARK: &str = ".tmp-";

/// What follows the number in the names of parts.
const EXTENSIONS: [&str; 5] = [".csv", ".jsonl", ".txt", ".parquet", ".arrow"];
const SUFFIXES: [&str; 3] = ["", ".gz", ".zst"];

/// A claimed output directory. Dropped before [`Parts::finish`], it removes its temp files.
#[derive(Debug)]
pub struct Parts {
    directory: Dir,
    /// The same directory as a file: for `fsync`, and it holds the lock.
    handle: File,
    path: PathBuf,
    /// `.csv`, `.csv.gz`
    extension: String,
    if_exists: IfExists,
    /// Parts under their temp names.
    unpublished: Vec<PartName>,
    /// Final names, in order.
    published: Vec<String>,
    /// Parts of an earlier run, to be replaced.
    earlier: Vec<String>,
    begun: u32,
    bytes: u64,
}

#[derive(Debug, Clone)]
struct PartName {
    temp: String,
    published: String,
}

/// A part that is being written.
#[derive(Debug)]
pub struct Part {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl Part {
    /// Written from its start.
    pub(super) fn new(file: File, path: PathBuf) -> Self {
        Self { file, path, bytes: 0 }
    }

    /// Everything written is on the disk.
    pub(super) fn sync(&self) -> Result<(), SinkError> {
        self.file.sync_all().map_err(|source| self.error("sync", source))
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn error(&self, action: &'static str, source: io::Error) -> SinkError {
        SinkError::Io { action, path: self.path.display().to_string(), source }
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Parts {
    /// Makes the directory if it is missing, locks it, and looks for the parts of an earlier run.
    pub fn claim(path: &Path, extension: String, if_exists: IfExists) -> Result<Self, SinkError> {
        let error = |action, source| SinkError::Io { action, path: path.display().to_string(), source };
        create_directory(path).map_err(|source| error("create directory", source))?;
        let handle = File::open(path).map_err(|source| error("open directory", source))?;
        let directory = handle.try_clone().map(Dir::from_std_file).map_err(|source| error("open directory", source))?;
        let mut parts = Self {
            directory,
            handle,
            path: path.to_owned(),
            extension,
            if_exists,
            unpublished: Vec::new(),
            published: Vec::new(),
            earlier: Vec::new(),
            begun: 0,
            bytes: 0,
        };
        let locked = lock(&parts.handle, path)?;
        parts.survey(locked)?;
        Ok(parts)
    }

    /// Opens the next part under its temp name.
    pub fn begin(&mut self) -> Result<Part, SinkError> {
        let published = format!("{PREFIX}{:05}{}", self.begun, self.extension);
        let temp = format!(".{published}{TEMP_MARK}{}", std::process::id());
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let file = self.directory.open_with(&temp, &options).map_err(|source| self.error("create", &temp, source))?;
        let path = self.path.join(&temp);
        self.begun += 1;
        self.unpublished.push(PartName { temp, published });
        Ok(Part::new(file.into_std(), path))
    }

    /// The part is whole: it is synced and, unless it replaces something, gets its name.
    pub fn close(&mut self, part: Part) -> Result<(), SinkError> {
        part.sync()?;
        self.bytes += part.bytes;
        match self.if_exists {
            IfExists::Error => self.publish(),
            IfExists::Replace => Ok(()),
        }
    }

    /// No part was begun.
    pub fn is_empty(&self) -> bool {
        self.begun == 0
    }

    /// Publishes what has not been yet and removes the parts of an earlier run. All parts must be closed.
    pub fn finish(&mut self, rows: u64) -> Result<SinkSummary, SinkError> {
        self.publish()?;
        let earlier = std::mem::take(&mut self.earlier);
        if !earlier.is_empty() {
            for name in earlier.into_iter().filter(|name| !self.published.contains(name)) {
                self.directory.remove_file(&name).map_err(|source| self.error("remove", &name, source))?;
            }
            self.sync()?;
        }
        let names = match self.published.as_slice() {
            [only] => only.clone(),
            [first, .., last] => format!("{first} … {last} ({})", self.published.len()),
            [] => String::new(),
        };
        let directory = self.path.display().to_string();
        let details = vec![("directory".to_owned(), directory), ("files".to_owned(), names)];
        Ok(SinkSummary { rows, bytes: self.bytes, details })
    }

    /// Gives every closed part its final name, for good: what follows may rely on it after a power cut.
    fn publish(&mut self) -> Result<(), SinkError> {
        if self.unpublished.is_empty() {
            return Ok(());
        }
        while let Some(PartName { temp, published }) = self.unpublished.first().cloned() {
            if self.if_exists == IfExists::Error && self.directory.symlink_metadata(&published).is_ok() {
                return Err(self.exists(published));
            }
            self.directory
                .rename(&temp, &self.directory, &published)
                .map_err(|source| self.error("rename", &temp, source))?;
            self.unpublished.remove(0);
            self.published.push(published);
        }
        self.sync()
    }

    /// Removes dead temp files (only under the lock: they might be alive otherwise) and finds earlier parts.
    fn survey(&mut self, locked: bool) -> Result<(), SinkError> {
        let directory = self.path.display().to_string();
        let unreadable = |source| SinkError::Io { action: "read directory", path: directory.clone(), source };
        let mut names = Vec::new();
        for entry in self.directory.entries().map_err(unreadable)? {
            names.extend(entry.map_err(unreadable)?.file_name().into_string());
        }
        names.sort_unstable();
        for name in names {
            if is_temp(&name) {
                if locked {
                    self.directory.remove_file(&name).map_err(|source| self.error("remove", &name, source))?;
                }
            } else if name.starts_with(PREFIX) {
                // A part of someone else's would be mixed with ours, and is not ours to remove.
                if self.if_exists == IfExists::Error || !is_part(&name) {
                    return Err(self.exists(name));
                }
                self.earlier.push(name);
            }
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), SinkError> {
        self.handle.sync_all().map_err(|source| self.error("sync", ".", source))
    }

    fn exists(&self, file: String) -> SinkError {
        SinkError::Exists { path: self.path.display().to_string(), file }
    }

    fn error(&self, action: &'static str, name: &str, source: io::Error) -> SinkError {
        SinkError::Io { action, path: self.path.join(name).display().to_string(), source }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        for PartName { temp, .. } in &self.unpublished {
            if let Err(error) = self.directory.remove_file(temp) {
                tracing::warn!(directory = %self.path.display(), temp, %error, "failed to remove a temp file");
            }
        }
    }
}

/// Takes a directory's lock. No: the file system has no locks.
pub(super) fn lock(directory: &File, path: &Path) -> Result<bool, SinkError> {
    match flock(directory, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(SinkError::Busy { path: path.display().to_string() }),
        Err(_) => Ok(false),
    }
}

/// Makes a directory and those above it, so that they survive a power cut.
pub(super) fn create_directory(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> =
        path.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    std::fs::create_dir_all(path)?;
    for created in missing {
        let parent = created.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// `part-00000.csv`: a name that some run of ours gives.
pub(super) fn is_part(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else { return false };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (_, rest) = rest.split_at(digits);
    digits >= 5
        && EXTENSIONS
            .iter()
            .any(|extension| rest.strip_prefix(extension).is_some_and(|suffix| SUFFIXES.contains(&suffix)))
}

/// `.part-00000.csv.tmp-4711`
pub(super) fn is_temp(name: &str) -> bool {
    let Some((part, process)) = name.rsplit_once(TEMP_MARK) else { return false };
    let is_number = !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit());
    part.starts_with(TEMP_PREFIX) && is_number && is_part(part.trim_start_matches('.'))
}

#[cfg(test)]
#[path = "parts_tests.rs"]
mod tests;
