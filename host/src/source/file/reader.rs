//! Parts of a plain file in a buffer that is used again and again.
//!
//! Called by the decoder of ranges, one reader for each compute thread. Invariant: the buffer holds one range and
//! what its last row needs beyond it, at most twice the longest row that is allowed.

use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};

use rustix::fs::Advice;

use super::{listing::ListedFile, place};
use crate::source::SourceError;

/// Reads one file at a time.
#[derive(Default)]
pub struct Reader {
    file: Option<Open>,
    buffer: Vec<u8>,
    /// The buffered part of the file.
    start: u64,
    end: u64,
}

struct Open {
    listed: Arc<ListedFile>,
    file: File,
}

impl Reader {
    /// Makes `listed` the file to read, unless it is already.
    pub fn open(&mut self, listed: &Arc<ListedFile>) -> Result<(), SourceError> {
        if self.file.as_ref().is_some_and(|open| Arc::ptr_eq(&open.listed, listed)) {
            return Ok(());
        }
        let file = place::open(listed)?;
        self.file = Some(Open { listed: Arc::clone(listed), file });
        (self.start, self.end) = (0, 0);
        Ok(())
    }

    /// Asks the kernel to read `bytes` at `offset` from disk meanwhile. It may do so or not.
    pub fn advise(&self, offset: u64, bytes: u64) {
        if let Some(open) = &self.file
            && offset < open.listed.bytes
        {
            // It is only advice: a file system that takes none is read all the same.
            let _ = rustix::fs::fadvise(&open.file, offset, std::num::NonZeroU64::new(bytes), Advice::WillNeed);
        }
    }

    /// Bytes of the file, as it was listed.
    fn file_bytes(&self) -> u64 {
        self.file.as_ref().map_or(0, |open| open.listed.bytes)
    }

    /// Buffers `from..to` of the file, or up to its end.
    pub fn load(&mut self, from: u64, to: u64) -> Result<(), SourceError> {
        (self.start, self.end) = (from, from);
        self.extend(to)
    }

    /// Drops what is before `from`, and buffers what follows up to `to`, or up to the end of the file.
    pub fn grow(&mut self, from: u64, to: u64) -> Result<(), SourceError> {
        let dropped = usize::try_from(from.saturating_sub(self.start)).unwrap_or(usize::MAX).min(self.len());
        let buffered = self.len();
        self.buffer.copy_within(dropped..buffered, 0);
        self.start += dropped as u64;
        self.extend(to)
    }

    fn extend(&mut self, to: u64) -> Result<(), SourceError> {
        let to = to.min(self.file_bytes());
        let Some(open) = &self.file else { return Ok(()) };
        if to <= self.end {
            return Ok(());
        }
        let (have, want) = ((self.end - self.start) as usize, (to - self.start) as usize);
        if self.buffer.len() < want {
            self.buffer.resize(want, 0);
        }
        let Some(gap) = self.buffer.get_mut(have..want) else { return Ok(()) };
        open.file.read_exact_at(gap, self.end).map_err(|source| failed(&open.listed, source))?;
        self.end = to;
        Ok(())
    }

    fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// The buffered bytes from `offset` on.
    pub fn bytes_from(&self, offset: u64) -> &[u8] {
        let buffered = self.buffer.get(..self.len()).unwrap_or_default();
        usize::try_from(offset.saturating_sub(self.start)).ok().and_then(|at| buffered.get(at..)).unwrap_or_default()
    }

    /// Bytes of the buffer, in use or not.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.buffer.capacity()
    }

    /// Where the buffered part ends.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Whether the buffered part reaches the end of the file.
    pub fn at_end(&self) -> bool {
        self.end >= self.file_bytes()
    }
}

/// The first bytes of a file, at most `bytes`.
pub fn first_bytes(listed: &ListedFile, bytes: u64) -> Result<Vec<u8>, SourceError> {
    let file = place::open(listed)?;
    let mut buffer = vec![0; usize::try_from(bytes.min(listed.bytes)).unwrap_or(0)];
    file.read_exact_at(&mut buffer, 0).map_err(|source| failed(listed, source))?;
    Ok(buffer)
}

fn failed(file: &ListedFile, source: io::Error) -> SourceError {
    match source.kind() {
        io::ErrorKind::UnexpectedEof => SourceError::Shrunk { file: file.name.to_string(), bytes: file.bytes },
        _ => SourceError::Io { action: "read", file: file.name.to_string(), source },
    }
}
