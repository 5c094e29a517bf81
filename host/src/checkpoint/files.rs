//! Files that records name: snapshots of state, rows of tables, dead letters, and rows that wait for a server.
//!
//! Any thread writes them, beside the run. Each has a name that nobody else gives (generation and a count), so that an attempt
//! which fails spoils nothing. [`Files::put`] makes the content durable; the name becomes durable with the next commit.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use pelton_core::{checkpoint::record::FileRef, hash::hash_bytes};

use super::{CheckpointError, Place, disk::Disk, names};

/// The files of a checkpoint, for one process. Clones share them.
pub struct Files<D: Disk = Place> {
    disk: Arc<D>,
    generation: u64,
    count: Arc<AtomicU64>,
    /// Names have been given since the folder was synced.
    has_new: Arc<AtomicBool>,
}

impl<D: Disk> Files<D> {
    pub(super) fn new(disk: Arc<D>, generation: u64) -> Self {
        Self { disk, generation, count: Arc::default(), has_new: Arc::default() }
    }

    /// Writes a file and syncs it. The hint makes its name readable for people.
    pub fn put(&self, hint: &str, bytes: &[u8]) -> Result<FileRef, CheckpointError> {
        let name = names::file(self.generation, self.count.fetch_add(1, Ordering::Relaxed), hint);
        let error = |action| {
            let path = self.disk.shown(&name);
            move |source| CheckpointError::io(action, path, source)
        };
        let file = self.disk.create(&name, 0).map_err(error("create"))?;
        let written = self.disk.write(&file, bytes, 0).map_err(error("write"));
        if let Err(error) = written.and_then(|()| self.disk.sync_file(&file).map_err(error("sync"))) {
            // Nothing names it. If it stays, whoever starts next removes it.
            drop(self.disk.remove(&name));
            return Err(error);
        }
        self.has_new.store(true, Ordering::Release);
        Ok(FileRef { name, bytes: bytes.len() as u64, checksum: hash_bytes(bytes) })
    }

    /// Reads a file that a record names, and checks it.
    pub fn get(&self, file: &FileRef) -> Result<Vec<u8>, CheckpointError> {
        get(self.disk.as_ref(), file)
    }

    /// Makes the names durable that have been given.
    pub(super) fn sync_names(&self) -> Result<(), CheckpointError> {
        if !self.has_new.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let error = |source| CheckpointError::io("sync", self.disk.shown(names::FILES), source);
        self.disk.sync_directory(names::FILES).map_err(error)
    }
}

impl<D: Disk> Clone for Files<D> {
    fn clone(&self) -> Self {
        Self {
            disk: Arc::clone(&self.disk),
            generation: self.generation,
            count: Arc::clone(&self.count),
            has_new: Arc::clone(&self.has_new),
        }
    }
}

impl<D: Disk> fmt::Debug for Files<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// The content of a file, if it is what the record says.
pub(super) fn get<D: Disk>(disk: &D, file: &FileRef) -> Result<Vec<u8>, CheckpointError> {
    let shown = disk.shown(&file.name);
    if !names::is_file(&file.name) {
        return Err(CheckpointError::damaged(shown, 0, "a record names it, and it is no file of a checkpoint"));
    }
    let bytes = match disk.read(&file.name, file.bytes.saturating_add(1)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(CheckpointError::damaged(shown, 0, "a record needs it, and it is missing"));
        }
        Err(source) => return Err(CheckpointError::io("read", shown, source)),
    };
    let (found, expected) = (bytes.len() as u64, file.bytes);
    if found != expected {
        let what = format!("it has {found} bytes instead of {expected}");
        return Err(CheckpointError::damaged(shown, found.min(expected), what));
    }
    if hash_bytes(&bytes) != file.checksum {
        return Err(CheckpointError::damaged(shown, 0, "its content does not match the checksum in the record"));
    }
    Ok(bytes)
}
