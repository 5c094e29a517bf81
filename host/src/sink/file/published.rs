//! The output directory of a job that keeps checkpoints.
//!
//! ```text
//!  part-00000.csv       text grows in place, by what each epoch added to it
//!  part-00001.parquet   tables are renamed when their epoch has been committed
//!  _manifest.jsonl      {"epoch":7,"part":"part-00000.csv","bytes":1234}: what readers can trust
//! ```
//!
//! With folders a part's name is `country=DE/part-00007.csv`; numbers count over all folders, so that a part which no committed epoch has is known by
//! its number alone.
//!
//! Called by the writers of text ([`super::growing`]) and of tables ([`super::rolled`]), and by recovery. Invariants: no final
//! name and no byte is there before its epoch has been committed, but for epochs too large to be kept beside the record: those lie
//! behind the length that the manifest says, until they are committed too. Publishing an epoch again changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use cap_std::fs::{Dir, OpenOptions};
use pelton_core::{
    checkpoint::record::{PartContent, PartRecord, SinkState},
    job::IfExists,
    model::Epoch,
};
use serde::Serialize;

use super::parts::{PREFIX, Part, TEMP_MARK, create_directory, is_part, is_temp, lock};
use crate::sink::{Prepared, SinkError};

/// In a directory of parts: a line for each stretch of a part that an epoch made final.
pub const MANIFEST: &str = "_manifest.jsonl";
/// Files that are open until they are synced, at most.
const UNSYNCED_MAX: usize = 256;

/// A claimed output directory, in which epochs are published.
#[derive(Debug)]
pub struct Published {
    directory: Dir,
    /// The same directory as a file: for `fsync`, and it holds the lock.
    handle: File,
    path: PathBuf,
    /// `.csv`, `.csv.gz`
    extension: String,
    /// Written since the last sync.
    unsynced: BTreeMap<String, File>,
    /// Folders in which a name was given or taken away since then; the directory itself is the empty one.
    renamed: BTreeSet<String>,
    /// Folders within folders that parts lie in; 0: parts lie in the directory.
    depth: usize,
    /// Number of the next part.
    next_part: u32,
    bytes: u64,
}

/// One line of the manifest: so many bytes of a part are final.
#[derive(Serialize)]
struct ManifestLine<'a> {
    epoch: Epoch,
    part: &'a str,
    bytes: u64,
    closed: bool,
}

impl Published {
    /// Makes the directory if it is missing, and locks it. `depth`: so many folders deep lie the parts. `begun`: they are this job's own.
    pub fn claim(
        path: &Path,
        extension: String,
        depth: usize,
        if_exists: IfExists,
        begun: bool,
    ) -> Result<Self, SinkError> {
        let error = |action, source| SinkError::Io { action, path: path.display().to_string(), source };
        create_directory(path).map_err(|source| error("create directory", source))?;
        let handle = File::open(path).map_err(|source| error("open directory", source))?;
        let directory = handle.try_clone().map(Dir::from_std_file).map_err(|source| error("open directory", source))?;
        lock(&handle, path)?;
        let mut claimed = Self {
            directory,
            handle,
            path: path.to_owned(),
            extension,
            unsynced: BTreeMap::new(),
            renamed: BTreeSet::new(),
            depth,
            next_part: 0,
            bytes: 0,
        };
        if !begun {
            claimed.clear(if_exists)?;
        }
        Ok(claimed)
    }

    /// Before the first epoch: what an earlier job left there goes, or is in the way. Then the manifest is made.
    fn clear(&mut self, if_exists: IfExists) -> Result<(), SinkError> {
        // A manifest that names no part: whoever made it came to no committed epoch, and nobody needs what it wrote.
        let begun = self.directory.metadata(MANIFEST).is_ok_and(|manifest| manifest.len() == 0);
        let names = self.names()?;
        let is_in_the_way = |name: &&String| {
            let file = file_of(name);
            file.starts_with(PREFIX) && (if_exists == IfExists::Error && !begun || !is_part(file))
        };
        // Where something is in the way, nothing goes.
        if let Some(name) = names.iter().find(is_in_the_way) {
            return Err(SinkError::Exists { path: self.path.display().to_string(), file: name.clone() });
        }
        for name in names {
            let file = file_of(&name);
            if file.starts_with(PREFIX) || is_temp(file) || name == MANIFEST {
                self.remove(&name)?;
            }
        }
        self.open(MANIFEST)?;
        self.sync()
    }

