//! A process that runs the simulated job, from taking it over to its end or to whatever stops it.
//!
//! It does what a run does (`job/run`): recovers from the newest snapshot and the ranges of the records behind it, publishes what may not be visible, then commits
//! epoch after epoch, publishes each while the next is made, and saves, collects and notes now and then.

use std::{collections::BTreeMap, time::Duration};

use pelton_core::{
    checkpoint::{
        record::{Position, Record, SinkRecord, SinkState, SourceRecord},
        retain::Retain,
    },
    hash::hash_bytes,
    model::Epoch,
};

use super::{
    rows::State,
    turns::Turn,
    world::{Outside, Told, World, lines, rows},
};
use crate::checkpoint::{
    CheckpointError, CommitPermit, Recovered, Take,
    disk::{Disk, Frames},
    input::InputLog,
    open::open,
    store::Store,
    testing::{holder, record, snapshot},
};

const SEGMENT_BYTES: u64 = 4096;
const SOURCE: &str = "clicks";

/// What a process does wrong, for the test of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mistake {
    None,
    /// Shows an epoch before it is committed.
    PublishesFirst,
    /// Takes the newest snapshot for the state.
    ForgetsAgain,
    LosesTimers,
    DropsWatermark,
    /// Tells the client that a row is safe, and then writes it.
    AcknowledgesFirst,
    /// Publishes to the server without looking at its marker.
    RepeatsRows,
    /// Goes on where the source was read to, not where the record says.
    SkipsInput,
    /// Publishes nothing of what its predecessor had committed.
    ForgetsOutputs,
    /// Uses what an attempt has left that failed.
    ReusesFailedAttempt,
}

/// Why a process has ended before its work was done.
pub(super) enum Stop {
    Outside(Outside),
    Checkpoint(CheckpointError),
}

impl Stop {
    pub(super) fn said(&self) -> String {
        match self {
            Self::Outside(Outside(why)) => (*why).to_owned(),
            Self::Checkpoint(error) => format!("{error:?}"),
        }
    }
}

impl From<Outside> for Stop {
    fn from(outside: Outside) -> Self {
        Self::Outside(outside)
    }
}

impl From<CheckpointError> for Stop {
    fn from(error: CheckpointError) -> Self {
        Self::Checkpoint(error)
    }
}

/// What a process needs to know besides its disk.
pub(super) struct Work<'a> {
    pub(super) number: usize,
    pub(super) world: &'a World,
    pub(super) turn: Option<Turn>,
    pub(super) mistake: Mistake,
    /// It stops after so many epochs, in good order.
    pub(super) epochs: u64,
    /// It goes on until all rows are worked off.
    pub(super) is_last: bool,
    /// Clients send rows. Where several processes own the job they do not: logs are for directories, whose locks keep others out.
    pub(super) is_sent: bool,
}

struct Job<'a, D: Disk> {
    work: &'a Work<'a>,
    store: Store<D>,
    log: Option<InputLog<D>>,
    state: State,
    /// Frames of the log that are not behind a snapshot.
    frames: BTreeMap<u64, u64>,
    bids: u64,
    clicks: u64,
    snapshot_every: u64,
}

/// An epoch that is committed, and shown a little later.
struct Waiting {
    permit: CommitPermit,
    attempt: u64,
    bytes: Vec<u8>,
}

impl Work<'_> {
    fn is(&self, mistake: Mistake) -> bool {
        self.mistake == mistake
    }

    fn say(&self, line: impl FnOnce() -> String) {
        self.world.say(|| format!("process {}: {}", self.number, line()));
    }

    /// Others may go first.
    fn pass(&self) {
        if let Some(turn) = &self.turn {
            turn.pass();
        }
    }

    pub(super) fn run<D: Disk>(&self, disk: D) -> Result<(), Stop> {
        let (mut job, last) = Job::recover(self, disk)?;
        let mut next = last + 1;
        let mut waiting: Option<Waiting> = None;
        while self.is_last || next <= last + self.epochs {
            if job.bids == self.world.bids() && job.clicks == job.received() {
                break;
            }
            let committed = job.epoch(next)?;
            if let Some(before) = waiting.replace(committed) {
                job.publish(before)?;
            }
            next += 1;
        }
        if let Some(before) = waiting {
            job.publish(before)?;
        }
        self.say(|| format!("ends after epoch {}", next - 1));
        Ok(job.store.close()?)
    }
}

