//! What is outside of the processes and never forgets: sources, a client, sinks, a clock; and the oracle that looks at all of it.
//!
//! Sources and sinks fail as the seed has it: reads that fail or are short, rows whose receipt is lost, outputs that are refused, or taken without an
//! answer. Whatever does not hold is a violation, said in words.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::rows::{Row, State};

/// Something outside fails, and the attempt with it.
#[derive(Debug)]
pub(super) struct Outside(pub(super) &'static str);

/// An epoch as it was committed, as far as anybody was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// Unique: computing an epoch in another way than it was committed is seen at once.
    pub(super) attempt: u64,
    pub(super) now: i64,
    /// How far the source was read, and the log.
    pub(super) bids: u64,
    pub(super) clicks: u64,
}

/// Shared by everybody. One process runs at a time.
#[derive(Clone)]
pub(super) struct World(Arc<Mutex<Known>>);

struct Known {
    random: SmallRng,
    /// None: nothing fails any more.
    fails: Option<f64>,
    now: i64,
    attempts: u64,
    /// Of the processes that have taken the job over.
    generations: BTreeSet<u64>,
    /// Rows of the source that can be read again.
    bids: u64,
    /// Rows that the client has sent, and those that it was told are safe.
    sent: u64,
    acknowledged: BTreeSet<u64>,
    /// Frames of the log as they were first read, each with the number that the client gave its row.
    frames: BTreeMap<u64, u64>,
    committed: BTreeMap<u64, Told>,
    /// The oracle: what the job should know and have said after each of them.
    states: Vec<State>,
    outputs: Vec<Vec<String>>,
    /// By epoch: the sink that shows files.
    files: BTreeMap<u64, (u64, Vec<u8>)>,
    /// The sink that is a server: rows, and the marker in the same transaction.
    server: Vec<u8>,
    marker: (u64, u64),
    fired: BTreeMap<&'static str, u64>,
    violations: Vec<String>,
    trace: Vec<String>,
}

impl World {
    pub(super) fn new(seed: u64, bids: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let fails = [0.0, 0.01, 0.05][random.random_range(0..3)];
        Self(Arc::new(Mutex::new(Known {
            random,
            fails: Some(fails),
            now: 1_000,
            attempts: 0,
            generations: BTreeSet::new(),
            bids,
            sent: 0,
            acknowledged: BTreeSet::new(),
            frames: BTreeMap::new(),
            committed: BTreeMap::new(),
            states: Vec::new(),
            outputs: Vec::new(),
            files: BTreeMap::new(),
            server: Vec::new(),
            marker: (0, 0),
            fired: BTreeMap::new(),
            violations: Vec::new(),
            trace: Vec::new(),
        })))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn fail(&self, violation: String) {
        self.say(|| format!("VIOLATION: {violation}"));
        self.known().violations.push(violation);
    }

    pub(super) fn say(&self, line: impl FnOnce() -> String) {
        self.known().trace.push(line());
    }

    pub(super) fn violations(&self) -> Vec<String> {
        self.known().violations.clone()
    }

    pub(super) fn trace(&self) -> Vec<String> {
        self.known().trace.clone()
    }

    pub(super) fn fired(&self) -> BTreeMap<&'static str, u64> {
        self.known().fired.clone()
    }

    pub(super) fn note(&self, fault: &'static str) {
        *self.known().fired.entry(fault).or_default() += 1;
    }

    /// From now on nothing fails.
    pub(super) fn heal(&self) {
        self.known().fails = None;
    }

    pub(super) fn random(&self, bound: u64) -> u64 {
        self.known().random.random_range(0..bound)
    }

    /// Whether something outside fails now.
    fn strikes(&self, fault: &'static str) -> bool {
        let mut known = self.known();
        let Some(likely) = known.fails else { return false };
        let strikes = known.random.random_bool(likely);
        if strikes {
            *known.fired.entry(fault).or_default() += 1;
            known.trace.push(format!("fault: {fault}"));
        }
        strikes
    }

    pub(super) fn attempt(&self) -> u64 {
        let mut known = self.known();
        known.attempts += 1;
        known.attempts
    }

