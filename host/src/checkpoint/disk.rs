//! What the protocol asks of a disk, so that an object store or a model can take its place.
//!
//! [`Directory`](super::Directory) is a real one, [`Objects`](super::objects::Objects) a bucket. The model of the tests forgets at a power cut what
//! was not synced. Paths are relative to the checkpoint's place; the empty path is that place. Nothing here is durable before it is synced.

use std::io;

use super::names;

/// How frames of the journal become durable, and how a process that has lost the job is kept from writing one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frames {
    /// Segments are files that grow. Whoever takes the job over makes the next segment before it reads.
    Appended,
    /// Each frame is a segment of its own, an object that is put only where none is. Whoever takes the job over reads, and puts its claim
    /// where the next frame of anybody else would be.
    Put,
}

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

    fn frames(&self) -> Frames {
        Frames::Appended
    }

    /// The numbers of the journal's segments, lowest first.
    fn segment_numbers(&self) -> io::Result<Vec<u64>> {
        listed_segments(self)
    }

    /// Whether a segment that was there has been collected, by whoever took the job over.
    fn is_collected(&self, segment: u64) -> io::Result<bool> {
        Ok(!self.exists(&names::segment(segment))?)
    }

    /// Removes the segments with lower numbers so that what is left never has a gap. Answers how many.
    fn remove_segments_before(&self, segment: u64) -> io::Result<u64> {
        let mut removed = 0;
        for number in self.segment_numbers()?.into_iter().take_while(|number| *number < segment) {
            remove_if_there(self, &names::segment(number))?;
            self.sync_directory(names::JOURNAL)?;
            removed += 1;
        }
        Ok(removed)
    }

    /// Removes files; some may be gone already.
    fn remove_files(&self, paths: &[String]) -> io::Result<()> {
        paths.iter().try_for_each(|path| remove_if_there(self, path))
    }
}

/// The numbers of the segments that a listing names, lowest first.
pub(super) fn listed_segments<D: Disk + ?Sized>(disk: &D) -> io::Result<Vec<u64>> {
    let names = disk.list(names::JOURNAL)?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| names::segment_number(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// A process that was killed in between may have removed it.
fn remove_if_there<D: Disk + ?Sized>(disk: &D, path: &str) -> io::Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