impl<'a, D: Disk> Job<'a, D> {
    fn recover(work: &'a Work<'a>, disk: D) -> Result<(Self, u64), Stop> {
        let keeps_logs = disk.frames() == Frames::Appended;
        let (store, mut found) = open(disk, Take::Continue, holder(), SEGMENT_BYTES)?;
        let last = found.last.as_ref().map_or(0, |last| last.epoch.0);
        work.say(|| format!("generation {} goes on after epoch {last}", found.generation));
        work.world.claimed(found.generation);
        let log = if keeps_logs { Some(store.input_log(SOURCE, None)?) } else { None };
        let (state, told) = saved(&store, &found)?;
        let snapshot_every = 2 + work.world.random(3);
        let mut job =
            Job { work, store, log, state, frames: BTreeMap::new(), bids: told.0, clicks: told.1, snapshot_every };
        job.read_log()?;
        job.again(&found);
        // Somebody else may have taken over since, who knows more.
        let is_newest = work.world.is_newest(found.generation);
        let known = job.frames.iter().filter(|(frame, _)| is_newest || **frame < job.clicks);
        known.for_each(|(frame, row)| work.world.logged(*frame, *row));
        for record in found.base.iter().chain(&found.again).chain(&found.last) {
            work.world.committed(record.epoch.0, &told_of(record));
        }
        if is_newest {
            work.world.recovered(last, &job.state);
        }
        for committed in std::mem::take(&mut found.republish) {
            let bytes = committed.outboxes.first().cloned().unwrap_or_default();
            let waiting = Waiting { permit: committed.permit, attempt: committed.record.revision, bytes };
            if work.is(Mistake::ForgetsOutputs) {
                job.store.published(waiting.permit)?;
            } else {
                job.publish(waiting)?;
            }
        }
        Ok((job, last))
    }

    fn read_log(&mut self) -> Result<(), CheckpointError> {
        let Some(log) = &self.log else { return Ok(()) };
        let mut reader = log.reader(self.clicks)?;
        while let Some((frame, bytes)) = reader.read()? {
            let row = u64::from_le_bytes(bytes[..8].try_into().unwrap());
            self.frames.insert(frame, row);
        }
        Ok(())
    }

    /// Computes the epochs again that have no snapshot behind them.
    fn again(&mut self, found: &Recovered) {
        for record in &found.again {
            let told = told_of(record);
            if !self.work.is(Mistake::ForgetsAgain) {
                let hash = hash_bytes(&self.compute(&told));
                let is_other = Some(hash) != record.sinks.first().map(|sink| sink.hash);
                if is_other && self.work.is(Mistake::None) && self.work.world.is_newest(found.generation) {
                    let epoch = record.epoch;
                    self.work.world.fail(format!("epoch {epoch} computed again is not what was committed"));
                }
            }
            (self.bids, self.clicks) = (told.bids, told.clicks);
        }
    }

    /// Numbers of frames that there are.
    fn received(&self) -> u64 {
        self.log.as_ref().map_or(0, InputLog::end)
    }

    fn compute(&mut self, told: &Told) -> Vec<u8> {
        let frames = &self.frames;
        let clicks = (self.clicks..told.clicks).filter_map(|frame| frames.get(&frame).copied());
        lines(&self.state.epoch(told.now, rows(self.bids..told.bids, clicks)))
    }

    /// What clients send comes in, durable before it is acknowledged.
    fn receive(&mut self) -> Result<(), Stop> {
        let world = self.work.world;
        let Some(log) = &mut self.log else { return Ok(()) };
        let count = if self.work.is_sent { world.random(4) } else { 0 };
        let sent: Vec<u64> = (0..count).map(|_| world.sends()).collect();
        if sent.is_empty() {
            return Ok(());
        }
        if self.work.is(Mistake::AcknowledgesFirst) {
            sent.iter().for_each(|row| world.acknowledge(*row));
        }
        let payload = |row: &u64| [&row.to_le_bytes()[..], &vec![b'x'; *row as usize % 200][..]].concat();
        let first = log.append(&sent.iter().map(payload).collect::<Vec<_>>())?;
        self.work.say(|| format!("logs rows {sent:?} from frame {first} on"));
        for (frame, row) in (first..).zip(sent) {
            world.logged(frame, row);
            self.frames.insert(frame, row);
            world.acknowledge(row);
        }
        Ok(())
    }

