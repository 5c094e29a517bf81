//! A day of a job in less than a minute: what it leaves behind does not grow with the time that it runs.
//!
//! The store, the log of an input, the rotation of their segments and the collection are the real ones, with their real sizes, on a disk in memory and
//! by a virtual clock: 100 epochs a second, a snapshot every 10 s, sinks synced every 32 epochs, as a run does by default; one restart an hour, every other one after a
//! kill. `PELTON_HOURS=24` is what `make soak` runs; the suite runs an hour.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, io,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use pelton_core::{
    checkpoint::{
        record::{FileRef, Position, Record, SourceRecord},
        retain::Retain,
    },
    model::Epoch,
};

use super::{
    CheckpointError, Recovered, Take,
    disk::Disk,
    input::InputLog,
    open::open,
    store::{SEGMENT_BYTES, Store},
    testing::{holder, outboxes, record, snapshot, table},
};

const EPOCHS_A_SECOND: u64 = 100;
const EPOCHS_AN_HOUR: u64 = 3_600 * EPOCHS_A_SECOND;
/// The default of `snapshots`.
const SNAPSHOT_EVERY: u64 = 10 * EPOCHS_A_SECOND;
/// The default of a run: what was published is synced at the latest then.
const SYNC_EVERY: u64 = 32;
/// Epochs after which a side table is read again.
const TABLE_EVERY: u64 = 5_000;
const SOURCE: &str = "clicks";

/// Files and bytes that there may be at any instant, with segments of 16 MiB that are set aside whole.
const FILES_MAX: usize = 32;
const BYTES_MAX: u64 = 96 << 20;

/// A disk in memory on which everything is durable at once. Clones share it.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    files: BTreeMap<String, File>,
    folders: BTreeSet<String>,
    bytes: u64,
    /// The most that there was at any instant since it was last asked.
    most: Usage,
    made: u64,
}

type File = Arc<Mutex<Vec<u8>>>;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Usage {
    files: usize,
    bytes: u64,
}

impl Shelf {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap()
    }

    /// The most that there was since the last call.
    fn most(&self) -> Usage {
        std::mem::take(&mut self.content().most)
    }

    fn file(&self, path: &str) -> io::Result<File> {
        self.content().files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn resize(&self, file: &File, bytes: usize) {
        let mut file = file.lock().unwrap();
        let before = file.len() as u64;
        file.resize(bytes, 0);
        self.content().grow(before, bytes as u64);
    }
}

impl Content {
    fn grow(&mut self, before: u64, after: u64) {
        self.bytes = self.bytes - before + after;
        self.most.files = self.most.files.max(self.files.len());
        self.most.bytes = self.most.bytes.max(self.bytes);
    }
}

impl Disk for Shelf {
    type File = File;

    fn shown(&self, path: &str) -> String {
        path.to_owned()
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        self.content().folders.insert(path.to_owned());
        Ok(())
    }

    fn create(&self, path: &str, bytes: u64) -> io::Result<File> {
        let mut content = self.content();
        if content.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file: File = Arc::new(Mutex::new(vec![0; bytes as usize]));
        content.files.insert(path.to_owned(), Arc::clone(&file));
        content.made += 1;
        content.grow(0, bytes);
        Ok(file)
    }

    fn open(&self, path: &str) -> io::Result<File> {
        self.file(path)
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        let length = file.lock().unwrap().len();
        if end > length {
            self.resize(file, end);
        }
        file.lock().unwrap()[start..end].copy_from_slice(bytes);
        Ok(())
    }

