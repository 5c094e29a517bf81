//! The rows of an epoch until they are published.
//!
//! ```text
//!  rows ─► memory ─ more than 8 MiB ─► a file of the checkpoint (without one: a temp file without a name)
//!  prepare: what is left goes beside the record if the epoch fits in 1 MiB, else into a file too
//! ```
//!
//! So memory is bounded however large an epoch is, and a small one costs no file. Called by the writer alone.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    mem::take,
};

use pelton_core::checkpoint::record::FileRef;

use crate::{checkpoint::Files, sink::SinkError};

/// Bytes that are held in memory, but for the last batch.
const PIECE_BYTES: usize = 8 << 20;
/// Bytes that go beside the record.
const RECORD_BYTES_MAX: usize = 1 << 20;

/// The rows of the open epoch.
#[derive(Debug)]
pub struct Outbox {
    /// None: there is no checkpoint.
    files: Option<Files>,
    kept: Vec<FileRef>,
    temps: Vec<File>,
    memory: Vec<u8>,
}

impl Outbox {
    pub fn new(files: Option<Files>) -> Self {
        Self { files, kept: Vec::new(), temps: Vec::new(), memory: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.memory.is_empty() && self.kept.is_empty() && self.temps.is_empty()
    }

    pub fn append(&mut self, rows: &[u8]) -> Result<(), SinkError> {
        self.memory.extend_from_slice(rows);
        if self.memory.len() >= PIECE_BYTES { self.spill() } else { Ok(()) }
    }

    /// What the record is to know of the epoch: files, and bytes beside it. The next epoch begins.
    pub fn settle(&mut self) -> Result<(Vec<FileRef>, Vec<u8>), SinkError> {
        if self.memory.len() > RECORD_BYTES_MAX && self.files.is_some() {
            self.spill()?;
        }
        Ok((take(&mut self.kept), take(&mut self.memory)))
    }

    /// Without a checkpoint, the pieces before what [`settle`](Self::settle) answered.
    pub fn temps(&self) -> &[File] {
        &self.temps
    }

    /// The epoch is published.
    pub fn forget(&mut self) {
        self.temps.clear();
    }

    fn spill(&mut self) -> Result<(), SinkError> {
        match &self.files {
            Some(files) => {
                let file = files.put("outbox", &self.memory).map_err(|source| SinkError::Outbox { source })?;
                self.kept.push(file);
            }
            None => {
                let file = tempfile::tempfile().and_then(|mut file| file.write_all(&self.memory).map(|()| file));
                self.temps.push(file.map_err(|source| temp_error("write", source))?);
            }
        }
        self.memory.clear();
        Ok(())
    }
}

/// A piece that was written without a checkpoint.
pub fn read_temp(mut file: &File) -> Result<Vec<u8>, SinkError> {
    let mut bytes = Vec::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut bytes));
    read.map_err(|source| temp_error("read", source))?;
    Ok(bytes)
}

fn temp_error(action: &'static str, source: std::io::Error) -> SinkError {
    SinkError::Io { action, path: std::env::temp_dir().display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_epoch_waits_outside_of_memory_and_comes_back_in_order() {
        let mut outbox = Outbox::new(None);
        assert!(outbox.is_empty());
        let rows: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
        for piece in rows.chunks(700_001) {
            outbox.append(piece).unwrap();
            assert!(outbox.memory.len() < PIECE_BYTES);
        }
        assert!(!outbox.is_empty());
        let (files, rest) = outbox.settle().unwrap();
        assert!(files.is_empty() && !rest.is_empty());
        // Twice: publishing may have to begin again.
        for _ in 0..2 {
            let mut all: Vec<u8> = outbox.temps().iter().flat_map(|file| read_temp(file).unwrap()).collect();
            all.extend(&rest);
            assert!(all == rows, "the same bytes");
        }
        outbox.forget();
        assert!(outbox.is_empty());
    }
}
