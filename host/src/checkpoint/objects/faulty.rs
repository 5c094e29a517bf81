//! A bucket with faults: what a store does to a process, and what of it the process gets to know.
//!
//! The bucket itself is an `object_store` in memory that all processes share. Each process has its own [`Faulty`], which counts its requests and
//! lets one of them meet a [`Fault`]. A listing may be as old as the process; a request that was given up may arrive much later.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use object_store::{UpdateVersion, memory::InMemory};

use super::{
    Objects, ObjectsUrl,
    bucket::{Before, Bucket, Failure, Found},
    remote::Remote,
};
use crate::checkpoint::simulation::Turn;

/// What happens to a process at one of its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is gone before the request arrives.
    Before,
    /// It is gone after the request was carried out.
    After,
    /// It is gone, and its request arrives after so many requests of others.
    Late(u32),
    /// The store refuses, and the process lives.
    Refused,
    /// The request is lost, and the process does not know.
    Lost,
    /// The answer is lost, and the process does not know.
    Unanswered,
    /// No answer comes, and the request arrives after so many others.
    Delayed(u32),
    /// Another process runs meanwhile.
    Meanwhile,
}

/// What a process, or its store, does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    None,
    /// Does not look at the floor.
    IgnoresFloor,
}

/// What all processes share.
struct World {
    bucket: Remote,
    /// Requests that are under way, and how many others arrive before.
    late: Vec<(u32, Late)>,
}

struct Late {
    key: String,
    bytes: Vec<u8>,
    before: Before,
}

struct Process {
    requests: u64,
    fault: Option<(u64, Fault)>,
    meanwhile: Option<Box<dyn FnOnce() + Send>>,
    is_gone: bool,
    has_failed: bool,
    /// The fault met a write.
    lost_a_write: bool,
    /// Listings are as they were when this was taken, if it was.
    listing: Option<Vec<(String, Vec<String>)>>,
    mistake: Mistake,
    /// Other processes may do something before each request.
    turn: Option<Turn>,
}

/// A process's view of a bucket; clones are the same process.
#[derive(Clone)]
pub struct Faulty {
    world: Arc<Mutex<World>>,
    process: Arc<Mutex<Process>>,
}

impl Faulty {
    pub fn new() -> Self {
        let bucket = Remote::new(Arc::new(InMemory::new())).unwrap();
        Self::of(Arc::new(Mutex::new(World { bucket, late: Vec::new() })))
    }

    fn of(world: Arc<Mutex<World>>) -> Self {
        let process = Process {
            requests: 0,
            fault: None,
            meanwhile: None,
            is_gone: false,
            has_failed: false,
            lost_a_write: false,
            listing: None,
            mistake: Mistake::None,
            turn: None,
        };
        Self { world, process: Arc::new(Mutex::new(process)) }
    }

    /// Another process.
    pub fn process(&self) -> Self {
        Self::of(Arc::clone(&self.world))
    }

    /// Requests are counted from 0.
    pub fn with_fault(self, request: u64, fault: Fault) -> Self {
        self.state().fault = Some((request, fault));
        self
    }

    pub fn meanwhile(self, request: u64, other: impl FnOnce() + Send + 'static) -> Self {
        self.state().meanwhile = Some(Box::new(other));
        self.with_fault(request, Fault::Meanwhile)
    }

    /// Asks for its turn before each request.
    pub(in crate::checkpoint) fn taking(self, turn: Turn) -> Self {
        self.state().turn = Some(turn);
        self
    }

    pub fn making(self, mistake: Mistake) -> Self {
        self.state().mistake = mistake;
        self
    }

    /// Its listings stay as they are now.
    pub fn with_old_listings(self) -> Self {
        let objects = self.objects();
        let world = self.world.lock().unwrap();
        let folders = ["journal", "files", "requests"].map(|folder| objects.key(folder));
        let listing = folders.map(|folder| (folder.clone(), world.bucket.list(&folder).unwrap())).to_vec();
        drop(world);
        self.state().listing = Some(listing);
        self
    }

    pub fn objects(&self) -> Objects {
        Objects::new(Box::new(self.clone()), ObjectsUrl::parse("s3://bucket/job").unwrap())
    }

    pub fn requests(&self) -> u64 {
        self.state().requests
    }

    /// A fault has come, so that the process may fail.
    pub fn is_faulty(&self) -> bool {
        let process = self.state();
        process.is_gone || process.has_failed || process.mistake != Mistake::None
    }

    pub fn lost_a_write(&self) -> bool {
        self.state().lost_a_write
    }

