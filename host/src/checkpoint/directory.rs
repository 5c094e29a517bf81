//! The real disk: a directory through a capability, so that no name in a record leads out of it.
//!
//! One process at a time owns it, by an advisory lock that the system releases even when the process is killed. Where a file system has
//! no locks, claims alone keep a second process from committing (`store.rs`).

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use cap_std::fs::{Dir, OpenOptions};
use pelton_core::checkpoint::claim::Holder;
use rustix::{
    fs::{FallocateFlags, fallocate},
    io::Errno,
};

use super::{CheckpointError, disk::Disk, names};
use crate::lock::{self, Lock, LockError};

/// A checkpoint directory. While it lives, a directory that was claimed is locked.
#[derive(Debug)]
pub struct Directory {
    directory: Dir,
    path: PathBuf,
    lock: Option<Lock>,
}

impl Directory {
    /// Makes the directory if it is missing and locks it.
    pub(super) fn claim(path: &Path) -> Result<(Self, Holder), CheckpointError> {
        let error = |action| move |source| CheckpointError::io(action, path.display(), source);
        create_durably(path).map_err(error("create directory"))?;
        let mut claimed = Self::open(path)?;
        let holder = lock::holder();
        let lock = Lock::take(&claimed.directory, names::LOCK, &holder).map_err(|failed| match failed {
            LockError::Held(holder) => CheckpointError::Busy { directory: path.display().to_string(), holder },
            LockError::Io(source) => CheckpointError::io("lock", claimed.shown(names::LOCK), source),
        })?;
        claimed.lock = Some(lock);
        Ok((claimed, holder))
    }

    /// Opens the directory to look at it, beside whoever runs the job.
    pub(super) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let file = File::open(path).map_err(|source| CheckpointError::io("open directory", path.display(), source))?;
        Ok(Self { directory: Dir::from_std_file(file), path: path.to_owned(), lock: None })
    }

    /// Gives a file one more name, which nobody has.
    pub(super) fn link(&self, from: &str, to: &str) -> io::Result<()> {
        self.directory.hard_link(from, &self.directory, to)
    }

    fn folder(&self, path: &str) -> io::Result<File> {
        let path = if path.is_empty() { "." } else { path };
        // Not `open_dir`: what that opens cannot be synced.
        self.directory.open(path).map(cap_std::fs::File::into_std)
    }
}

impl Disk for Directory {
    type File = File;

    fn shown(&self, path: &str) -> String {
        self.path.join(path).display().to_string()
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        match self.directory.create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    fn create(&self, path: &str, bytes: u64) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let file = self.directory.open_with(path, &options)?.into_std();
        if bytes > 0 {
            match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
                // Without space set aside it still reads as zeros.
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => file.set_len(bytes)?,
                other => other?,
            }
        }
        Ok(file)
    }

    fn open(&self, path: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true);
        self.directory.open_with(path, &options).map(cap_std::fs::File::into_std)
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_file(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn sync_directory(&self, path: &str) -> io::Result<()> {
        self.folder(path)?.sync_all()
    }

    fn read(&self, path: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
        let file = self.directory.open(path)?.into_std();
        let length = file.metadata()?.len();
        if length > bytes_max {
            return Err(io::Error::other(format!("it has {length} bytes, more than {bytes_max}")));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        file.take(bytes_max).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let entries = self.directory.read_dir(path)?;
        // A name that is not text is none of ours.
        let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
        names.filter_map(io::Result::transpose).collect()
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.directory.try_exists(path)
    }

    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()> {
        self.open(path)?.set_len(bytes)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.directory.remove_file(path)
    }
}

/// Makes a directory and those above it, so that they survive a power cut.
pub(crate) fn create_durably(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> =
        path.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    std::fs::create_dir_all(path)?;
    for created in missing {
        let parent = created.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}
