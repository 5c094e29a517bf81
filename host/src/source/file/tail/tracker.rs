//! Which files grow, and when each is looked at.
//!
//! ```text
//!  every `watch`  list names ─► new ones: a new file, or one that is known under another name
//!  when due       look at a file ─► parts of whole rows; or it was moved: look for it in its directory
//! ```
//!
//! Files that have been quiet for long are looked at less often: of so many files that looks would cost much, about a thousand quiet ones each time
//! (`QUIET_EACH`). Called by the planner when it has nothing left. Invariants: the rest of a file that was renamed away comes before what its name
//! leads to now; no inode is read twice, whatever names lead to it.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet, binary_heap::PeekMut},
    fs,
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use pelton_core::{
    checkpoint::{grown::next_partition, record::FileRecord},
    job::{Compression, FileSourceSpec},
};

use super::tracked::{Look, Rows, Tracked};
use crate::source::{
    SourceError,
    file::{
        codec::Codec,
        format::RowFormat,
        listing::{ListedFile, list_new},
        place,
    },
};

/// Quiet files that are looked at in the time of one `watch`, about.
const QUIET_EACH: u32 = 1000;
/// Files that are looked at at once.
const LOOKS_MAX: usize = 10_000;

pub(super) struct Tracker {
    base: PathBuf,
    spec: FileSourceSpec,
    format: Arc<RowFormat>,
    every: Duration,
    /// None: it is gone.
    files: Vec<Option<Box<Tracked>>>,
    by_inode: HashMap<u64, usize>,
    /// The names that are known, with the inodes that they led to; 0 of those that are left out.
    names: HashMap<Arc<str>, u64>,
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    next_list: Instant,
    next_partition: u32,
    /// Of all files; none: there are none yet.
    device: Option<u64>,
    buffer: Vec<u8>,
}

impl Tracker {
    /// `known` are the parts that earlier runs found.
    pub(super) fn new(
        base: &Path,
        spec: &FileSourceSpec,
        every: Duration,
        format: &Arc<RowFormat>,
        known: &[FileRecord],
    ) -> Self {
        let now = Instant::now();
        let mut tracker = Self {
            base: base.to_owned(),
            spec: spec.clone(),
            format: Arc::clone(format),
            every,
            files: Vec::new(),
            by_inode: HashMap::new(),
            names: HashMap::new(),
            due: BinaryHeap::new(),
            next_list: now,
            next_partition: next_partition(known),
            device: None,
            buffer: Vec::new(),
        };
        // The last part of each file says where it goes on, and they go on in the order of these.
        let mut seen = HashSet::new();
        let last = known.iter().rev().filter_map(|record| Some((record, record.growth.as_ref()?)));
        let mut last: Vec<_> = last.filter(|(_, growth)| seen.insert(growth.inode)).collect();
        last.reverse();
        for (record, growth) in last {
            let name: Arc<str> = Arc::from(record.name.as_str());
            let mut file = Tracked::new(Arc::clone(&name), tracker.base.join(&record.name), growth.inode);
            file.resume(record, growth);
            tracker.add(file, now);
        }
        tracker
    }

    fn add(&mut self, file: Tracked, now: Instant) {
        self.names.insert(Arc::clone(&file.name), file.inode);
        self.by_inode.insert(file.inode, self.files.len());
        self.due.push(Reverse((now, self.files.len())));
        self.files.push(Some(Box::new(file)));
    }

    /// Waits for rows, but not past `deadline`, and answers the parts that they are; nothing by the deadline: none.
    pub(super) fn look(&mut self, deadline: Option<Instant>) -> Result<Option<Vec<ListedFile>>, SourceError> {
        loop {
            let now = Instant::now();
            if now >= self.next_list {
                self.list(now)?;
                self.next_list = Instant::now() + self.every;
            }
            let mut found = self.look_at_due(now)?;
            if !found.is_empty() {
                for growth in found.iter_mut().filter_map(|part| part.growth.as_mut()) {
                    growth.partition = self.next_partition;
                    self.next_partition += 1;
                }
                return Ok(Some(found));
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(None);
            }
            let next = self.due.peek().map_or(self.next_list, |Reverse((due, _))| self.next_list.min(*due));
            let until = deadline.map_or(next, |deadline| deadline.min(next));
            thread::sleep(until.saturating_duration_since(now));
        }
    }

