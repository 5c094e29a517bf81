//! Taking a job over: from a directory in any state that a crash can leave to a store that may commit.
//!
//! ```text
//!  new segment (from now on, nobody of a lower generation commits) ─► read and decide ─► make the end durable that was read
//!    ─► claim, synced (from now on, everything else is void) ─► cut the torn tail, remove what is void
//! ```
//!
//! Where each frame is an object, nothing is made first: what there is is read, and the claim is put where the next frame would be. If something
//! is there by then, it is read too, and the claim tries the next place.
//!
//! Invariants: nothing that was there is changed before the claim is durable; a crash at any point leaves what this function reads
//! in the same way again.

use std::{collections::BTreeSet, io, sync::Arc};

use pelton_core::{
    checkpoint::{
        chain::{Chain, Segment, TornTail},
        claim::{Claim, End, Holder},
        frame::{self, ALIGNMENT, Kind},
        record::Record,
        recovery::Decision,
        retain::Kept,
    },
    model::Epoch,
};

use super::{
    CheckpointError, Location, Place,
    disk::{self, Disk, Frames},
    files::Files,
    input, names,
    owner::Owner,
    payload,
    read::{self, Epochs, Journal},
    store::{self, CommitPermit, OpenSegment, SEGMENT_BYTES, Store},
};

/// Bytes of the segment that a claim begins. Small: processes that are killed before they claim leave theirs behind, and the next one
/// reads them all. What does not fit begins a segment of full length.
const CLAIM_SEGMENT_BYTES: u64 = 256 << 10;

/// Whether the job goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// From the newest record.
    Continue,
    /// Everything that was committed is void, and is removed. The caller has asked.
    Fresh,
    /// The same, and the record of a savepoint comes next ([`Store::commit_restored`]): whoever finds the claim without it goes no further.
    Restore,
}

impl Take {
    /// Nothing of what is there counts any more.
    fn starts_over(self) -> bool {
        self != Self::Continue
    }
}

/// What was found, and what there is to do before the next epoch.
#[derive(Debug)]
pub struct Recovered {
    /// The newest record.
    pub last: Option<Record>,
    /// The newest record with a snapshot; none: begin from the start.
    pub base: Option<Record>,
    /// The records after the base, to be computed again, oldest first.
    pub again: Vec<Record>,
    /// Epochs whose outputs may not be visible, oldest first.
    pub republish: Vec<Committed>,
    /// Of this process.
    pub generation: u64,
    /// The number of the next epoch.
    pub next_epoch: Epoch,
    /// The last process ended in good order.
    pub is_closed: bool,
    /// What was begun at the end of the journal and never committed.
    pub cut: Option<TornTail>,
}

/// A committed epoch with what it gives to the sinks.
#[derive(Debug)]
pub struct Committed {
    pub record: Record,
    /// One for each sink; may be empty.
    pub outboxes: Vec<Vec<u8>>,
    pub permit: CommitPermit,
}

impl Store<Place> {
    /// Takes over the job whose checkpoints are at a place. A directory is made if it is missing.
    pub fn open(location: impl Into<Location>, take: Take) -> Result<(Self, Recovered), CheckpointError> {
        let (disk, holder) = Place::claim(&location.into())?;
        open(disk, take, holder, SEGMENT_BYTES)
    }
}

/// How often a claim finds that something was put meanwhile. A job that runs puts a frame every epoch, and is overtaken between two.
const CLAIM_TRIES: u32 = 100;

