//! A folder of the engine's data directory, through a capability: no name leads out of it.
//!
//! Called by everything of `control` that is on the disk. Invariant: a file is there whole or not at all, also after a power cut: it is
//! written beside, synced, renamed, and its folder is synced. Records carry their format and checksum in a first line:
//!
//! ```text
//! pelton-record 1 BLAKE3-OF-THE-REST
//! { JSON, for people to read }
//! ```

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions},
};
use serde::{Serialize, de::DeserializeOwned};

use super::ControlError;
use crate::{
    checkpoint::create_durably,
    lock::{Lock, LockError, holder},
};

/// Begins the names of files and folders that do not count: not yet, or not any more.
const UNFINISHED: &str = ".unfinished-";
const HEADING: &str = "pelton-record 1 ";
/// Larger records are damaged ones.
const RECORD_BYTES_MAX: u64 = 64 << 20;

/// Makes the names of unfinished files differ within the process; other processes are kept out by the lock.
static COUNT: AtomicU64 = AtomicU64::new(0);

#[derive(Debug)]
pub(super) struct Folder {
    dir: Dir,
    path: PathBuf,
}

impl Folder {
    /// Makes the folder if it is missing.
    pub(super) fn create(path: &Path) -> Result<Self, ControlError> {
        create_durably(path).map_err(ControlError::io("create", path))?;
        let path = path.canonicalize().map_err(ControlError::io("open", path))?;
        let dir = Dir::open_ambient_dir(&path, ambient_authority()).map_err(ControlError::io("open", &path))?;
        Ok(Self { dir, path })
    }

    /// A folder in this one, made if it is missing.
    pub(super) fn folder(&self, name: &str) -> Result<Self, ControlError> {
        let path = self.path.join(name);
        match self.dir.create_dir(name) {
            Ok(()) => self.sync()?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(ControlError::io("create", &path)(error)),
        }
        let dir = self.dir.open_dir(name).map_err(ControlError::io("open", &path))?;
        Ok(Self { dir, path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// For this process alone, until the lock is dropped.
    pub(super) fn lock(&self, name: &str) -> Result<Lock, ControlError> {
        Lock::take(&self.dir, name, &holder()).map_err(|failed| match failed {
            LockError::Held(holder) => ControlError::Busy { directory: self.path.display().to_string(), holder },
            LockError::Io(source) => ControlError::io("lock", self.path.join(name))(source),
        })
    }

    /// The names in it, in order; unfinished ones are left out.
    pub(super) fn names(&self) -> Result<Vec<String>, ControlError> {
        let mut names = self.all_names()?;
        names.retain(|name| !name.starts_with(UNFINISHED));
        names.sort();
        Ok(names)
    }

    fn all_names(&self) -> Result<Vec<String>, ControlError> {
        let entries = self.dir.entries().map_err(ControlError::io("list", &self.path))?;
        // A name that is not text is none of ours.
        let names = entries.filter_map(|entry| entry.map(|entry| entry.file_name().into_string().ok()).transpose());
        names.collect::<io::Result<_>>().map_err(ControlError::io("list", &self.path))
    }

    /// Removes what a process left that died.
    pub(super) fn sweep(&self) -> Result<(), ControlError> {
        for name in self.all_names()?.iter().filter(|name| name.starts_with(UNFINISHED)) {
            let is_folder = self.dir.symlink_metadata(name).is_ok_and(|found| found.is_dir());
            let removed = if is_folder { self.dir.remove_dir_all(name) } else { self.dir.remove_file(name) };
            removed.map_err(ControlError::io("remove", self.path.join(name)))?;
        }
        Ok(())
    }

    /// The content of a file; none: there is no such file.
    pub(super) fn read(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, ControlError> {
        let path = self.path.join(name);
        let file = match self.dir.open(name) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ControlError::io("open", path)(error)),
        };
        let mut bytes = Vec::new();
        file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(ControlError::io("read", &path))?;
        if bytes.len() as u64 > bytes_max {
            let what = format!("it has more than {bytes_max} bytes");
            return Err(ControlError::Damaged { path: path.display().to_string(), what });
        }
        Ok(Some(bytes))
    }

    /// Makes or replaces a file.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ControlError> {
        let unfinished = format!("{UNFINISHED}{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let written = self.write_synced(&unfinished, bytes);
        if let Err(error) = written.and_then(|()| self.dir.rename(&unfinished, &self.dir, name)) {
            // Nobody knows its name; if it stays, the next start removes it.
            drop(self.dir.remove_file(&unfinished));
            return Err(ControlError::io("write", self.path.join(name))(error));
        }
        self.sync()
    }

    /// A file without a name, which is gone when it is closed; and where it lies, for errors.
    pub(super) fn nameless(&self) -> Result<(cap_std::fs::File, PathBuf), ControlError> {
        let name = format!("{UNFINISHED}{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let path = self.path.join(&name);
        let made = self.dir.open_with(&name, OpenOptions::new().read(true).write(true).create_new(true));
        let made = made.and_then(|file| self.dir.remove_file(&name).map(|()| file));
        made.map(|file| (file, path.clone())).map_err(ControlError::io("create", path))
    }

    fn write_synced(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.dir.open_with(name, OpenOptions::new().write(true).create_new(true))?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    /// Adds to a file's end, which is made if it is missing.
    pub(super) fn append(&self, name: &str, bytes: &[u8]) -> Result<(), ControlError> {
        let appended = self.dir.open_with(name, OpenOptions::new().append(true).create(true)).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_data()
        });
        appended.map_err(ControlError::io("add to", self.path.join(name)))
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), ControlError> {
        match self.dir.remove_file(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ControlError::io("remove", self.path.join(name))(error))
            }
            _ => self.sync(),
        }
    }