    /// Processing time of the next epoch. Clocks are set forward and back.
    pub(super) fn now(&self) -> i64 {
        const DAY: i64 = 86_400;
        let mut known = self.known();
        let step = known.random.random_range(1..15);
        let jump =
            if known.fails.is_none() { 0 } else { [0, 0, 0, 0, 0, 0, DAY, -DAY][known.random.random_range(0..8)] };
        known.now += step + jump;
        if jump != 0 {
            *known.fired.entry("the clock was set").or_default() += 1;
        }
        known.now
    }

    /// Rows of the source from one number on: so many at most, and none behind its end.
    pub(super) fn read(&self, from: u64, most: u64) -> Result<u64, Outside> {
        if self.strikes("a read of the source failed") {
            return Err(Outside("the source cannot be read"));
        }
        let end = (from + most).min(self.known().bids);
        if end > from && self.strikes("a read of the source was short") {
            return Ok(from + self.random(end - from));
        }
        Ok(end)
    }

    pub(super) fn bids(&self) -> u64 {
        self.known().bids
    }

    /// The client sends a row: its number.
    pub(super) fn sends(&self) -> u64 {
        let mut known = self.known();
        known.sent += 1;
        known.sent - 1
    }

    /// The client is told that its row is safe; or its connection has gone.
    pub(super) fn acknowledge(&self, row: u64) {
        if !self.strikes("a receipt was lost") {
            self.known().acknowledged.insert(row);
        }
    }

    /// What a frame of the log holds, which never changes.
    pub(super) fn logged(&self, frame: u64, row: u64) {
        let before = *self.known().frames.entry(frame).or_insert(row);
        if before != row {
            self.fail(format!("frame {frame} of the log held row {before}, and now row {row}"));
        }
    }

    /// An epoch was committed, as a process was told or has found.
    pub(super) fn committed(&self, epoch: u64, told: &Told) {
        let before = self.known().committed.get(&epoch).cloned();
        if let Some(before) = before {
            if before != *told {
                self.fail(format!("epoch {epoch} was committed as {before:?} and again as {told:?}"));
            }
            return;
        }
        let (known_epochs, missing) = {
            let known = self.known();
            let from = known.committed.last_key_value().map_or((0, 0), |(_, last)| (last.bids, last.clicks));
            let missing = (from.1..told.clicks).find(|frame| !known.frames.contains_key(frame));
            (known.states.len() as u64, missing)
        };
        if epoch != known_epochs + 1 || missing.is_some() {
            self.fail(format!("epoch {epoch} follows epoch {known_epochs}, without frame {missing:?}"));
            return;
        }
        let mut known = self.known();
        let from = known.committed.last_key_value().map_or((0, 0), |(_, last)| (last.bids, last.clicks));
        let mut state = known.states.last().cloned().unwrap_or_default();
        let frames = (from.1..told.clicks).map(|frame| known.frames[&frame]);
        let rows: Vec<Row> = rows(from.0..told.bids, frames).collect();
        let watermark = state.watermark;
        let output = state.epoch(told.now, rows);
        let is_sound =
            from.0 <= told.bids && from.1 <= told.clicks && state.is_balanced() && watermark <= state.watermark;
        known.states.push(state);
        known.outputs.push(output);
        known.committed.insert(epoch, told.clone());
        drop(known);
        if !is_sound {
            self.fail(format!("epoch {epoch}: positions or the watermark go back, or rows are missing: {told:?}"));
        }
    }

    /// A process has taken the job over.
    pub(super) fn claimed(&self, generation: u64) {
        if !self.known().generations.insert(generation) {
            self.fail(format!("there are two processes of generation {generation}"));
        }
    }

    /// Nobody has taken the job over since.
    pub(super) fn is_newest(&self, generation: u64) -> bool {
        self.known().generations.last() == Some(&generation)
    }