    /// Looks for new names.
    fn list(&mut self, now: Instant) -> Result<(), SourceError> {
        let names = &self.names;
        for listed in list_new(&self.spec.paths, &self.base, &|name| names.contains_key(name))? {
            let metadata = match fs::metadata(&listed.path) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                metadata => metadata.map_err(|source| failed(&listed.name, source))?,
            };
            // Inodes are numbers of one file system.
            if *self.device.get_or_insert(metadata.dev()) != metadata.dev() {
                let elsewhere = io::Error::other("it is on another file system than the source's other files");
                return Err(failed(&listed.name, elsewhere));
            }
            let inode = metadata.ino();
            if let Some(index) = self.by_inode.get(&inode).copied() {
                self.rename(index, listed.path, listed.name);
            } else if Codec::of(Compression::Auto, &listed.name, b"").is_err() {
                // It is empty for a codec, so its name says that it should be compressed.
                tracing::warn!(file = %listed.name, "it is left out: what is compressed does not grow by rows");
                self.names.insert(listed.name, 0);
            } else {
                self.add(Tracked::new(listed.name, listed.path, inode), now);
            }
        }
        Ok(())
    }

    /// A file that is known has this name, too. It goes by the old one as long as that leads to it, and nobody counts on the other.
    fn rename(&mut self, index: usize, path: PathBuf, name: Arc<str>) {
        let Some(file) = self.files.get_mut(index).and_then(Option::as_mut) else { return };
        if fs::metadata(&file.path).is_ok_and(|metadata| metadata.ino() == file.inode) {
            return;
        }
        if self.names.get(&file.name) == Some(&file.inode) {
            self.names.remove(&file.name);
        }
        self.names.insert(Arc::clone(&name), file.inode);
        (file.name, file.path) = (name, path);
    }

    /// Looks at the files whose time has come.
    fn look_at_due(&mut self, now: Instant) -> Result<Vec<ListedFile>, SourceError> {
        let mut found = Vec::new();
        // What directories hold, as far as somebody asked.
        let mut directories = HashMap::new();
        for _ in 0..LOOKS_MAX {
            let next = self.due.peek_mut().filter(|next| next.0.0 <= now);
            let Some(Reverse((_, index))) = next.map(PeekMut::pop) else { break };
            self.look_at(index, now, &mut directories, &mut found)?;
        }
        Ok(found)
    }

    fn look_at(
        &mut self,
        index: usize,
        now: Instant,
        directories: &mut HashMap<PathBuf, HashMap<u64, PathBuf>>,
        found: &mut Vec<ListedFile>,
    ) -> Result<(), SourceError> {
        let mut rows = Rows { format: &self.format, spec: &self.spec, buffer: &mut self.buffer };
        let Some(file) = self.files.get_mut(index).and_then(Option::as_mut) else { return Ok(()) };
        let mut look = file.look(&mut rows)?;
        if matches!(look, Look::Moved) {
            let (inode, name) = (file.inode, Arc::clone(&file.name));
            let directory = place::directory_of(&file.path).to_owned();
            // What is there under its name is new.
            self.next_list = now;
            let Some(path) = located(&directory, inode, directories).map_err(|source| failed(&name, source))? else {
                self.forget(index);
                return Ok(());
            };
            self.rename(index, path.clone(), named(&name, &path));
            let mut rows = Rows { format: &self.format, spec: &self.spec, buffer: &mut self.buffer };
            let Some(file) = self.files.get_mut(index).and_then(Option::as_mut) else { return Ok(()) };
            look = file.look(&mut rows)?;
        }
        if let Look::Grown(parts) = look {
            found.extend(parts);
        }
        let pause = self.pause(index, now);
        self.due.push(Reverse((now + pause, index)));
        Ok(())
    }

    /// The file is under no name that can be known.
    fn forget(&mut self, index: usize) {
        let Some(file) = self.files.get_mut(index).and_then(Option::take) else { return };
        file.tell_gone();
        self.by_inode.remove(&file.inode);
        if self.names.get(&file.name) == Some(&file.inode) {
            self.names.remove(&file.name);
        }
    }

    /// Time to the next look at a file: the longer it has been quiet, the longer.
    fn pause(&self, index: usize, now: Instant) -> Duration {
        let Some(file) = self.files.get(index).and_then(Option::as_ref) else { return self.every };
        if file.has_more() {
            return Duration::from_millis(1);
        }
        let files = u32::try_from(self.by_inode.len()).unwrap_or(u32::MAX);
        let longest = self.every * (files / QUIET_EACH).max(1);
        (now.saturating_duration_since(file.grew) / 8).clamp(self.every, longest)
    }
}