    /// The name of the next part in a folder, which is taken then; the folder is made if it is missing.
    pub fn next_name(&mut self, folder: &str) -> Result<String, SinkError> {
        let file = format!("{PREFIX}{:05}{}", self.next_part, self.extension);
        self.next_part += 1;
        if folder.is_empty() {
            return Ok(file);
        }
        if !self.directory.exists(folder) {
            self.directory.create_dir_all(folder).map_err(|source| self.error("create directory", folder, source))?;
            let mut above = folder;
            while let Some((parent, _)) = above.rsplit_once('/') {
                self.renamed.insert(parent.to_owned());
                above = parent;
            }
            self.renamed.insert(String::new());
        }
        Ok(format!("{folder}/{file}"))
    }

    /// An epoch has rows for more folders than there may be at one time.
    pub fn too_many_folders(&self, most: usize) -> SinkError {
        SinkError::TooManyFolders { path: self.path.display().to_string(), most }
    }

    /// Parts lie in folders.
    pub fn has_folders(&self) -> bool {
        self.depth > 0
    }

    /// No part was begun, in this run or an earlier one.
    pub fn is_empty(&self) -> bool {
        self.next_part == 0
    }

    pub fn state(&self, parts: Vec<PartRecord>) -> SinkState {
        SinkState::Files { parts, next_part: self.next_part }
    }

    /// A file for the part of this name that nobody sees.
    pub fn temp(&mut self, name: &str) -> Result<(String, Part), SinkError> {
        let file = file_of(name);
        let folder = name.strip_suffix(file).unwrap_or_default();
        let temp = format!("{folder}.{file}{TEMP_MARK}{}", std::process::id());
        self.renamed.insert(folder_of(name).to_owned());
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let file = self.directory.open_with(&temp, &options).map_err(|source| self.error("create", &temp, source))?;
        let path = self.path.join(&temp);
        Ok((temp, Part::new(file.into_std(), path)))
    }

