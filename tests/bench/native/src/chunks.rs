//! Reads the files of a directory, in the order of their names, as chunks of whole rows.
//!
//! A chunk fits the second-level cache, so that the parser finds its bytes there. What follows a chunk's last newline
//! is carried into the next one; rows have no quoted newlines.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

const CHUNK_BYTES: usize = 256 << 10;

/// Calls `rows` with one chunk after the other, of files with this ending. A row longer than a chunk is refused.
pub fn for_each(directory: &Path, ending: &str, mut rows: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut paths = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == ending));
    paths.sort();
    let mut buffer = vec![0; CHUNK_BYTES];
    for path in paths {
        one_file(File::open(path)?, &mut buffer, &mut rows)?;
    }
    Ok(())
}

fn one_file(mut file: File, buffer: &mut [u8], rows: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut carried = 0;
    loop {
        let (_, free) = buffer.split_at_mut(carried);
        if free.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a row is longer than a chunk"));
        }
        let read = file.read(free)?;
        let (filled, _) = buffer.split_at(carried + read);
        if read == 0 {
            return if filled.is_empty() { Ok(()) } else { rows(filled) };
        }
        let whole = memchr::memrchr(b'\n', filled).map_or(0, |newline| newline + 1);
        let (chunk, rest) = filled.split_at(whole);
        rows(chunk)?;
        carried = rest.len();
        buffer.copy_within(whole..whole + carried, 0);
    }
}