/// The same on any disk that nobody else holds.
pub(super) fn open<D: Disk>(
    disk: D,
    take: Take,
    holder: Holder,
    segment_bytes: u64,
) -> Result<(Store<D>, Recovered), CheckpointError> {
    if disk.frames() == Frames::Put {
        return open_put(disk, take, &holder);
    }
    make_folders(&disk)?;
    let number = read::segment_numbers(&disk)?.last().map_or(1, |last| last.saturating_add(1));
    let segment = store::create_segment(&disk, number, segment_bytes.min(CLAIM_SEGMENT_BYTES))?;
    // Only now nothing is added any more that is not read below.
    let stock = read::segment_numbers(&disk).and_then(|mut numbers| {
        // Somebody else has made a higher one since the first look, and perhaps removed what was seen then.
        if numbers.pop() != Some(number) {
            return Err(CheckpointError::Fenced { directory: disk.shown("") });
        }
        Ok((take_stock(&disk, take, &numbers)?, numbers))
    });
    let (found, numbers) = match stock {
        Ok(stock) => stock,
        Err(error) => {
            let highest = read::segment_numbers(&disk).map(|numbers| numbers.last().copied());
            // It holds nothing. If it stays, it is void.
            drop(disk.remove(&names::segment(number)));
            return Err(match highest {
                // Whoever has taken the job over meanwhile cuts and removes what was looked for.
                Ok(highest) if highest > Some(number) => CheckpointError::Fenced { directory: disk.shown("") },
                _ => error,
            });
        }
    };
    let what = Claim { holder, follows: found.follows, token: 0, restores: take == Take::Restore };
    let claimed = claim(&Arc::new(disk), &found, &what, Some(segment), number, segment_bytes)?;
    claimed.remove_void(&numbers, found.follows, found.end_length);
    Ok((claimed, found.recovered))
}

/// The same where frames are put.
fn open_put<D: Disk>(disk: D, take: Take, holder: &Holder) -> Result<(Store<D>, Recovered), CheckpointError> {
    let disk = Arc::new(disk);
    for _ in 0..CLAIM_TRIES {
        let numbers = match read::segment_numbers(disk.as_ref()) {
            // What starts over needs to know only where there is nothing.
            Err(CheckpointError::Damaged { .. }) if take.starts_over() => disk::listed_segments(disk.as_ref())
                .map_err(|source| CheckpointError::io("list", disk.shown(names::JOURNAL), source))?,
            numbers => numbers?,
        };
        let found = take_stock(disk.as_ref(), take, &numbers)?;
        let token = random().map_err(|source| CheckpointError::io("name a claim in", disk.shown(""), source))?;
        let restores = take == Take::Restore;
        let what = Claim { holder: holder.clone(), follows: found.follows, token, restores };
        let number = numbers.last().map_or(1, |last| last.saturating_add(1));
        match claim(&disk, &found, &what, None, number, 0) {
            Err(CheckpointError::Fenced { .. }) => {}
            claimed => {
                let claimed = claimed?;
                claimed.remove_dead_files();
                return Ok((claimed, found.recovered));
            }
        }
    }
    Err(CheckpointError::Fenced { directory: disk.shown("") })
}

/// Never 0.
fn random() -> io::Result<u64> {
    let mut number = [0; 8];
    getrandom::fill(&mut number).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(u64::from_le_bytes(number).max(1))
}

/// What the claim goes on from.
struct Found {
    /// The job starts over.
    is_fresh: bool,
    follows: Option<End>,
    /// The length of the segment in which the journal ends.
    end_length: u64,
    recovered: Recovered,
    kept: Vec<Kept>,
    published: u64,
    published_durable: u64,
}

fn make_folders<D: Disk>(disk: &D) -> Result<(), CheckpointError> {
    let error = |action, path: &str| {
        let path = disk.shown(path);
        move |source| CheckpointError::io(action, path, source)
    };
    for folder in [names::JOURNAL, names::FILES] {
        disk.create_directory(folder).map_err(error("create directory", folder))?;
    }
    // Also if they were there: whoever made them may have been killed before this.
    disk.sync_directory("").map_err(error("sync", ""))
}

