//! Where a checkpoint is: a directory, or a place in a bucket.
//!
//! Job files and command lines name a [`Location`]; a [`Place`] is one that is open. Nothing else of the protocol knows which it is, but for what
//! [`Frames`] says. Architecture invariant: no other module decides by the kind of a place.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use cap_std::fs::Dir;
use pelton_core::{checkpoint::claim::Holder, hash::hash_bytes};

use super::{
    CheckpointError, Directory,
    directory::create_durably,
    disk::{Disk, Frames},
    objects::{Draft, Objects, ObjectsUrl},
};
use crate::lock::{self, Lock, LockError};

/// Where a checkpoint is, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    Directory(PathBuf),
    /// A URL of an object store. Whether it can be used is known when it is opened.
    Objects(String),
}

impl Location {
    /// What a job file in the directory `base` means: a URL, or a path that may be relative to it.
    pub fn of(base: &Path, text: &str) -> Self {
        match text.split_once("://") {
            Some(("file", path)) => Self::Directory(PathBuf::from(path)),
            Some(_) => Self::Objects(text.to_owned()),
            None => Self::Directory(base.join(text)),
        }
    }

    /// What is wrong with a text that cannot mean anything.
    pub fn mistake(text: &str) -> Option<String> {
        match text.split_once("://") {
            Some(("file", path)) if path.starts_with('/') => None,
            Some(("file", _)) => Some("a directory's URL is `file:///` and its whole path".into()),
            Some(_) => ObjectsUrl::parse(text).err(),
            None => None,
        }
    }

    /// An object store, on which nothing can be appended to.
    pub fn is_objects(&self) -> bool {
        matches!(self, Self::Objects(_))
    }

    /// There may be something; of an object store nobody has asked.
    pub fn may_hold(&self) -> bool {
        match self {
            Self::Directory(path) => path.exists(),
            Self::Objects(_) => true,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::Objects(url) => f.write_str(url),
        }
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::Directory(path.to_owned())
    }
}

impl From<&PathBuf> for Location {
    fn from(path: &PathBuf) -> Self {
        Self::Directory(path.clone())
    }
}

impl From<&Location> for Location {
    fn from(location: &Location) -> Self {
        location.clone()
    }
}

/// A checkpoint that is open.
#[derive(Debug)]
pub enum Place {
    Directory(Directory),
    Objects(Objects, Option<Lock>),
}

/// A file of it that is open for writing.
pub enum PlaceFile {
    Directory(std::fs::File),
    Objects(Draft),
}

impl Place {
    /// Opens it for the one process of this machine that runs the job.
    pub(super) fn claim(location: &Location) -> Result<(Self, Holder), CheckpointError> {
        match location {
            Location::Directory(path) => {
                let (directory, holder) = Directory::claim(path)?;
                Ok((Self::Directory(directory), holder))
            }
            Location::Objects(url) => {
                let objects = Objects::connect(url)?;
                let holder = lock::holder();
                let lock = lock_on_this_machine(url, &holder)?;
                Ok((Self::Objects(objects, Some(lock)), holder))
            }
        }
    }

    /// Opens it to look at it, beside whoever runs the job.
    pub(super) fn open(location: &Location) -> Result<Self, CheckpointError> {
        match location {
            Location::Directory(path) => Directory::open(path).map(Self::Directory),
            Location::Objects(url) => Objects::connect(url).map(|objects| Self::Objects(objects, None)),
        }
    }
}

