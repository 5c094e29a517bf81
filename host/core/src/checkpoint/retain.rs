//! What may be collected: the segments and files that no retained record needs.
//!
//! The host's `checkpoint` carries it out, from the oldest on. Invariant: the newest record with a snapshot, and everything after it,
//! stays; and so does what it takes to compute any of the last epochs that are kept again.

use std::collections::BTreeSet;

use super::record::Outline;
use crate::model::Epoch;

/// What is kept in mind of a committed record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub epoch: Epoch,
    /// Number of the segment that it is in.
    pub segment: u64,
    pub has_snapshot: bool,
    /// Names of the files that it needs.
    pub files: Vec<String>,
}

impl Kept {
    pub fn of(record: &Outline, segment: u64) -> Self {
        let files = record.files().map(|file| file.name.clone()).collect();
        Self { epoch: record.epoch, segment, has_snapshot: record.snapshot.is_some(), files }
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
}

/// Chooses what may go so that the last `keep` epochs can be computed again: what comes before the newest snapshot
/// that lies before them all. What is not `published` for good stays as well.
pub fn choose(records: &[Kept], keep: u64, published: u64) -> Garbage {
    let Some(last) = records.last() else { return Garbage::default() };
    let limit = last.epoch.0.saturating_sub(keep).min(published.saturating_add(1));
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
    }
}

#[cfg(test)]
#[path = "retain_tests.rs"]
mod tests;
