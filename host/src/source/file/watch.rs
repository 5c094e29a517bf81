//! Looking for new files, for sources that never end.
//!
//! The planner asks when it has nothing left to read. A look lists directories and asks the system only about names that are new, so
//! that a directory of many files that have been read costs little. Invariant: each name is found once, when its file is complete as far as its
//! format says; what is added to a file after it was found is not read.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use pelton_core::{
    checkpoint::record::FileRecord,
    job::{FileSourceSpec, Format},
};

use super::{
    complete::is_complete,
    listing::{ListedFile, list_new},
};
use crate::source::SourceError;

#[derive(Debug)]
pub struct Watch {
    base: PathBuf,
    every: Duration,
    known: HashSet<Arc<str>>,
    /// Files that were not complete at the last look.
    waiting: HashMap<Arc<str>, Waiting>,
    next_look: Instant,
    /// Not yet told.
    found: Vec<FileRecord>,
}

/// A file that is not complete.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    bytes: u64,
    /// Somebody has been told that it does not grow either.
    is_told: bool,
}

impl Watch {
    /// Files of the names `known` have been found.
    pub fn new(base: &Path, every: Duration, known: impl Iterator<Item = Arc<str>>) -> Self {
        Self {
            base: base.to_owned(),
            every,
            known: known.collect(),
            waiting: HashMap::new(),
            next_look: Instant::now() + every,
            found: Vec::new(),
        }
    }

    /// Leaves out the files that are still being written, and names those that nobody seems to write to any more.
    fn complete(&mut self, files: Vec<ListedFile>, format: &Format) -> Result<Vec<ListedFile>, SourceError> {
        let before = std::mem::take(&mut self.waiting);
        let mut complete = Vec::new();
        for file in files {
            if is_complete(format, &file)? {
                complete.push(file);
                continue;
            }
            let still = before.get(&file.name).filter(|before| before.bytes == file.bytes);
            if still.is_some_and(|still| !still.is_told) {
                tracing::warn!(file = %file.name, bytes = file.bytes, "it is waited for: it does not end as {} files do, and does not grow", format.name());
            }
            self.waiting.insert(Arc::clone(&file.name), Waiting { bytes: file.bytes, is_told: still.is_some() });
        }
        Ok(complete)
    }

    /// Waits for the next look, but not past `deadline`, and answers what it found, sorted by name; nothing by the deadline: none.
    pub fn look(
        &mut self,
        spec: &FileSourceSpec,
        deadline: Option<Instant>,
    ) -> Result<Option<Vec<Arc<ListedFile>>>, SourceError> {
        loop {
            let now = Instant::now();
            if now >= self.next_look {
                let files = list_new(&spec.paths, &self.base, &|name| self.known.contains(name))?;
                let files = self.complete(files, &spec.format)?;
                self.next_look = Instant::now() + self.every;
                if !files.is_empty() {
                    self.known.extend(files.iter().map(|file| Arc::clone(&file.name)));
                    self.found.extend(files.iter().map(ListedFile::record));
                    return Ok(Some(files.into_iter().map(Arc::new).collect()));
                }
                continue;
            }
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(None);
            }
            let until = deadline.map_or(self.next_look, |deadline| deadline.min(self.next_look));
            thread::sleep(until.saturating_duration_since(now));
        }
    }

    /// What was found since this was asked last.
    pub fn take_found(&mut self) -> Vec<FileRecord> {
        std::mem::take(&mut self.found)
    }
}
