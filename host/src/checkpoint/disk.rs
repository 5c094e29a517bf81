//! What the protocol asks of a disk, so that a model can take its place.
//!
//! [`Directory`](super::Directory) is the real one. The model of the tests forgets at a power cut what was not synced. Paths are
//! relative to the checkpoint directory; the empty path is that directory. Nothing here is durable before it is synced.

use std::io;

/// A directory with folders and files.
pub trait Disk {
    /// A file that is open for writing.
    type File;

    /// The path as people know it.
    fn shown(&self, path: &str) -> String;

    fn create_directory(&self, path: &str) -> io::Result<()>;

    /// Makes a file that was not there before, of so many zeros.
    fn create(&self, path: &str, bytes: u64) -> io::Result<Self::File>;

    fn open(&self, path: &str) -> io::Result<Self::File>;

    fn write(&self, file: &Self::File, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the content durable, and the length as far as the content needs it.
    fn sync_data(&self, file: &Self::File) -> io::Result<()>;

    /// Makes a file durable, but not its name.
    fn sync_file(&self, file: &Self::File) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_directory(&self, path: &str) -> io::Result<()>;

    /// The whole content, of at most so many bytes.
    fn read(&self, path: &str, bytes_max: u64) -> io::Result<Vec<u8>>;

    /// The names in a folder, in any order.
    fn list(&self, path: &str) -> io::Result<Vec<String>>;

    fn exists(&self, path: &str) -> io::Result<bool>;

    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()>;

    fn remove(&self, path: &str) -> io::Result<()>;
}
