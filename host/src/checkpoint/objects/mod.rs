//! Checkpoints on an object store: what a directory is elsewhere, made of objects that are put where none is.
//!
//! ```text
//!  s3://BUCKET/PREFIX/journal/0000000007.log    one frame: a claim, a committed epoch, …; numbers without gaps
//!                     journal/first             where the journal begins
//!                     files/GGGGGGGGGG-…        as in a directory
//!                     requests/…                as in a directory
//! ```
//!
//! The protocol is that of a directory (`store.rs`, `open.rs`), with segments of one frame. Invariants: the next frame of everybody has the same
//! name, and one of them gets it; a frame is durable when it is there; what was collected lies below the [`Floor`], so that who writes there
//! finds out before it is promised anything. No listing decides anything: it only finds rubbish, and requests of people.

pub mod bucket;
#[cfg(test)]
mod crash_tests;
#[cfg(test)]
pub(super) mod faulty;
mod floor;
pub mod put;
pub mod remote;
#[cfg(test)]
mod tests;
mod url;

use std::{
    collections::HashMap,
    fmt, io,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

pub use self::url::ObjectsUrl;
use self::{
    bucket::{Before, Bucket, Found},
    floor::Floor,
    put::Outcome,
    remote::Remote,
};
use super::{
    CheckpointError,
    disk::{Disk, Frames, listed_segments},
    names,
    read::SEGMENT_BYTES_MAX,
};

/// Segments that are asked for at once. The last of them must not be there before the end of the journal is believed.
const WINDOW: u64 = 32;
/// Bytes of segments that are kept between finding and reading them.
const AHEAD_BYTES_MAX: usize = 64 << 20;
const TRIES: u32 = 4;
const PAUSE: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_millis(50) };

/// A place in a bucket.
pub struct Objects {
    bucket: Box<dyn Bucket>,
    url: ObjectsUrl,
    /// Segments that were found and will be read next, and their bytes. Objects do not change.
    ahead: Mutex<(HashMap<String, Vec<u8>>, usize)>,
    /// The store was seen to refuse to put where something is.
    is_proven: AtomicBool,
    /// Segments below this one are gone, as far as this process has seen to it.
    swept: AtomicU64,
}

/// An object that is written: nobody sees it before it is synced.
pub struct Draft {
    path: String,
    content: Mutex<Content>,
}

struct Content {
    bytes: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Empty,
    Written,
    Put,
}

impl Objects {
    /// The place that a URL names, which need not be there yet.
    pub(super) fn connect(url: &str) -> Result<Self, CheckpointError> {
        let unusable = |reason| CheckpointError::Unusable { place: url.to_owned(), reason };
        let parsed = ObjectsUrl::parse(url).map_err(unusable)?;
        let remote = Remote::s3(&parsed.bucket).map_err(|source| CheckpointError::io("connect to", url, source))?;
        Ok(Self::new(Box::new(remote), parsed))
    }

    pub(super) fn new(bucket: Box<dyn Bucket>, url: ObjectsUrl) -> Self {
        Self { bucket, url, ahead: Mutex::default(), is_proven: AtomicBool::new(false), swept: AtomicU64::new(0) }
    }

    fn key(&self, path: &str) -> String {
        self.url.key(path)
    }

    fn keys<S: AsRef<str>>(&self, paths: impl IntoIterator<Item = S>) -> Vec<String> {
        paths.into_iter().map(|path| self.key(path.as_ref())).collect()
    }

