//! What somebody wants of dead letters: one file for each request, which the run removes when it has carried it out.
//!
//! ```text
//!  0                8
//!  │ checksum: u64 │ request, MessagePack
//! ```
//!
//! Anybody who may write to the directory leaves one, beside a job that runs or not. A file that is not whole is being written, and is
//! looked at again.

use std::{collections::HashSet, io};

use pelton_core::hash::hash_bytes;
use serde::{Deserialize, Serialize};

use super::LetterId;
use crate::{
    checkpoint::{CheckpointError, Location, Place, disk::Disk, names},
    clock,
};

/// What is to become of some letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// They go into their operators again, before all else of the next epoch.
    Replay,
    /// They are forgotten.
    Discard,
}

impl Action {
    pub fn name(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Discard => "discard",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub action: Action,
    /// [`REQUEST_LETTERS_MAX`] at most.
    pub letters: Vec<LetterId>,
}

/// Letters of one request: they go into one epoch.
pub const REQUEST_LETTERS_MAX: usize = 10_000;
const REQUEST_BYTES_MAX: u64 = 4 << 20;

/// Leaves requests for these letters beside the checkpoint. They are durable afterwards.
pub fn request(location: impl Into<Location>, action: Action, letters: &[LetterId]) -> Result<(), CheckpointError> {
    let disk = Place::open(&location.into())?;
    let error = |action, path: &str| {
        let path = disk.shown(path);
        move |source| CheckpointError::io(action, path, source)
    };
    disk.create_directory(names::REQUESTS).map_err(error("create directory", names::REQUESTS))?;
    disk.sync_directory("").map_err(error("sync", ""))?;
    for letters in letters.chunks(REQUEST_LETTERS_MAX) {
        let name = new_name().map_err(error("name a request in", names::REQUESTS))?;
        let request = Request { action, letters: letters.to_vec() };
        let file = disk.create(&name, 0).map_err(error("create", &name))?;
        disk.write(&file, &encode(&request), 0).map_err(error("write", &name))?;
        disk.sync_file(&file).map_err(error("sync", &name))?;
    }
    disk.sync_directory(names::REQUESTS).map_err(error("sync", names::REQUESTS))
}

fn new_name() -> io::Result<String> {
    let mut number = [0; 8];
    getrandom::fill(&mut number).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(names::request(u64::try_from(clock::now_us()).unwrap_or_default(), u64::from_le_bytes(number)))
}

/// All requests that are whole, the oldest first, with their names.
pub(super) fn all<D: Disk>(disk: &D) -> Result<Vec<(String, Request)>, CheckpointError> {
    let mut found = Vec::new();
    for name in listed(disk)? {
        found.extend(read(disk, &name)?.map(|request| (name, request)));
    }
    Ok(found)
}

/// The oldest request that is not known yet.
pub(super) fn oldest<D: Disk>(disk: &D, known: &HashSet<String>) -> Result<Option<(String, Request)>, CheckpointError> {
    for name in listed(disk)?.into_iter().filter(|name| !known.contains(name)) {
        if let Some(request) = read(disk, &name)? {
            return Ok(Some((name, request)));
        }
    }
    Ok(None)
}

pub(super) fn remove<D: Disk>(disk: &D, names: &[String]) -> Result<(), CheckpointError> {
    for name in names {
        let path = format!("{}/{name}", names::REQUESTS);
        match disk.remove(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(CheckpointError::io("remove", disk.shown(&path), source));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Removes also what is not whole.
pub(super) fn remove_all<D: Disk>(disk: &D) -> Result<(), CheckpointError> {
    remove(disk, &listed(disk)?)
}

/// Names in order; there may be no folder yet.
fn listed<D: Disk>(disk: &D) -> Result<Vec<String>, CheckpointError> {
    let mut names = match disk.list(names::REQUESTS) {
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        names => names.map_err(|source| CheckpointError::io("list", disk.shown(names::REQUESTS), source))?,
    };
    names.retain(|name| names::is_request(name));
    names.sort_unstable();
    Ok(names)
}

/// None: it is not whole, or has just been carried out.
fn read<D: Disk>(disk: &D, name: &str) -> Result<Option<Request>, CheckpointError> {
    let path = format!("{}/{name}", names::REQUESTS);
    match disk.read(&path, REQUEST_BYTES_MAX) {
        Ok(bytes) => Ok(decode(&bytes)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CheckpointError::io("read", disk.shown(&path), source)),
    }
}

fn encode(request: &Request) -> Vec<u8> {
    let body = rmp_serde::to_vec_named(request).expect("names and numbers have a form in MessagePack");
    let mut bytes = hash_bytes(&body).to_le_bytes().to_vec();
    bytes.extend(body);
    bytes
}

fn decode(bytes: &[u8]) -> Option<Request> {
    let (checksum, body) = bytes.split_first_chunk()?;
    let request: Request = rmp_serde::from_slice(body).ok()?;
    (hash_bytes(body) == u64::from_le_bytes(*checksum) && request.letters.len() <= REQUEST_LETTERS_MAX)
        .then_some(request)
}

#[cfg(test)]
mod tests {
    use pelton_core::model::Epoch;

    use super::*;

    #[test]
    fn a_request_with_a_changed_byte_is_not_carried_out() {
        let request = Request { action: Action::Replay, letters: vec![LetterId { epoch: Epoch(7), number: 3 }] };
        let bytes = encode(&request);
        assert!(decode(&bytes).is_some());
        for at in 0..bytes.len() {
            for mask in [0x01, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= mask;
                assert!(decode(&changed).is_none(), "byte {at}");
            }
            assert!(decode(&bytes[..at]).is_none(), "cut at {at}");
        }
    }
}
