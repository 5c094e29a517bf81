//! Random access to a file whose format points into itself (Parquet, Arrow IPC).
//!
//! Invariant: nothing is allocated for bytes that the file does not have, whatever lengths its contents claim.
//! Reads are positional, so threads may share one [`FileBytes`].

use std::{
    fmt,
    fs::File,
    io,
    os::unix::fs::FileExt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::listing::ListedFile;
use crate::source::SourceError;

/// An open file.
#[derive(Debug)]
pub struct FileBytes {
    file: File,
    name: Arc<str>,
    bytes: u64,
}

impl FileBytes {
    pub fn open(listed: &ListedFile) -> Result<Self, SourceError> {
        let failed = |action| move |source| SourceError::Io { action, file: listed.name.to_string(), source };
        let file = File::open(&listed.path).map_err(failed("open"))?;
        // The length now, not when the file was listed: it may have grown or shrunk.
        let bytes = file.metadata().map_err(failed("read"))?.len();
        Ok(Self { file, name: Arc::clone(&listed.name), bytes })
    }

    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Bytes in the file.
    pub fn size(&self) -> u64 {
        self.bytes
    }

    /// Fills `buffer` from `offset` on.
    pub fn read_into(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    /// Some bytes from `offset` on, none at the end of the file.
    pub fn read_some(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    /// The `length` bytes from `offset` on.
    pub fn read(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let inside = offset.checked_add(length).is_some_and(|end| end <= self.bytes);
        let (true, Ok(length)) = (inside, usize::try_from(length)) else {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends before"));
        };
        let mut buffer = vec![0; length];
        self.read_into(offset, &mut buffer)?;
        Ok(buffer)
    }

    pub fn io_error(&self, source: io::Error) -> SourceError {
        SourceError::Io { action: "read", file: self.name.to_string(), source }
    }
}

/// Runs a decoder over bytes that may be damaged. The decoders of Arrow and Parquet report most damage as errors, but
/// assert some of what they expect of a file; such a panic is an error of the file here, not of the process.
pub fn guarded<T, E: fmt::Display>(
    file: &str,
    format: &'static str,
    decode: impl FnOnce() -> Result<T, E>,
) -> Result<T, SourceError> {
    let corrupt = |reason: String| SourceError::Corrupt { file: file.to_owned(), format, reason };
    // What a panicking decoder leaves behind is never looked at again: callers drop it with the error.
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(corrupt(error.to_string())),
        Err(panic) => {
            let message = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("its contents contradict each other");
            Err(corrupt(message.to_owned()))
        }
    }
}