impl Place {
    /// Gives a file of a directory one more name, which nobody has.
    pub(super) fn link(&self, from: &str, to: &str) -> io::Result<()> {
        match self {
            Self::Directory(directory) => directory.link(from, to),
            Self::Objects(..) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// A bucket has no locks, so that whoever comes takes the job over. On one machine that is a mistake rather than a wish: there the second process
/// is refused, as with a directory.
fn lock_on_this_machine(url: &str, holder: &Holder) -> Result<Lock, CheckpointError> {
    let folder = std::env::temp_dir().join(format!("pelton-{}", rustix::process::getuid().as_raw()));
    let failed = |source| CheckpointError::io("lock", folder.display(), source);
    create_durably(&folder).map_err(failed)?;
    let directory = std::fs::File::open(&folder).map(Dir::from_std_file).map_err(failed)?;
    let name = format!("{:016x}.lock", hash_bytes(url.trim_end_matches('/').as_bytes()));
    Lock::take(&directory, &name, holder).map_err(|error| match error {
        LockError::Held(holder) => CheckpointError::Busy { directory: url.to_owned(), holder },
        LockError::Io(source) => CheckpointError::io("lock", folder.join(&name).display(), source),
    })
}

/// The same of both.
macro_rules! of_both {
    ($place:expr, $disk:ident => $act:expr) => {
        match $place {
            Place::Directory($disk) => $act,
            Place::Objects($disk, _) => $act,
        }
    };
}

impl Disk for Place {
    type File = PlaceFile;

    fn shown(&self, path: &str) -> String {
        of_both!(self, disk => disk.shown(path))
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        of_both!(self, disk => disk.create_directory(path))
    }

    fn create(&self, path: &str, bytes: u64) -> io::Result<PlaceFile> {
        match self {
            Self::Directory(disk) => disk.create(path, bytes).map(PlaceFile::Directory),
            Self::Objects(disk, _) => disk.create(path, bytes).map(PlaceFile::Objects),
        }
    }

    fn open(&self, path: &str) -> io::Result<PlaceFile> {
        match self {
            Self::Directory(disk) => Disk::open(disk, path).map(PlaceFile::Directory),
            Self::Objects(disk, _) => disk.open(path).map(PlaceFile::Objects),
        }
    }

    fn write(&self, file: &PlaceFile, bytes: &[u8], offset: u64) -> io::Result<()> {
        match (self, file) {
            (Self::Directory(disk), PlaceFile::Directory(file)) => disk.write(file, bytes, offset),
            (Self::Objects(disk, _), PlaceFile::Objects(file)) => disk.write(file, bytes, offset),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn sync_data(&self, file: &PlaceFile) -> io::Result<()> {
        match (self, file) {
            (Self::Directory(disk), PlaceFile::Directory(file)) => disk.sync_data(file),
            (Self::Objects(disk, _), PlaceFile::Objects(file)) => disk.sync_data(file),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn sync_file(&self, file: &PlaceFile) -> io::Result<()> {
        match (self, file) {
            (Self::Directory(disk), PlaceFile::Directory(file)) => disk.sync_file(file),
            (Self::Objects(disk, _), PlaceFile::Objects(file)) => disk.sync_file(file),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn sync_directory(&self, path: &str) -> io::Result<()> {
        of_both!(self, disk => disk.sync_directory(path))
    }

    fn read(&self, path: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
        of_both!(self, disk => disk.read(path, bytes_max))
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        of_both!(self, disk => disk.list(path))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        of_both!(self, disk => disk.exists(path))
    }

    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()> {
        of_both!(self, disk => disk.truncate(path, bytes))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        of_both!(self, disk => disk.remove(path))
    }

    fn frames(&self) -> Frames {
        of_both!(self, disk => disk.frames())
    }

    fn segment_numbers(&self) -> io::Result<Vec<u64>> {
        of_both!(self, disk => disk.segment_numbers())
    }

    fn is_collected(&self, segment: u64) -> io::Result<bool> {
        of_both!(self, disk => disk.is_collected(segment))
    }

    fn remove_segments_before(&self, segment: u64) -> io::Result<u64> {
        of_both!(self, disk => disk.remove_segments_before(segment))
    }

    fn remove_files(&self, paths: &[String]) -> io::Result<()> {
        of_both!(self, disk => disk.remove_files(paths))
    }
}
