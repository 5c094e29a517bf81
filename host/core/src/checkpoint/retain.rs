//! What may be collected: the segments and files that no retained record needs.
//!
//! The host's `checkpoint` carries it out, from the oldest on. Invariant: the newest record with a snapshot, and everything after it,
//! stays; and so does what it takes to compute any of the last epochs that are kept again.

use std::{collections::BTreeSet, time::Duration};

use super::record::Outline;
use crate::model::Epoch;

/// How far back epochs can be computed again, whether anything needs them or not. Whichever of the two keeps more counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retain {
    /// So many of the last ones.
    pub epochs: u64,
    /// Those that are younger than this, by processing time.
    pub time: Duration,
}

/// Epochs that are kept for looking at, though nobody asked for them.
pub const RETAIN_EPOCHS_DEFAULT: u64 = 64;

impl Default for Retain {
    fn default() -> Self {
        Self { epochs: RETAIN_EPOCHS_DEFAULT, time: Duration::ZERO }
    }
}

impl Retain {
    /// The last epoch that need not be computed again.
    fn limit(&self, records: &[Kept], last: &Kept) -> u64 {
        let by_count = last.epoch.0.saturating_sub(self.epochs);
        let time = i64::try_from(self.time.as_micros()).unwrap_or(i64::MAX);
        if time == 0 {
            return by_count;
        }
        let since = last.now.saturating_sub(time);
        // The first one: a clock that was set back makes none older than those before it.
        let oldest = records.iter().find(|record| record.now >= since).unwrap_or(last);
        by_count.min(oldest.epoch.0.saturating_sub(1))
    }
}

/// What is kept in mind of a committed record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub epoch: Epoch,
    /// Number of the segment that it is in.
    pub segment: u64,
    /// Processing time of the epoch, in µs.
    pub now: i64,
    pub has_snapshot: bool,
    /// Names of the files that it needs.
    pub files: Vec<String>,
    /// Names of the files that it needs until it is published.
    pub outbox: Vec<String>,
    /// Sources, each with the frame of its log at which the next epoch goes on.
    pub inputs: Vec<(String, u64)>,
}

impl Kept {
    pub fn of(record: &Outline, segment: u64) -> Self {
        let files = record.files().map(|file| file.name.clone()).collect();
        let inputs = record.sources.iter().filter_map(|source| Some((source.name.clone(), source.frame()?))).collect();
        let has_snapshot = record.snapshot.is_some();
        let outbox = record.outbox().map(|file| file.name.clone()).collect();
        Self { epoch: record.epoch, segment, now: record.now, has_snapshot, files, outbox, inputs }
    }
}

/// What may go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Garbage {
    /// Segments with lower numbers.
    pub segments_before: u64,
    /// Records of lower epochs are in no segment that stays, or are needed no more.
    pub epochs_before: u64,
    pub files: Vec<String>,
    /// Of sources that have logs, the frames with lower numbers: the oldest snapshot that stays is behind them. Logs of other sources that
    /// `inputs_kept` does not name belong to nobody.
    pub inputs_before: Vec<(String, u64)>,
    /// Sources of which every frame stays: they came after that snapshot.
    pub inputs_kept: Vec<String>,
}

/// Chooses what may go so that the epochs of `retain` can be computed again: what comes before the newest snapshot
/// that lies before them all. What is not `published` for good stays as well.
pub fn choose(records: &[Kept], retain: &Retain, published: u64) -> Garbage {
    let mut garbage = of_snapshots(records, retain, published);
    let done = records.iter().filter(|record| record.epoch.0 <= published);
    garbage.files.extend(done.flat_map(|record| &record.outbox).cloned());
    garbage
}

fn of_snapshots(records: &[Kept], retain: &Retain, published: u64) -> Garbage {
    let Some(last) = records.last() else { return Garbage::default() };
    let limit = retain.limit(records, last).min(published.saturating_add(1));
    let Some(base) = records.iter().rposition(|record| record.has_snapshot && record.epoch.0 <= limit) else {
        return Garbage::default();
    };
    let (old, live) = records.split_at(base);
    let Some(oldest) = live.first() else { return Garbage::default() };
    let needed: BTreeSet<&str> = live.iter().flat_map(|record| &record.files).map(String::as_str).collect();
    let named: BTreeSet<&String> = old.iter().flat_map(|record| &record.files).collect();
    Garbage {
        segments_before: oldest.segment,
        epochs_before: oldest.epoch.0,
        files: named.into_iter().filter(|name| !needed.contains(name.as_str())).cloned().collect(),
        inputs_before: oldest.inputs.clone(),
        inputs_kept: later(live),
    }
}

/// Sources that only records behind the first one know.
fn later(records: &[Kept]) -> Vec<String> {
    let Some((first, rest)) = records.split_first() else { return Vec::new() };
    let known: BTreeSet<&String> = first.inputs.iter().map(|(name, _)| name).collect();
    let names: BTreeSet<&String> = rest.iter().flat_map(|record| &record.inputs).map(|(name, _)| name).collect();
    names.difference(&known).map(|name| (*name).clone()).collect()
}

#[cfg(test)]
#[path = "retain_tests.rs"]
mod tests;
