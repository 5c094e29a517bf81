//! A disk in memory that knows what a power cut would leave, and can stop a process at any of its operations.
//!
//! The worst disk that the protocol must bear: of what was not synced, any sector of 512 bytes, any length and any name may be
//! there afterwards or not. After a sync that failed the system takes what it could not write for written, so that a second sync
//! succeeds and changes nothing; others who have the file open are told by their next one, as Linux does. Each process has its own [`Memory`]; they share the disk.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::{disk::Disk, names, simulation::Turn};

const SECTOR: usize = 512;

/// What happens to a process at one of its operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is gone before the operation does anything.
    Before,
    /// It is gone after half of what is written.
    Half,
    /// It is gone after the operation, whose answer it does not see.
    After,
    /// The operation fails, and the process lives.
    Fails,
    /// No space is left within the operation, of which a half is done, and the process lives.
    Short,
    /// Another process runs meanwhile.
    Meanwhile,
}

/// What a process forgets to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Omission {
    /// To sync the names in a folder.
    Names(&'static str),
    /// To sync frames.
    Frames,
    /// To sync files and new segments.
    Files,
    /// To write the end of the journal once more.
    Assurance,
    /// To look whether another process has taken over.
    Others,
}

/// A process's view of a disk; clones are the same process.
#[derive(Clone)]
pub(super) struct Memory {
    state: Arc<Mutex<State>>,
    process: Arc<Mutex<Process>>,
}

#[derive(Default)]
struct Process {
    operations: u64,
    fault: Option<(u64, Fault)>,
    meanwhile: Option<Box<dyn FnOnce() + Send>>,
    is_gone: bool,
    has_failed: bool,
    omission: Option<Omission>,
    created: BTreeSet<String>,
    /// Other processes may do something before each operation.
    turn: Option<Turn>,
}

#[derive(Clone, Default)]
struct State {
    inodes: Vec<Inode>,
    /// What processes see; a folder is no inode.
    names: BTreeMap<String, Option<usize>>,
    /// What a power cut leaves for sure.
    durable: BTreeMap<String, Option<usize>>,
}

#[derive(Clone, Default)]
struct Inode {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors that the system still has to write.
    dirty: BTreeSet<usize>,
    /// The same of the length.
    is_length_dirty: bool,
    /// Syncs that failed.
    failures: u64,
}

/// A file that is open.
pub(super) struct Open {
    inode: usize,
    /// It was there before.
    is_old: bool,
    /// Failures that this one was told of.
    told: AtomicU64,
}

/// What a power cut leaves of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// No power cut: the system goes on, with all that was written.
    Killed,
    Nothing,
    Everything,
    /// Some of it.
    Some(u64),
}

impl Memory {
    pub(super) fn new() -> Self {
        let names = BTreeMap::from([(String::new(), None)]);
        let state = State { inodes: Vec::new(), durable: names.clone(), names };
        Self { state: Arc::new(Mutex::new(state)), process: Arc::default() }
    }

    /// Another process on the same disk.
    pub(super) fn process(&self) -> Self {
        Self { state: Arc::clone(&self.state), process: Arc::default() }
    }

    pub(super) fn omitting(self, omission: Option<Omission>) -> Self {
        self.process.lock().unwrap().omission = omission;
        self
    }

    /// Operations are counted from 0.
    pub(super) fn with_fault(self, operation: u64, fault: Fault) -> Self {
        self.process.lock().unwrap().fault = Some((operation, fault));
        self
    }

    pub(super) fn meanwhile(self, operation: u64, other: impl FnOnce() + Send + 'static) -> Self {
        self.process.lock().unwrap().meanwhile = Some(Box::new(other));
        self.with_fault(operation, Fault::Meanwhile)
    }

    /// Asks for its turn before each operation.
    pub(super) fn taking(self, turn: Turn) -> Self {
        self.process.lock().unwrap().turn = Some(turn);
        self
    }

    pub(super) fn operations(&self) -> u64 {
        self.process.lock().unwrap().operations
    }

    /// The fault has come, so that the process may fail.
    pub(super) fn is_faulty(&self) -> bool {
        let process = self.process.lock().unwrap();
        process.is_gone || process.has_failed
    }

    /// The disk as the next process finds it.
    pub(super) fn after(&self, cut: Cut) -> Self {
        let mut state = self.state.lock().unwrap().clone();
        match cut {
            Cut::Killed => {}
            Cut::Nothing => state.cut(&mut |_| false),
            Cut::Everything => state.cut(&mut |_| true),
            Cut::Some(seed) => {
                let mut random = SmallRng::seed_from_u64(seed);
                // Mostly all or mostly nothing of a kind, so that the rare mixtures come as well.
                let likely: [f64; 3] = std::array::from_fn(|_| [0.1, 0.5, 0.9][random.random_range(0..3)]);
                state.cut(&mut |kind| random.random_bool(likely[kind as usize]));
            }
        }
        Self { state: Arc::new(Mutex::new(state)), process: Arc::default() }
    }

