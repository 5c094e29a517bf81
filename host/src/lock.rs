//! A directory for one process at a time: an advisory lock that the system releases even when the process is killed.
//!
//! Checkpoint directories and the engine's data directory are locked so. The lock's file says who has it, for the message that a second
//! process shows; it is no lock by itself and need not be removed.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    time::Duration,
};

use cap_std::fs::{Dir, OpenOptions};
use jiff::Timestamp;
use pelton_core::checkpoint::claim::Holder;
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use crate::clock;

/// Held while it lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug)]
pub enum LockError {
    /// As the other process has described itself.
    Held(String),
    Io(io::Error),
}

/// How often, and how long apart, a lock is tried that another process holds: one that was just killed may still have it.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

impl Lock {
    /// Locks the directory by the file `name` in it. Where a file system has no locks, everybody gets one.
    pub fn take(directory: &Dir, name: &str, holder: &Holder) -> Result<Self, LockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true);
        let mut file = directory.open_with(name, &options).map_err(LockError::Io)?.into_std();
        for attempt in 0.. {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) if attempt < TRIES => std::thread::sleep(PAUSE),
                Err(Errno::WOULDBLOCK) => return Err(LockError::Held(said(&mut file))),
                Ok(()) | Err(_) => break,
            }
        }
        let written = file.set_len(0).and_then(|()| file.write_all_at(describe(holder).as_bytes(), 0));
        written.map_err(LockError::Io)?;
        Ok(Self { _file: file })
    }
}

/// What stands in a lock's file.
fn said(file: &mut File) -> String {
    const BYTES_MAX: u64 = 1024;
    let mut holder = String::new();
    match file.take(BYTES_MAX).read_to_string(&mut holder) {
        Ok(_) if !holder.is_empty() => holder,
        _ => "a process that has not said who it is".into(),
    }
}

/// This process, from now on.
pub fn holder() -> Holder {
    Holder {
        pid: std::process::id(),
        host: host_name(),
        since: clock::now_us(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// `process 4711 on turbine, since 2026-05-01T10:00:00Z`
pub fn describe(holder: &Holder) -> String {
    let since = Timestamp::from_microsecond(holder.since).unwrap_or_default();
    format!("process {} on {}, since {since:.0}", holder.pid, holder.host)
}

/// As the system says.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "an unknown host".into() } else { name.to_owned() }
}