    /// Removes a folder with everything in it, at once as far as anybody can tell.
    pub(super) fn remove_folder(&self, name: &str) -> Result<(), ControlError> {
        let unfinished = format!("{UNFINISHED}{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let renamed = self.dir.rename(name, &self.dir, &unfinished);
        renamed.map_err(ControlError::io("remove", self.path.join(name)))?;
        self.sync()?;
        self.dir.remove_dir_all(&unfinished).map_err(ControlError::io("remove", self.path.join(unfinished)))
    }

    pub(super) fn write_record<T: Serialize>(&self, name: &str, record: &T) -> Result<(), ControlError> {
        let text = serde_json::to_string_pretty(record).expect("records are names, numbers and texts");
        let digest = blake3::hash(text.as_bytes());
        self.write(name, format!("{HEADING}{digest}\n{text}").as_bytes())
    }

    /// None: there is no such record.
    pub(super) fn read_record<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ControlError> {
        let Some(bytes) = self.read(name, RECORD_BYTES_MAX)? else { return Ok(None) };
        let damaged = |what: &dyn ToString| ControlError::Damaged {
            path: self.path.join(name).display().to_string(),
            what: what.to_string(),
        };
        let text = std::str::from_utf8(&bytes).map_err(|error| damaged(&error))?;
        let (heading, rest) = text.split_once('\n').ok_or_else(|| damaged(&"it has no heading"))?;
        let digest = heading.strip_prefix(HEADING).ok_or_else(|| damaged(&"it is no record of this version"))?;
        let found = blake3::hash(rest.as_bytes()).to_hex();
        if digest != found.as_str() {
            return Err(damaged(&"its content does not match its checksum"));
        }
        serde_json::from_str(rest).map(Some).map_err(|error| damaged(&error))
    }

    /// Makes the names in it durable.
    fn sync(&self) -> Result<(), ControlError> {
        // Not the handle that is held: that cannot be synced.
        let opened = self.dir.open(".").and_then(|folder| folder.into_std().sync_all());
        opened.map_err(ControlError::io("sync", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_back_and_damage_is_found() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::create(&root.path().join("a/b")).unwrap();
        assert_eq!(folder.read_record::<Vec<u64>>("numbers").unwrap(), None);
        folder.write_record("numbers", &vec![1u64, 2]).unwrap();
        folder.write_record("numbers", &vec![1u64, 2, 3]).unwrap();
        assert_eq!(folder.read_record("numbers").unwrap(), Some(vec![1u64, 2, 3]));
        assert_eq!(folder.names().unwrap(), ["numbers"]);
        let path = folder.path().join("numbers");
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            let error = folder.read_record::<Vec<u64>>("numbers").unwrap_err();
            assert!(matches!(error, ControlError::Damaged { .. }), "byte {at}: {error}");
        }
        for cut in 0..good.len() {
            std::fs::write(&path, &good[..cut]).unwrap();
            assert!(folder.read_record::<Vec<u64>>("numbers").is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn what_a_killed_process_left_is_swept() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::create(root.path()).unwrap();
        folder.folder("job").unwrap().write("x", b"x").unwrap();
        std::fs::write(root.path().join(".unfinished-7"), b"half").unwrap();
        std::fs::create_dir_all(root.path().join(".unfinished-8/deep")).unwrap();
        assert_eq!(folder.names().unwrap(), ["job"]);
        folder.sweep().unwrap();
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
        folder.remove_folder("job").unwrap();
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn names_do_not_lead_out() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::create(&root.path().join("inner")).unwrap();
        std::fs::write(root.path().join("secret"), b"s").unwrap();
        assert!(folder.read("../secret", 10).is_err());
        assert!(folder.write("../new", b"n").is_err());
    }
}