    fn ahead(&self) -> MutexGuard<'_, (HashMap<String, Vec<u8>>, usize)> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an object where none is. That it is there already with these bytes is the answer to an earlier try.
    fn put_new(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let key = self.key(path);
        if put::put(self.bucket.as_ref(), &key, bytes, &Before::Nothing)? == Outcome::Taken {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if self.is_proven.load(Ordering::Relaxed) {
            return Ok(());
        }
        // The first of this process. A store that lets it be put twice would let two processes commit.
        if self.bucket.put(&key, bytes, &Before::Nothing).is_ok() {
            let floor = self.floor()?.0;
            let number = path.strip_prefix("journal/").and_then(names::segment_number);
            if number.is_some_and(|number| floor.first > number) {
                // Whoever took the job over has collected it meanwhile, and its owner is about to find out.
                return Ok(());
            }
            let reason = "the store does not know `If-None-Match: *`: it let an object be put where one was";
            return Err(io::Error::new(io::ErrorKind::Unsupported, reason));
        }
        self.is_proven.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn floor(&self) -> io::Result<(Floor, Before)> {
        match self.bucket.get(&self.key(names::FLOOR), SEGMENT_BYTES_MAX)? {
            None => Ok((Floor::START, Before::Nothing)),
            Some(Found { bytes, version }) => match Floor::decode(&bytes) {
                Some(floor) => Ok((floor, Before::Version(version))),
                None => Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum is wrong")),
            },
        }
    }

    /// Makes `first` the floor, unless it is higher. Answers the floor that there is then.
    fn raise(&self, first: u64) -> io::Result<Floor> {
        for _ in 0..TRIES {
            let (floor, before) = match self.floor() {
                // Somebody starts over, or else would not have come so far.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => self.damaged_floor()?,
                other => other?,
            };
            if floor.first >= first {
                return Ok(floor);
            }
            // What another process collected last may not have gone before that was killed.
            let swept = floor.swept.max(self.swept.load(Ordering::Relaxed)).min(first);
            let raised = Floor { first, swept };
            let key = self.key(names::FLOOR);
            if put::put(self.bucket.as_ref(), &key, &raised.encode(), &before)? == Outcome::Put {
                return Ok(raised);
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn damaged_floor(&self) -> io::Result<(Floor, Before)> {
        let lowest = listed_segments(self)?.first().copied().unwrap_or(1);
        let found = self.bucket.get(&self.key(names::FLOOR), SEGMENT_BYTES_MAX)?;
        let before = found.map_or(Before::Nothing, |found| Before::Version(found.version));
        Ok((Floor { first: 0, swept: lowest }, before))
    }

    /// Asks for one segment after the other, from the floor on.
    fn find(&self) -> io::Result<Vec<u64>> {
        let (floor, _) = self.floor()?;
        let (mut numbers, mut next, mut tries) = (Vec::new(), floor.first, 1);
        loop {
            let paths: Vec<String> = (next..next.saturating_add(WINDOW)).map(names::segment).collect();
            let found = self.bucket.get_all(&self.keys(&paths), SEGMENT_BYTES_MAX)?;
            let whole = found.iter().take_while(|found| found.is_some()).count() as u64;
            let has_gap = found.iter().skip(whole as usize).any(Option::is_some);
            for (path, found) in paths.into_iter().zip(found).take(whole as usize) {
                self.keep(path, found);
            }
            numbers.extend(next..next + whole);
            next += whole;
            if whole > 0 {
                tries = 1;
            } else if !has_gap && (next > floor.first || floor == Floor::START) {
                // Or they were collected while they were looked for.
                return if self.floor()?.0 == floor { Ok(numbers) } else { self.find() };
            } else if tries == TRIES {
                let reason = format!("{} is missing, and others follow or lead to it", names::segment(next));
                return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
            } else {
                // A job that runs meanwhile has added what was missing, or has collected.
                if self.floor()?.0 != floor {
                    return self.find();
                }
                thread::sleep(PAUSE);
                tries += 1;
            }
        }
    }

    fn keep(&self, path: String, found: Option<Found>) {
        let Some(Found { bytes, .. }) = found else { return };
        let mut ahead = self.ahead();
        if ahead.1 + bytes.len() <= AHEAD_BYTES_MAX {
            ahead.1 += bytes.len();
            if let Some(before) = ahead.0.insert(path, bytes) {
                ahead.1 -= before.len();
            }
        }
    }

    fn sync(&self, draft: &Draft) -> io::Result<()> {
        let mut content = draft.content.lock().unwrap_or_else(PoisonError::into_inner);
        if content.state == State::Written {
            // Nothing is read any more by who writes the journal.
            *self.ahead() = Default::default();
            self.put_new(&draft.path, &content.bytes)?;
            *content = Content { bytes: Vec::new(), state: State::Put };
        }
        Ok(())
    }
}

impl Disk for Objects {
    type File = Draft;

    fn shown(&self, path: &str) -> String {
        self.url.shown(path)
    }

    fn create_directory(&self, _path: &str) -> io::Result<()> {
        Ok(())
    }

    fn create(&self, path: &str, bytes: u64) -> io::Result<Draft> {
        let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
        let content = Content { bytes: vec![0; bytes], state: State::Empty };
        Ok(Draft { path: path.to_owned(), content: Mutex::new(content) })
    }

    fn open(&self, _path: &str) -> io::Result<Draft> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn write(&self, file: &Draft, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut content = file.content.lock().unwrap_or_else(PoisonError::into_inner);
        if content.state == State::Put {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start.checked_add(bytes.len()).ok_or(io::ErrorKind::InvalidInput)?;
        if content.bytes.len() < end {
            content.bytes.resize(end, 0);
        }
        if let Some(space) = content.bytes.get_mut(start..end) {
            space.copy_from_slice(bytes);
        }
        content.state = State::Written;
        Ok(())
    }

    fn sync_data(&self, file: &Draft) -> io::Result<()> {
        self.sync(file)
    }

    fn sync_file(&self, file: &Draft) -> io::Result<()> {
        self.sync(file)
    }

    fn sync_directory(&self, _path: &str) -> io::Result<()> {
        Ok(())
    }

    fn read(&self, path: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
        if let Some(bytes) = self.ahead().0.get(path) {
            return Ok(bytes.clone());
        }
        let found = self.bucket.get(&self.key(path), bytes_max)?;
        found.map(|found| found.bytes).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        Ok(self.bucket.list(&self.key(path))?)
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        match path.contains('/') {
            true => Ok(self.bucket.exists(&self.key(path))?),
            false => Ok(!self.list(path)?.is_empty()),
        }
    }

    fn truncate(&self, _path: &str, _bytes: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        Ok(self.bucket.remove(&self.keys([path]))?)
    }

    fn frames(&self) -> Frames {
        Frames::Put
    }

    fn segment_numbers(&self) -> io::Result<Vec<u64>> {
        self.find()
    }

    fn is_collected(&self, segment: u64) -> io::Result<bool> {
        Ok(self.floor()?.0.first > segment)
    }

    fn remove_segments_before(&self, segment: u64) -> io::Result<u64> {
        if segment == 0 {
            return Ok(0);
        }
        let before = self.raise(segment)?;
        self.bucket.remove(&self.keys((before.swept..segment).map(names::segment)))?;
        self.swept.store(segment, Ordering::Relaxed);
        Ok(segment.saturating_sub(before.swept))
    }

    fn remove_files(&self, paths: &[String]) -> io::Result<()> {
        Ok(self.bucket.remove(&self.keys(paths))?)
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("url", &self.url).finish_non_exhaustive()
    }
}