    /// Writes bytes of a part where they belong.
    pub fn write(&mut self, name: &str, at: u64, bytes: &[u8]) -> Result<(), SinkError> {
        let file = self.open(name)?;
        let written = file.write_all_at(bytes, at);
        written.map_err(|source| self.error("write", name, source))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// What was written to this part is on the disk, and its name too.
    pub fn sync_part(&mut self, name: &str) -> Result<(), SinkError> {
        if let Some(file) = self.unsynced.remove(name) {
            file.sync_data().map_err(|source| self.error("sync", name, source))?;
        }
        self.sync_names()
    }

    /// The names that were given are on the disk.
    pub fn sync_names(&mut self) -> Result<(), SinkError> {
        for folder in std::mem::take(&mut self.renamed) {
            let synced = match folder.as_str() {
                "" => self.handle.sync_all(),
                folder => self.directory.open(folder).and_then(|folder| folder.sync_all()),
            };
            synced.map_err(|source| self.error("sync", &folder, source))?;
        }
        Ok(())
    }

    /// Everything that was written is on the disk.
    pub fn sync(&mut self) -> Result<(), SinkError> {
        for name in self.unsynced.keys().cloned().collect::<Vec<_>>() {
            self.sync_part(&name)?;
        }
        self.sync_names()
    }

    /// Makes an epoch visible.
    pub fn publish(&mut self, epoch: Epoch, prepared: &Prepared) -> Result<(), SinkError> {
        let SinkState::Files { parts, next_part } = &prepared.state else { return Ok(()) };
        self.next_part = self.next_part.max(*next_part);
        for part in parts {
            match &part.content {
                PartContent::Outbox { offset } => {
                    let end = offset.saturating_add(part.to.saturating_sub(part.from));
                    let range = usize::try_from(*offset).ok().zip(usize::try_from(end).ok());
                    let bytes = range.and_then(|(start, end)| prepared.outbox.get(start..end));
                    let bytes = bytes.ok_or_else(|| self.damaged(&part.name, "its outbox is too short".into()))?;
                    if !bytes.is_empty() || part.to == 0 {
                        self.write(&part.name, part.from, bytes)?;
                    }
                }
                PartContent::InPlace => {}
                PartContent::Temp { name } => self.rename(name, &part.name)?,
            }
        }
        self.tell(parts, epoch)
    }

    /// Cuts off, and removes, what was written for epochs that were not committed; answers the parts that go on.
    pub fn recover(&mut self, last: &SinkState) -> Result<Vec<PartRecord>, SinkError> {
        let SinkState::Files { parts, next_part } = last else { return Ok(Vec::new()) };
        self.next_part = *next_part;
        for name in self.names()? {
            let file = file_of(&name);
            if is_temp(file) || is_part(file) && number(file).is_some_and(|number| number >= *next_part) {
                self.remove(&name)?;
            }
        }
        let open: Vec<PartRecord> = parts.iter().filter(|part| !part.is_closed).cloned().collect();
        for part in &open {
            let file = self.open(&part.name)?;
            let length = file.metadata().and_then(|metadata| {
                if metadata.len() > part.to {
                    file.set_len(part.to)?;
                }
                Ok(metadata.len())
            });
            let length = length.map_err(|source| self.error("cut", &part.name, source))?;
            if length < part.to {
                let reason = format!("it has {length} bytes, and {} were committed", part.to);
                return Err(self.damaged(&part.name, reason));
            }
        }
        self.sync()?;
        Ok(open)
    }

    /// Lines of the summary.
    pub fn details(&self) -> Vec<(String, String)> {
        let files = match self.next_part {
            0 => String::new(),
            parts if self.has_folders() => format!("{parts} in folders, as {MANIFEST} has them"),
            1 => format!("{PREFIX}{:05}{}", 0, self.extension),
            parts => format!("{PREFIX}{:05}{1} … {PREFIX}{2:05}{1} ({parts})", 0, self.extension, parts - 1),
        };
        vec![("directory".to_owned(), self.path.display().to_string()), ("files".to_owned(), files)]
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn tell(&mut self, parts: &[PartRecord], epoch: Epoch) -> Result<(), SinkError> {
        let mut lines = Vec::new();
        for part in parts.iter().filter(|part| part.to > part.from || part.is_closed || part.to == 0) {
            let line = ManifestLine { epoch, part: &part.name, bytes: part.to, closed: part.is_closed };
            serde_json::to_writer(&mut lines, &line).map_err(|error| self.error("write", MANIFEST, error.into()))?;
            lines.push(b'\n');
        }
        if lines.is_empty() {
            return Ok(());
        }
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        let file = self.directory.open_with(MANIFEST, &options);
        let written = file.and_then(|mut file| file.write_all(&lines).map(|()| file));
        let file = written.map_err(|source| self.error("write", MANIFEST, source))?;
        self.unsynced.insert(MANIFEST.to_owned(), file.into_std());
        Ok(())
    }

    /// A temp file that is gone has been renamed, and then its part is there.
    fn rename(&mut self, temp: &str, name: &str) -> Result<(), SinkError> {
        self.renamed.insert(folder_of(name).to_owned());
        match self.directory.rename(temp, &self.directory, name) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.directory.exists(name) => Ok(()),
            Err(source) => Err(self.error("rename", temp, source)),
        }
    }

    fn open(&mut self, name: &str) -> Result<&File, SinkError> {
        if !self.unsynced.contains_key(name) {
            if self.unsynced.len() >= UNSYNCED_MAX {
                self.sync()?;
            }
            if !self.directory.exists(name) {
                self.renamed.insert(folder_of(name).to_owned());
            }
            let mut options = OpenOptions::new();
            options.write(true).read(true).create(true);
            let file = self.directory.open_with(name, &options).map_err(|source| self.error("open", name, source))?;
            self.unsynced.insert(name.to_owned(), file.into_std());
        }
        Ok(self.unsynced.get(name).expect("it is there now"))
    }

    fn remove(&mut self, name: &str) -> Result<(), SinkError> {
        self.renamed.insert(folder_of(name).to_owned());
        self.unsynced.remove(name);
        self.directory.remove_file(name).map_err(|source| self.error("remove", name, source))
    }

    /// The files in the directory, and in the folders that parts may lie in.
    fn names(&self) -> Result<Vec<String>, SinkError> {
        let mut names = Vec::new();
        let mut left = vec![(String::new(), 0)];
        while let Some((folder, depth)) = left.pop() {
            let unreadable = |source| self.error("read directory", &folder, source);
            let entries = match folder.as_str() {
                "" => self.directory.entries(),
                folder => self.directory.read_dir(folder),
            };
            for entry in entries.map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                if depth < self.depth && file_of(&path).contains('=') && entry.file_type().map_err(unreadable)?.is_dir()
                {
                    left.push((path, depth + 1));
                } else {
                    names.push(path);
                }
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn damaged(&self, name: &str, reason: String) -> SinkError {
        SinkError::Damaged { path: self.path.join(name).display().to_string(), reason }
    }

    fn error(&self, action: &'static str, name: &str, source: io::Error) -> SinkError {
        SinkError::Io { action, path: self.path.join(name).display().to_string(), source }
    }
}

/// `country=DE` of `country=DE/part-00012.csv`; empty: it lies in the directory.
pub fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `part-00012.csv` of `country=DE/part-00012.csv`.
fn file_of(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, file)| file)
}

/// 12 of `part-00012.csv`.
fn number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix(PREFIX)?;
    let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end)?.parse().ok()
}