    /// The process that has the job has recovered up to an epoch, and knows this.
    pub(super) fn recovered(&self, epoch: u64, state: &State) {
        let (newest, is_same) = {
            let known = self.known();
            let newest = known.states.len() as u64;
            let empty = State::default();
            let is_same = *known.states.last().unwrap_or(&empty) == *state;
            (newest, is_same)
        };
        if newest != epoch {
            self.fail(format!("epoch {newest} was committed, and {epoch} is found to be the last"));
        } else if !is_same {
            self.fail(format!("the state after epoch {epoch} is not that of the epochs that were committed"));
        }
    }

    /// Files appear under their names, or are there already.
    pub(super) fn show_files(&self, epoch: u64, attempt: u64, bytes: &[u8]) -> Result<(), Outside> {
        if self.strikes("the sink of files refused") {
            return Err(Outside("no space for files"));
        }
        let is_committed = self.known().committed.get(&epoch).map(|told| told.attempt) == Some(attempt);
        if !is_committed {
            self.fail(format!("attempt {attempt} at epoch {epoch} is shown, which is not committed"));
        }
        let before = self.known().files.insert(epoch, (attempt, bytes.to_vec()));
        if before.is_some_and(|before| before != (attempt, bytes.to_vec())) {
            self.fail(format!("epoch {epoch} was shown twice, and differs"));
        }
        if self.strikes("the sink of files died after its work") {
            return Err(Outside("the directory is gone"));
        }
        Ok(())
    }

    /// A transaction of the server: rows and the marker of their epoch.
    pub(super) fn send_rows(&self, generation: u64, epoch: u64, bytes: &[u8], looks: bool) -> Result<(), Outside> {
        if self.strikes("the server was away") {
            return Err(Outside("no connection"));
        }
        {
            let mut known = self.known();
            if generation < known.marker.0 {
                known.trace.push(format!("the server refuses generation {generation}"));
                return Err(Outside("another process has taken over"));
            }
            let has_it = looks && epoch <= known.marker.1;
            if !has_it {
                known.server.extend_from_slice(bytes);
            }
            let last = known.marker.1.max(epoch);
            known.marker = (generation, last);
        }
        if self.strikes("the server's answer was lost") {
            return Err(Outside("the connection broke before an answer"));
        }
        Ok(())
    }

    /// Everything that was given to the job has been worked off once, and is visible everywhere once.
    pub(super) fn check_end(&self) {
        let wrong = self.known().wrong_at_the_end();
        wrong.into_iter().for_each(|violation| self.fail(violation));
    }
}

impl Known {
    fn wrong_at_the_end(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let Some((_, last)) = self.committed.last_key_value() else { return vec!["nothing was committed".into()] };
        if last.bids != self.bids {
            wrong.push(format!("{} of {} rows of the source were read", last.bids, self.bids));
        }
        let rows: Vec<u64> = (0..last.clicks).filter_map(|frame| self.frames.get(&frame).copied()).collect();
        let distinct: BTreeSet<u64> = rows.iter().copied().collect();
        if distinct.len() != rows.len() || rows.len() as u64 != last.clicks {
            wrong.push(format!("rows of the client are there twice: {rows:?}"));
        }
        let lost: Vec<&u64> = self.acknowledged.difference(&distinct).collect();
        if !lost.is_empty() {
            wrong.push(format!("the client was told that rows are safe, which are lost: {lost:?}"));
        }
        let expected: Vec<Vec<u8>> = self.outputs.iter().map(|output| lines(output)).collect();
        let shown: Vec<&Vec<u8>> = self.files.values().map(|(_, bytes)| bytes).collect();
        if !shown.iter().copied().eq(&expected) {
            wrong.push(format!("the files of {} epochs are not the expected ones of {}", shown.len(), expected.len()));
        }
        if self.server != expected.concat() {
            wrong.push(format!(
                "the server has {} bytes, and not the expected {}",
                self.server.len(),
                expected.concat().len()
            ));
        }
        wrong
    }
}

/// The rows of an epoch: of the source, then of the client.
pub(super) fn rows(bids: std::ops::Range<u64>, clicks: impl Iterator<Item = u64>) -> impl Iterator<Item = Row> {
    bids.map(Row::of).chain(clicks.map(|row| Row { key: 7, ..Row::of(row * 3) }))
}

pub(super) fn lines(output: &[String]) -> Vec<u8> {
    output.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
}