/// Where a directory has the file of this inode.
fn located(
    directory: &Path,
    inode: u64,
    directories: &mut HashMap<PathBuf, HashMap<u64, PathBuf>>,
) -> io::Result<Option<PathBuf>> {
    if !directories.contains_key(directory) {
        directories.insert(directory.to_owned(), place::inodes(directory)?);
    }
    Ok(directories.get(directory).and_then(|files| files.get(&inode)).cloned())
}

/// What the job file would call `path`, which is in the directory of the file that it would call `before`.
fn named(before: &str, path: &Path) -> Arc<str> {
    let file = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    match before.rsplit_once('/') {
        Some((directory, _)) => Arc::from(format!("{directory}/{file}")),
        None => Arc::from(file.as_ref()),
    }
}

fn failed(name: &str, source: io::Error) -> SourceError {
    SourceError::Io { action: "read", file: name.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, time::SystemTime};

    use arrow::datatypes::{DataType, Field, Schema};
    use pelton_core::job::Format;

    use super::*;
    use crate::clock;

    /// Files that are due within a second or two, out of 3,000 that were written so long ago, when all have been looked at once.
    fn due_soon(age: Duration) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let written = SystemTime::UNIX_EPOCH + Duration::from_micros(clock::now_us().unsigned_abs()) - age;
        for file in 0..3_000 {
            let path = folder.path().join(format!("{file}.log"));
            fs::write(&path, "row\n").unwrap();
            File::options().write(true).open(path).unwrap().set_modified(written).unwrap();
        }
        let schema = Arc::new(Schema::new(vec![Field::new("line", DataType::Utf8, false)]));
        let every = Duration::from_secs(1);
        let spec = FileSourceSpec {
            paths: vec!["*.log".into()],
            format: Format::Text,
            compression: Compression::None,
            schema: Some(Arc::clone(&schema)),
            max_row_bytes: 1 << 20,
            watch: Some(every),
            tail: true,
        };
        let format = Arc::new(RowFormat::new(&spec.format, schema, 1024, spec.max_row_bytes).unwrap());
        let mut tracker = Tracker::new(folder.path(), &spec, every, &format, &[]);
        let now = Instant::now();
        assert_eq!(tracker.look(Some(now)).unwrap().map(|found| found.len()), Some(3_000));
        tracker.due.iter().filter(|Reverse((due, _))| *due < now + 2 * every).count()
    }

    #[test]
    fn files_that_were_quiet_before_anybody_looked_are_not_looked_at_often() {
        assert_eq!(due_soon(Duration::from_secs(86_400)), 0);
        assert_eq!(due_soon(Duration::ZERO), 3_000);
    }
}
