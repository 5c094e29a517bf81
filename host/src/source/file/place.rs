//! Where a file is now that may have been renamed: files that grow are known by their inode, and are opened by it.
//!
//! Called by whoever opens a listed file, and by the tracker of files that grow. Invariant: what is opened for a file that grows is that file, under
//! whatever name it has in its directory, or nothing.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, ErrorKind},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
};

use pelton_core::hash;

use super::listing::ListedFile;
use crate::source::SourceError;

/// Bytes at the beginning of a file by which it is known again, at most.
const MARK_BYTES_MAX: u64 = 1024;

/// What a file begins with: the same file still does so when it has grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    pub bytes: u32,
    pub hash: u64,
}

impl Mark {
    /// Of a file whose first `end` bytes do not change any more.
    pub fn of(file: &File, end: u64) -> io::Result<Self> {
        let bytes = u32::try_from(end.min(MARK_BYTES_MAX)).unwrap_or(u32::MAX);
        Ok(Self { bytes, hash: hash_of(file, bytes)? })
    }

    /// Whether a longer one can be had.
    pub fn is_short(self, end: u64) -> bool {
        u64::from(self.bytes) < end.min(MARK_BYTES_MAX)
    }

    pub fn is_at(self, file: &File) -> io::Result<bool> {
        if self.bytes == 0 {
            // Nothing is known of how it begins.
            return Ok(true);
        }
        match hash_of(file, self.bytes) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            hash => hash.map(|hash| hash == self.hash),
        }
    }
}

fn hash_of(file: &File, bytes: u32) -> io::Result<u64> {
    let mut head = vec![0; bytes as usize];
    file.read_exact_at(&mut head, 0)?;
    Ok(hash::hash_bytes(&head))
}

/// Opens a file as it was listed; one that grows also under the name that it has now.
pub fn open(listed: &ListedFile) -> Result<File, SourceError> {
    let failed = |source| SourceError::Io { action: "open", file: listed.name.to_string(), source };
    let opened = File::open(&listed.path);
    let Some(growth) = &listed.growth else { return opened.map_err(failed) };
    match opened {
        Ok(file) if file.metadata().map_err(failed)?.ino() == growth.inode => return Ok(file),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let file = File::open(found(&listed.path, growth.inode, &listed.name)?).map_err(failed)?;
    match file.metadata().map_err(failed)?.ino() {
        inode if inode == growth.inode => Ok(file),
        _ => Err(SourceError::Gone { file: listed.name.to_string() }),
    }
}

/// The path at which a file is now that people call `name`.
pub fn found(path: &Path, inode: u64, name: &str) -> Result<PathBuf, SourceError> {
    let failed = |source| SourceError::Io { action: "find", file: name.to_owned(), source };
    locate(path, inode).map_err(failed)?.ok_or_else(|| SourceError::Gone { file: name.to_owned() })
}

/// The path at which a file is now that was at `path`: that one, or another in the same directory.
fn locate(path: &Path, inode: u64) -> io::Result<Option<PathBuf>> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.ino() == inode => Ok(Some(path.to_owned())),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(inodes(directory_of(path))?.remove(&inode)),
    }
}

pub fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The files of a directory by their inodes; none if it is gone.
pub fn inodes(directory: &Path) -> io::Result<HashMap<u64, PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashMap::new()),
        entries => entries?,
    };
    let mut found = HashMap::new();
    for entry in entries {
        let path = entry?.path();
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                found.insert(metadata.ino(), path);
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(found)
}