/// Reads what there is and makes it durable; changes nothing.
fn take_stock<D: Disk>(disk: &D, take: Take, numbers: &[u64]) -> Result<Found, CheckpointError> {
    if take.starts_over() {
        let generation = read::highest_generation(disk, numbers)?.saturating_add(1);
        let recovered = Recovered::nothing(generation);
        return Ok(Found {
            is_fresh: true,
            follows: None,
            end_length: 0,
            recovered,
            kept: Vec::new(),
            published: 0,
            published_durable: 0,
        });
    }
    let journal = read::read(disk, numbers)?;
    let follows = journal.chain.end;
    let end = follows.and_then(|end| journal.segments.iter().find(|segment| segment.number == end.segment));
    if let Some(segment) = end.filter(|_| disk.frames() == Frames::Appended) {
        assure(disk, &journal.chain, segment)?;
    }
    let end_length = end.map_or(0, |segment| segment.bytes);
    let kept: Vec<Kept> = journal.records().map(|(placed, record)| Kept::of(record, placed.segment)).collect();
    let published = published(&journal.decision, &kept);
    let recovered = Recovered::of(disk, &journal)?;
    let published_durable = match disk.frames() {
        // All that was read is durable now.
        Frames::Appended => published,
        // The note that ended the last run goes before the records do. What the newest of them says stays as long as it is needed.
        Frames::Put => journal.records().map(|(_, record)| record.published_through.0).max().unwrap_or(0),
    };
    let is_fresh = false;
    Ok(Found { is_fresh, follows, end_length, recovered, kept, published, published_durable })
}

fn published(decision: &Decision, kept: &[Kept]) -> u64 {
    let next = kept.get(decision.republish).map_or(decision.next_epoch, |next| next.epoch);
    next.0.saturating_sub(1)
}

/// Writes the end of the journal once more and syncs it. Frames that were read may be in the memory of this machine alone: their
/// writer was killed before its sync, or the sync failed, after which the system takes them for written.
fn assure<D: Disk>(disk: &D, chain: &Chain, segment: &Segment) -> Result<(), CheckpointError> {
    let Some(end) = chain.end else { return Ok(()) };
    let Some(first) = segment.frames.iter().find(|frame| frame.header.sequence >= chain.durable) else { return Ok(()) };
    let bytes = read::segment_bytes(disk, segment.number)?;
    let Some(bytes) = bytes.get(first.offset as usize..end.bytes as usize) else { return Ok(()) };
    let path = names::segment(end.segment);
    let error = |action| {
        let path = disk.shown(&path);
        move |source| CheckpointError::io(action, path, source)
    };
    let file = disk.open(&path).map_err(error("open"))?;
    disk.write(&file, bytes, first.offset).map_err(error("write"))?;
    disk.sync_data(&file).map_err(error("sync"))
}

/// Claims the job with the first frame of a segment: of one that was made for it, or of one that is put with it.
fn claim<D: Disk>(
    disk: &Arc<D>,
    found: &Found,
    claim: &Claim,
    segment: Option<OpenSegment<D::File>>,
    number: u64,
    segment_bytes: u64,
) -> Result<Store<D>, CheckpointError> {
    let generation = found.recovered.generation;
    let sequence = found.follows.map_or(0, |end| end.sequence);
    let payload = payload::encode_claim(claim)
        .map_err(|reason| CheckpointError::io("encode the claim for", disk.shown(""), io::Error::other(reason)))?;
    let segment = match segment {
        Some(segment) => segment,
        None => {
            let bytes = (frame::frame_bytes(payload.len()) + ALIGNMENT) as u64;
            store::create_segment(disk.as_ref(), number, bytes)?
        }
    };
    let mut store = Store {
        files: Files::new(Arc::clone(disk), generation),
        owner: Arc::new(Owner::new(Arc::clone(disk), segment.number)),
        disk: Arc::clone(disk),
        segment,
        segment_bytes,
        generation,
        sequence,
        durable: sequence,
        next_epoch: found.recovered.next_epoch,
        published: found.published,
        published_durable: found.published_durable,
        kept: found.kept.clone(),
        unnoted: None,
        poison: None,
    };
    store.guarded(|store| {
        store.append(Kind::Claim, &payload)?;
        store.sync()?;
        let starts_over = |frames| found.is_fresh && store.disk.frames() == frames;
        if starts_over(Frames::Put) {
            // Also mends what is damaged there, before it is looked at.
            let removed = store.disk.remove_segments_before(store.segment.number);
            removed.map_err(|source| CheckpointError::io("start over in", store.disk.shown(names::JOURNAL), source))?;
        }
        store.owner.check_synced()?;
        if starts_over(Frames::Appended) { input::forget(store.disk.as_ref()) } else { Ok(()) }
    })?;
    Ok(store)
}

