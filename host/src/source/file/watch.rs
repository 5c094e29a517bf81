//! Looking for new files, for sources that never end.
//!
//! The planner asks when it has nothing left to read. A look lists directories and asks the system only about names that are new, so
//! that a directory of many files that have been read costs little. Invariant: each name is found once; what is added to a file
//! after it was found is not read.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use pelton_core::{checkpoint::record::FileRecord, job::FileSourceSpec};

use super::listing::{ListedFile, list_new};
use crate::source::SourceError;

#[derive(Debug)]
pub struct Watch {
    base: PathBuf,
    every: Duration,
    known: HashSet<Arc<str>>,
    next_look: Instant,
    /// Not yet told.
    found: Vec<FileRecord>,
}

impl Watch {
    /// `files` have been found.
    pub fn new(base: &Path, every: Duration, files: &[Arc<ListedFile>]) -> Self {
        let known = files.iter().map(|file| Arc::clone(&file.name)).collect();
        Self { base: base.to_owned(), every, known, next_look: Instant::now() + every, found: Vec::new() }
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
                let files = list_new(&spec.paths, &self.base, &self.known)?;
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