    fn epoch(&mut self, epoch: u64) -> Result<Waiting, Stop> {
        let world = self.work.world;
        self.receive()?;
        self.work.pass();
        let wanted = 1 + world.random(5);
        let bids = match world.read(self.bids, wanted) {
            // Another attempt, in the same process; what this one has computed must be gone.
            Err(_) if world.random(2) == 0 => {
                if self.work.is(Mistake::ReusesFailedAttempt) {
                    self.state.epoch(world.now(), rows(self.bids..self.bids + 1, std::iter::empty()));
                }
                self.bids
            }
            read => read?,
        };
        let told = Told { attempt: world.attempt(), now: world.now(), bids, clicks: self.received() };
        let bytes = self.compute(&told);
        (self.bids, self.clicks) = (told.bids, told.clicks);
        let saves = epoch.is_multiple_of(self.snapshot_every);
        let record = self.record(epoch, &told, &bytes, saves)?;
        if self.work.is(Mistake::PublishesFirst) {
            world.show_files(epoch, told.attempt, &bytes)?;
        }
        let permit = self.store.commit(&record, &[bytes.clone(), Vec::new()])?;
        world.committed(epoch, &told);
        self.work.say(|| format!("commits epoch {epoch}: {told:?}"));
        if saves {
            let retain = Retain { epochs: world.random(4), time: Duration::ZERO };
            self.store.collect(&retain)?;
        }
        Ok(Waiting { permit, attempt: told.attempt, bytes })
    }

    fn record(&self, epoch: u64, told: &Told, bytes: &[u8], saves: bool) -> Result<Record, CheckpointError> {
        let source = |name: &str, number: u64| SourceRecord {
            name: name.to_owned(),
            position: Position::Range { partition: 0, sequence: number, offset: number, rows_at: None },
            listed: Vec::new(),
            idle: None,
            watermark: Some(self.state.watermark),
            log_end: None,
        };
        let sink = |name: &str| SinkRecord {
            name: name.to_owned(),
            rows: 0,
            hash: hash_bytes(bytes),
            state: SinkState::None,
            target: String::new(),
            outbox: Vec::new(),
        };
        let bids = if self.work.is(Mistake::SkipsInput) { told.bids + epoch % 2 } else { told.bids };
        let mut record = Record {
            now: told.now,
            revision: told.attempt,
            sources: vec![source("bids", bids), source(SOURCE, told.clicks)],
            sinks: vec![sink("files"), sink("server")],
            ..record(epoch, self.store.generation())
        };
        record.published_through = Epoch(self.store.published);
        if saves {
            let mut state = self.state.clone();
            if self.work.is(Mistake::LosesTimers) {
                state.forget_timers();
            }
            if self.work.is(Mistake::DropsWatermark) {
                state.forget_watermark();
            }
            let engine = self.store.put("engine", b"watermarks")?;
            record.snapshot = Some(snapshot(engine, self.store.put("state", &state.encode())?));
        }
        Ok(record)
    }

    fn publish(&mut self, waiting: Waiting) -> Result<(), Stop> {
        let Waiting { permit, attempt, bytes } = waiting;
        let (world, epoch) = (self.work.world, permit.epoch().0);
        self.work.pass();
        world.show_files(epoch, attempt, &bytes)?;
        self.work.pass();
        let looks = !self.work.is(Mistake::RepeatsRows);
        world.send_rows(self.store.generation(), epoch, &bytes, looks)?;
        self.work.say(|| format!("has published epoch {epoch}"));
        // Sinks are synced now and then.
        if world.random(3) > 0 {
            self.store.published(permit)?;
        }
        Ok(())
    }
}

/// What was saved, and how far the sources were read then.
fn saved<D: Disk>(store: &Store<D>, found: &Recovered) -> Result<(State, (u64, u64)), CheckpointError> {
    let Some(base) = &found.base else { return Ok((State::default(), (0, 0))) };
    let snapshot = base.snapshot.as_ref().expect("a base has one");
    let state = State::decode(&store.get(&snapshot.operators[0].partitions[0])?);
    let told = told_of(base);
    Ok((state, (told.bids, told.clicks)))
}

fn told_of(record: &Record) -> Told {
    let at = |index: usize| match &record.sources[index].position {
        Position::Range { sequence, .. } => *sequence,
        _ => 0,
    };
    Told { attempt: record.revision, now: record.now, bids: at(0), clicks: at(1) }
}