impl<D: Disk> Store<D> {
    /// Removes what the claim has made void: it is read by nobody, so that a failure leaves nothing but files.
    fn remove_void(&self, numbers: &[u64], follows: Option<End>, end_length: u64) {
        let end = follows.map_or(0, |end| end.segment);
        for number in numbers.iter().filter(|number| **number > end) {
            self.try_remove(&names::segment(*number));
        }
        if let Some(end) = follows.filter(|end| end_length > end.bytes) {
            let path = names::segment(end.segment);
            if let Err(error) = self.disk.truncate(&path, end.bytes) {
                tracing::warn!(path = self.disk.shown(&path), %error, "failed to cut the end of a segment");
            }
        }
        self.remove_dead_files();
    }

    /// Removes files of processes that lost the job before they committed what names them.
    fn remove_dead_files(&self) {
        let needed = self.kept.iter().flat_map(|kept| kept.files.iter().chain(&kept.outbox));
        let needed: BTreeSet<&str> = needed.map(String::as_str).collect();
        let names = self.disk.list(names::FILES).unwrap_or_else(|error| {
            tracing::warn!(path = self.disk.shown(names::FILES), %error, "failed to look for files of dead attempts");
            Vec::new()
        });
        let is_dead = |name: &String| {
            let is_old = names::file_generation(name).is_some_and(|generation| generation < self.generation);
            is_old && !needed.contains(format!("{}/{name}", names::FILES).as_str())
        };
        let dead: Vec<String> =
            names.iter().filter(|name| is_dead(name)).map(|name| format!("{}/{name}", names::FILES)).collect();
        if let Err(error) = self.disk.remove_files(&dead) {
            tracing::warn!(path = self.disk.shown(names::FILES), %error, "failed to remove what nobody needs");
        }
    }

    fn try_remove(&self, path: &str) {
        if let Err(error) = self.disk.remove(path) {
            tracing::warn!(path = self.disk.shown(path), %error, "failed to remove what nobody needs");
        }
    }
}

impl Recovered {
    fn nothing(generation: u64) -> Self {
        Self {
            last: None,
            base: None,
            again: Vec::new(),
            republish: Vec::new(),
            generation,
            next_epoch: Epoch::FIRST,
            is_closed: false,
            cut: None,
        }
    }

    fn of<D: Disk>(disk: &D, journal: &Journal) -> Result<Self, CheckpointError> {
        let Decision { generation, next_epoch, last, base, again, republish, is_closed } = journal.decision;
        let mut epochs = Epochs::new(disk);
        let mut found =
            Self { generation, next_epoch, is_closed, cut: journal.chain.cut.clone(), ..Self::nothing(generation) };
        for (index, (placed, _)) in journal.records().enumerate() {
            let is_wanted = index >= again || index >= republish || base == Some(index) || last == Some(index);
            if !is_wanted {
                continue;
            }
            let (record, outboxes) = epochs.read(placed)?;
            if index >= again {
                found.again.push(record.clone());
            }
            if base == Some(index) {
                found.base = Some(record.clone());
            }
            if last == Some(index) {
                found.last = Some(record.clone());
            }
            if index >= republish {
                found.republish.push(Committed { permit: CommitPermit::new(record.epoch), record, outboxes });
            }
        }
        Ok(found)
    }
}