    /// Changes a byte of a file, or tells that it has no such byte.
    pub(super) fn flip(&self, path: &str, offset: usize, mask: u8) -> bool {
        let mut state = self.lock();
        let Some(Some(inode)) = state.names.get(path).copied() else { return false };
        let Some(byte) = state.inodes[inode].seen.get_mut(offset) else { return false };
        *byte ^= mask;
        true
    }

    /// All files, with their lengths.
    pub(super) fn files(&self) -> Vec<(String, usize)> {
        let state = self.lock();
        let files = state.names.iter().filter_map(|(path, inode)| Some((path.clone(), (*inode)?)));
        files.map(|(path, inode)| (path, state.inodes[inode].seen.len())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Does an operation, unless a fault comes first. `act` is told how much of it is done, of two halves.
    fn operate<T>(&self, act: impl FnOnce(&mut State, u8) -> io::Result<T>) -> io::Result<T> {
        let gone = || io::Error::other("the process is gone");
        let turn = self.process.lock().unwrap().turn.clone();
        if let Some(turn) = turn {
            turn.pass();
        }
        let fault = {
            let mut process = self.process.lock().unwrap();
            if process.is_gone {
                return Err(gone());
            }
            let operation = process.operations;
            process.operations += 1;
            let fault = process.fault.filter(|(at, _)| *at == operation).map(|(_, fault)| fault);
            process.is_gone = matches!(fault, Some(Fault::Before | Fault::Half | Fault::After));
            process.has_failed |= matches!(fault, Some(Fault::Fails | Fault::Short));
            if fault == Some(Fault::Meanwhile)
                && let Some(other) = process.meanwhile.take()
            {
                drop(process);
                other();
            }
            fault
        };
        match fault {
            None | Some(Fault::Meanwhile) => act(&mut self.lock(), 2),
            Some(Fault::Before) => Err(gone()),
            Some(Fault::Half) => act(&mut self.lock(), 1).and_then(|_| Err(gone())),
            Some(Fault::After) => act(&mut self.lock(), 2).and_then(|_| Err(gone())),
            Some(Fault::Short) => act(&mut self.lock(), 1).and_then(|_| Err(io::ErrorKind::StorageFull.into())),
            Some(Fault::Fails) => act(&mut self.lock(), 0).and_then(|_| Err(io::Error::other("input/output error"))),
        }
    }

    fn omits(&self, omission: Omission) -> bool {
        self.process.lock().unwrap().omission == Some(omission)
    }

    fn sync(&self, file: &Open) -> io::Result<()> {
        let is_told = self.operate(|state, halves| {
            let inode = &mut state.inodes[file.inode];
            if halves == 2 {
                let dirty: Vec<usize> = inode.dirty.iter().copied().collect();
                let length = if inode.is_length_dirty { inode.seen.len() } else { inode.durable.len() };
                inode.durable.resize(length, 0);
                dirty.iter().for_each(|sector| inode.write_back(*sector));
            }
            // Also when it failed.
            if halves != 1 {
                inode.dirty.clear();
                inode.is_length_dirty = false;
            }
            inode.failures += u64::from(halves == 0);
            Ok(file.told.swap(inode.failures, Ordering::Relaxed) < inode.failures)
        })?;
        if is_told {
            self.process.lock().unwrap().has_failed = true;
            return Err(io::Error::other("input/output error, of another process"));
        }
        Ok(())
    }
}

impl Inode {
    fn write_back(&mut self, sector: usize) {
        let start = sector * SECTOR;
        let end = (start + SECTOR).min(self.seen.len()).min(self.durable.len());
        if start < end {
            self.durable[start..end].copy_from_slice(&self.seen[start..end]);
        }
    }
}

/// What may be lost.
#[derive(Clone, Copy)]
enum Loss {
    Sector,
    Length,
    Name,
}

impl State {
    /// What a power cut leaves; `stays` says what of all that was not synced.
    fn cut(&mut self, stays: &mut dyn FnMut(Loss) -> bool) {
        for inode in &mut self.inodes {
            if inode.is_length_dirty && stays(Loss::Length) {
                inode.durable.resize(inode.seen.len(), 0);
            }
            for sector in std::mem::take(&mut inode.dirty) {
                if stays(Loss::Sector) {
                    inode.write_back(sector);
                }
            }
            inode.seen = inode.durable.clone();
            inode.is_length_dirty = false;
        }
        let changed: BTreeSet<String> = self.names.keys().chain(self.durable.keys()).cloned().collect();
        for path in changed {
            let (seen, durable) = (self.names.get(&path), self.durable.get(&path));
            if seen != durable && stays(Loss::Name) {
                match seen.copied() {
                    Some(node) => self.durable.insert(path, node),
                    None => self.durable.remove(&path),
                };
            }
        }
        // A file whose folder is not there is nowhere.
        let folders: BTreeSet<String> =
            self.durable.iter().filter(|(_, node)| node.is_none()).map(|(path, _)| path.clone()).collect();
        self.durable.retain(|path, _| folders.contains(folder(path)));
        self.names = self.durable.clone();
    }

    fn inode(&self, path: &str) -> io::Result<usize> {
        self.names.get(path).copied().flatten().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl Disk for Memory {
    type File = Open;

    fn shown(&self, path: &str) -> String {
        path.to_owned()
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        self.operate(|state, halves| {
            if halves > 0 {
                state.names.entry(path.to_owned()).or_insert(None);
            }
            Ok(())
        })
    }

    fn create(&self, path: &str, bytes: u64) -> io::Result<Open> {
        self.process.lock().unwrap().created.insert(path.to_owned());
        self.operate(|state, halves| {
            if state.names.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let inode = state.inodes.len();
            if halves > 0 {
                let seen = vec![0; if halves == 2 { bytes as usize } else { 0 }];
                state.inodes.push(Inode { seen, is_length_dirty: true, ..Inode::default() });
                state.names.insert(path.to_owned(), Some(inode));
            }
            Ok(Open { inode, is_old: false, told: AtomicU64::new(0) })
        })
    }

    fn open(&self, path: &str) -> io::Result<Open> {
        self.operate(|state, _| {
            let inode = state.inode(path)?;
            Ok(Open { inode, is_old: true, told: AtomicU64::new(state.inodes[inode].failures) })
        })
    }

    fn write(&self, file: &Open, bytes: &[u8], offset: u64) -> io::Result<()> {
        if file.is_old && self.omits(Omission::Assurance) {
            return Ok(());
        }
        self.operate(|state, halves| {
            // A write that is cut short ends with a sector.
            let half = (offset as usize + bytes.len() / 2).next_multiple_of(SECTOR).saturating_sub(offset as usize);
            let bytes = &bytes[..[0, half.min(bytes.len()), bytes.len()][usize::from(halves)]];
            let inode = &mut state.inodes[file.inode];
            let (start, end) = (offset as usize, offset as usize + bytes.len());
            if end > inode.seen.len() {
                inode.seen.resize(end, 0);
                inode.is_length_dirty = true;
            }
            inode.seen[start..end].copy_from_slice(bytes);
            inode.dirty.extend(start / SECTOR..end.div_ceil(SECTOR));
            Ok(())
        })
    }

    fn sync_data(&self, file: &Open) -> io::Result<()> {
        if self.omits(Omission::Frames) || (file.is_old && self.omits(Omission::Assurance)) {
            return Ok(());
        }
        self.sync(file)
    }

    fn sync_file(&self, file: &Open) -> io::Result<()> {
        if self.omits(Omission::Files) { Ok(()) } else { self.sync(file) }
    }

    fn sync_directory(&self, path: &str) -> io::Result<()> {
        if matches!(self.process.lock().unwrap().omission, Some(Omission::Names(names)) if names == path) {
            return Ok(());
        }
        self.operate(|state, halves| {
            if halves == 2 {
                let is_within = |name: &String| !name.is_empty() && folder(name) == path;
                let State { names, durable, .. } = state;
                durable.retain(|name, _| !is_within(name) || names.contains_key(name));
                durable
                    .extend(names.iter().filter(|(name, _)| is_within(name)).map(|(name, node)| (name.clone(), *node)));
            }
            Ok(())
        })
    }

    fn read(&self, path: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
        self.operate(|state, _| {
            let bytes = state.inodes[state.inode(path)?].seen.clone();
            if bytes.len() as u64 > bytes_max { Err(io::Error::other("it is too long")) } else { Ok(bytes) }
        })
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let own =
            self.process.lock().unwrap().created.range(format!("{path}/")..format!("{path}0")).next_back().cloned();
        let hides_others = self.omits(Omission::Others) && path == names::JOURNAL;
        self.operate(|state, _| {
            let within = state.names.keys().filter(|name| !name.is_empty() && folder(name) == path);
            let mut seen: BTreeSet<String> = within.cloned().collect();
            if let Some(own) = own.filter(|_| hides_others) {
                seen.retain(|name| *name < own);
                seen.insert(own);
            }
            Ok(seen.iter().map(|name| name.rsplit('/').next().unwrap_or_default().to_owned()).collect())
        })
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.operate(|state, _| Ok(state.names.contains_key(path)))
    }

    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()> {
        self.operate(|state, halves| {
            let inode = state.inode(path)?;
            let inode = &mut state.inodes[inode];
            if halves > 0 && inode.seen.len() as u64 != bytes {
                inode.seen.resize(bytes as usize, 0);
                inode.is_length_dirty = true;
            }
            Ok(())
        })
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.operate(|state, halves| {
            state.inode(path)?;
            if halves > 0 {
                state.names.remove(path);
            }
            Ok(())
        })
    }
}