    fn sync_data(&self, _file: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_file(&self, _file: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_directory(&self, _path: &str) -> io::Result<()> {
        Ok(())
    }

    fn read(&self, path: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
        let bytes = self.file(path)?.lock().unwrap().clone();
        if bytes.len() as u64 > bytes_max { Err(io::Error::other("it is too long")) } else { Ok(bytes) }
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let content = self.content();
        let above = format!("{path}/");
        let files = content.files.range(above.clone()..).map(|(name, _)| name);
        let within = |name: &&String| name.starts_with(&above);
        let found = files.take_while(within).chain(content.folders.range(above.clone()..).take_while(within));
        let names = found.map(|name| name[above.len()..].to_owned());
        Ok(names.filter(|name| !name.contains('/')).collect())
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        let content = self.content();
        Ok(content.files.contains_key(path) || content.folders.contains(path))
    }

    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()> {
        self.resize(&self.file(path)?, bytes as usize);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut content = self.content();
        let file = content.files.remove(path).ok_or(io::ErrorKind::NotFound)?;
        let bytes = file.lock().unwrap().len() as u64;
        content.grow(bytes, 0);
        Ok(())
    }
}

/// A job between two restarts.
struct Job {
    store: Store<Shelf>,
    log: InputLog<Shelf>,
    /// The sinks have made this durable.
    published: Epoch,
    table: Option<FileRef>,
    retain: Retain,
}

impl Job {
    /// Goes on after `epoch`, which was the last.
    fn start(disk: &Shelf, epoch: u64, retain: Retain) -> Result<Self, CheckpointError> {
        let (mut store, found) = open(disk.clone(), Take::Continue, holder(), SEGMENT_BYTES)?;
        assert_eq!(found.next_epoch, Epoch(epoch + 1));
        let last = found.last.as_ref();
        let table = last.and_then(|last| Some(last.tables.first()?.rows.clone()));
        let log = store.input_log(SOURCE, None)?;
        assert_eq!(log.end(), epoch, "a frame for each epoch");
        let mut published = Epoch(last.map_or(0, |last| last.published_through.0));
        check_recovered(&found, epoch, &log)?;
        for committed in found.republish {
            published = committed.permit.epoch();
            store.published(committed.permit)?;
        }
        Ok(Self { store, log, published, table, retain })
    }

    fn run(&mut self, epoch: u64) -> Result<(), CheckpointError> {
        self.log.append(&[format!("what clients sent before epoch {epoch}\n").repeat(4).into_bytes()])?;
        let saves = epoch.is_multiple_of(SNAPSHOT_EVERY);
        let record = self.record(epoch, saves)?;
        let permit = self.store.commit(&record, &outboxes(epoch))?;
        if saves || epoch - self.published.0 >= SYNC_EVERY {
            self.published = permit.epoch();
            self.store.published(permit)?;
        }
        if saves {
            self.store.collect(&self.retain)?;
        }
        Ok(())
    }

    fn record(&mut self, epoch: u64, saves: bool) -> Result<Record, CheckpointError> {
        let mut record = record(epoch, self.store.generation());
        record.now = (epoch * 1_000_000 / EPOCHS_A_SECOND) as i64;
        record.published_through = self.published;
        let position = Position::Range { partition: 0, sequence: epoch, offset: 0, rows_at: None };
        let (listed, name) = (Vec::new(), SOURCE.to_owned());
        record.sources.push(SourceRecord { name, position, listed, idle: None, watermark: None, log_end: None });
        if self.table.is_none() || epoch.is_multiple_of(TABLE_EVERY) {
            self.table = Some(self.store.put("table", &[3; 2048])?);
        }
        record.tables = self.table.clone().map(table).into_iter().collect();
        if saves {
            let engine = self.store.put("engine", b"watermarks")?;
            record.snapshot = Some(snapshot(engine, self.store.put("state", &[7; 16 << 10])?));
        }
        Ok(record)
    }
}

/// The state is there, and every row since.
fn check_recovered(found: &Recovered, epoch: u64, log: &InputLog<Shelf>) -> Result<(), CheckpointError> {
    let base = found.base.as_ref().map_or(0, |base| base.epoch.0);
    assert_eq!((base, found.again.len() as u64), (epoch - epoch % SNAPSHOT_EVERY, epoch % SNAPSHOT_EVERY));
    let mut reader = log.reader(base)?;
    for frame in base..epoch {
        assert_eq!(reader.read()?.map(|(number, _)| number), Some(frame));
    }
    Ok(())
}

/// Runs so many times, of so many epochs each, and answers how much there was at most in each.
fn run(times: u64, epochs: u64, retain: Retain) -> Result<Vec<Usage>, CheckpointError> {
    let (disk, mut epoch, mut most) = (Shelf::default(), 0, Vec::new());
    for time in 1..=times {
        let mut job = Job::start(&disk, epoch, retain)?;
        // Killed in the middle between two snapshots, or stopped in good order.
        let is_killed = time % 2 == 1;
        let until = time * epochs - if is_killed { SNAPSHOT_EVERY / 2 } else { 0 };
        while epoch < until {
            epoch += 1;
            job.run(epoch)?;
        }
        if !is_killed {
            job.store.close()?;
        }
        most.push(disk.most());
    }
    let made = disk.content().made;
    println!(
        "{epoch} epochs, {:.1} h by the clock of the job: {made} files were made",
        epoch as f64 / EPOCHS_AN_HOUR as f64
    );
    Ok(most)
}

#[test]
fn a_day_of_epochs_leaves_few_files_and_bytes() {
    let hours = env::var("PELTON_HOURS").ok().and_then(|hours| hours.parse().ok()).unwrap_or(1);
    let started = Instant::now();
    let retain = Retain { time: Duration::from_secs(60), ..Retain::default() };
    let most = run(hours, EPOCHS_AN_HOUR, retain).unwrap();
    for (hour, usage) in (1..).zip(&most) {
        assert!(usage.files <= FILES_MAX && usage.bytes <= BYTES_MAX, "hour {hour}: {usage:?}");
    }
    let files = most.iter().map(|usage| usage.files).max().unwrap();
    let bytes = most.iter().map(|usage| usage.bytes).max().unwrap();
    println!(
        "at any instant {files} files (at most {FILES_MAX}) and {} MiB (at most {}); it took {:.1?}",
        bytes >> 20,
        BYTES_MAX >> 20,
        started.elapsed()
    );
}

/// The test of the test: a job that keeps everything is over the bound within minutes.
#[test]
fn a_job_that_collects_nothing_is_seen() {
    let most = run(1, 12 * 60 * EPOCHS_A_SECOND, Retain { epochs: u64::MAX, time: Duration::ZERO }).unwrap();
    assert!(most[0].files > FILES_MAX && most[0].bytes > BYTES_MAX, "{most:?}");
}