    /// All keys under the job's prefix.
    pub fn keys(&self) -> Vec<String> {
        let world = self.world.lock().unwrap();
        let mut keys = Vec::new();
        for folder in ["job/journal", "job/files", "job/requests"] {
            keys.extend(world.bucket.list(folder).unwrap().into_iter().map(|name| format!("{folder}/{name}")));
        }
        keys
    }

    /// Changes a byte of an object.
    pub fn flip(&self, key: &str, offset: usize, mask: u8) {
        let world = self.world.lock().unwrap();
        let mut found = world.bucket.get(key, u64::MAX).unwrap().unwrap();
        found.bytes[offset] ^= mask;
        world.bucket.put(key, &found.bytes, &Before::Version(found.version)).unwrap();
    }

    pub fn content(&self, key: &str) -> Option<Vec<u8>> {
        self.world.lock().unwrap().bucket.get(key, u64::MAX).unwrap().map(|found| found.bytes)
    }

    pub fn remove_object(&self, key: &str) {
        self.world.lock().unwrap().bucket.remove(&[key.to_owned()]).unwrap();
    }

    fn state(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap()
    }

    /// Does a request, unless a fault comes first. A write that comes too late is given as `late`.
    fn request<T>(&self, late: Option<Late>, act: impl FnOnce(&Remote) -> Result<T, Failure>) -> Result<T, Failure> {
        let unclear = || Failure::Unclear("the connection was cut".into());
        let turn = self.state().turn.clone();
        if let Some(turn) = turn {
            turn.pass();
        }
        let fault = {
            let mut process = self.state();
            if process.is_gone {
                return Err(Failure::Refused(io::Error::other("the process is gone")));
            }
            let request = process.requests;
            process.requests += 1;
            let fault = process.fault.filter(|(at, _)| *at == request).map(|(_, fault)| fault);
            process.is_gone = matches!(fault, Some(Fault::Before | Fault::After | Fault::Late(_)));
            process.has_failed |= fault.is_some_and(|fault| fault != Fault::Meanwhile);
            process.lost_a_write |= fault.is_some() && late.is_some();
            let other = if fault == Some(Fault::Meanwhile) { process.meanwhile.take() } else { None };
            drop(process);
            if let Some(other) = other {
                other();
            }
            fault
        };
        let mut world = self.world.lock().unwrap();
        world.arrive();
        match fault {
            None | Some(Fault::Meanwhile) => act(&world.bucket),
            Some(Fault::Refused) => Err(Failure::Refused(io::Error::other("access denied"))),
            Some(Fault::Before | Fault::Lost) => Err(unclear()),
            Some(Fault::After | Fault::Unanswered) => {
                drop(act(&world.bucket));
                Err(unclear())
            }
            Some(Fault::Late(others) | Fault::Delayed(others)) => {
                world.late.extend(late.map(|late| (others, late)));
                Err(unclear())
            }
        }
    }
}

impl World {
    /// Another request arrives: those that are late come nearer.
    fn arrive(&mut self) {
        for (others, _) in &mut self.late {
            *others = others.saturating_sub(1);
        }
        let all: Vec<(u32, Late)> = std::mem::take(&mut self.late);
        let (due, late): (Vec<_>, Vec<_>) = all.into_iter().partition(|(others, _)| *others == 0);
        self.late = late;
        for (_, Late { key, bytes, before }) in due {
            drop(self.bucket.put(&key, &bytes, &before));
        }
    }
}

impl Bucket for Faulty {
    fn put(&self, key: &str, bytes: &[u8], before: &Before) -> Result<UpdateVersion, Failure> {
        let late = Late { key: key.to_owned(), bytes: bytes.to_vec(), before: before.clone() };
        self.request(Some(late), |bucket| bucket.put(key, bytes, before))
    }

    fn get(&self, key: &str, bytes_max: u64) -> Result<Option<Found>, Failure> {
        if self.state().mistake == Mistake::IgnoresFloor && key.ends_with("/first") {
            return Ok(None);
        }
        self.request(None, |bucket| bucket.get(key, bytes_max))
    }

    fn get_all(&self, keys: &[String], bytes_max: u64) -> Result<Vec<Option<Found>>, Failure> {
        self.request(None, |bucket| bucket.get_all(keys, bytes_max))
    }

    fn exists(&self, key: &str) -> Result<bool, Failure> {
        self.request(None, |bucket| bucket.exists(key))
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, Failure> {
        let old = self.state().listing.clone();
        let old = old.and_then(|listing| listing.into_iter().find(|(folder, _)| folder == prefix));
        self.request(None, |bucket| old.map_or_else(|| bucket.list(prefix), |(_, names)| Ok(names)))
    }

    fn remove(&self, keys: &[String]) -> Result<(), Failure> {
        if keys.is_empty() {
            return Ok(());
        }
        self.request(None, |bucket| bucket.remove(keys))
    }
}
