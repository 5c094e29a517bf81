//! What whoever takes a job over has to do: decided from the records of its journal alone.
//!
//! ```text
//!  epoch      1   2   3   4   5   6
//!  snapshot           ▲
//!  published  ─────────────►
//!                     base ► again 4, 5, 6    and the outputs of 5 and 6 are published (again)
//! ```
//!
//! The host's `checkpoint` gives the valid frames in order and carries the decision out. Invariant: nothing is decided from records that
//! do not follow each other, or from less than all that is needed to compute the state of the last epoch.

use super::record::Outline;
use crate::model::Epoch;

/// A valid frame, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    pub generation: u64,
    pub what: What<'a>,
}

/// What a frame says.
#[derive(Debug, Clone, Copy)]
pub enum What<'a> {
    Claim,
    Epoch(&'a Outline),
    Published(Epoch),
    Closed,
}

/// What to do. Numbers count the records, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// That of whoever recovers.
    pub generation: u64,
    /// The one to be committed next.
    pub next_epoch: Epoch,
    /// Number of the newest record.
    pub last: Option<usize>,
    /// The newest record with a snapshot; none: everything is computed from the start.
    pub base: Option<usize>,
    /// Number of the first record whose epoch is computed again; all after it are as well.
    pub again: usize,
    /// Number of the first record whose outputs may not be visible; all after it as well.
    pub republish: usize,
    /// The last process ended in good order.
    pub is_closed: bool,
}

/// Why nothing can be decided. `entry` counts the entries, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub entry: usize,
    pub why: Why,
}

/// What does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    #[error("there are two records of epoch {epoch}")]
    Twice { epoch: Epoch },
    #[error("the record of epoch {found} follows where that of epoch {expected} should")]
    Gap { expected: Epoch, found: Epoch },
    #[error("generation {found} wrote after generation {claimed} had taken the job over")]
    Zombie { claimed: u64, found: u64 },
    #[error("generation {found} wrote without having taken the job over from generation {claimed}")]
    NoClaim { claimed: u64, found: u64 },
    #[error("the record of epoch {epoch} is of generation {record}, and its frame of generation {frame}")]
    OtherGeneration { epoch: Epoch, record: u64, frame: u64 },
    #[error("the outputs of epoch {published} are said to be visible, which is not committed")]
    NotCommitted { published: Epoch },
    #[error("the records begin with epoch {first}, and none of them has a snapshot")]
    NoBase { first: Epoch },
    #[error("the outputs of epochs after {published} may not be visible, and the records begin with epoch {first}")]
    Unpublished { published: Epoch, first: Epoch },
}

/// What has been seen of the journal so far.
#[derive(Debug, Default)]
struct Reading {
    generation: Option<u64>,
    first: Option<Epoch>,
    last: Option<Epoch>,
    records: usize,
    base: Option<usize>,
    /// Number of the epoch up to which outputs are visible; 0 where none is.
    published: u64,
    is_closed: bool,
}

/// Decides from all valid frames, oldest first. The first ones may have been collected.
pub fn decide<'a>(entries: impl IntoIterator<Item = Entry<'a>>) -> Result<Decision, Refusal> {
    let mut reading = Reading::default();
    let mut count = 0;
    for (index, entry) in entries.into_iter().enumerate() {
        reading.take(&entry).map_err(|why| Refusal { entry: index, why })?;
        count = index;
    }
    reading.decision().map_err(|why| Refusal { entry: count, why })
}

impl Reading {
    fn take(&mut self, entry: &Entry<'_>) -> Result<(), Why> {
        self.check_generation(entry)?;
        self.is_closed = matches!(entry.what, What::Closed);
        match entry.what {
            What::Claim | What::Closed => Ok(()),
            What::Epoch(record) => self.record(record, entry.generation),
            What::Published(epoch) => self.publish(epoch),
        }
    }

    fn check_generation(&mut self, entry: &Entry<'_>) -> Result<(), Why> {
        let found = entry.generation;
        let is_claim = matches!(entry.what, What::Claim);
        match self.generation {
            Some(claimed) if found < claimed || (is_claim && found == claimed) => Err(Why::Zombie { claimed, found }),
            Some(claimed) if found > claimed && !is_claim => Err(Why::NoClaim { claimed, found }),
            _ => {
                self.generation = Some(found);
                Ok(())
            }
        }
    }

    fn record(&mut self, record: &Outline, frame: u64) -> Result<(), Why> {
        let found = record.epoch;
        if record.generation != frame {
            return Err(Why::OtherGeneration { epoch: found, record: record.generation, frame });
        }
        match self.last.map(Epoch::next) {
            Some(expected) if found < expected => return Err(Why::Twice { epoch: found }),
            Some(expected) if found > expected => return Err(Why::Gap { expected, found }),
            _ => {}
        }
        self.first.get_or_insert(found);
        self.last = Some(found);
        self.base = record.snapshot.as_ref().map(|_| self.records).or(self.base);
        self.records += 1;
        // A record is made before its own outputs can be visible.
        if record.published_through >= found {
            return Err(Why::NotCommitted { published: record.published_through });
        }
        self.published = self.published.max(record.published_through.0);
        Ok(())
    }

    fn publish(&mut self, epoch: Epoch) -> Result<(), Why> {
        if self.last.is_some_and(|last| epoch > last) {
            return Err(Why::NotCommitted { published: epoch });
        }
        self.published = self.published.max(epoch.0);
        Ok(())
    }

    fn decision(&self) -> Result<Decision, Why> {
        let generation = self.generation.map_or(1, |generation| generation.saturating_add(1));
        let is_closed = self.is_closed;
        let (Some(first), Some(last)) = (self.first, self.last) else {
            let next_epoch = Epoch::FIRST;
            return Ok(Decision { generation, next_epoch, last: None, base: None, again: 0, republish: 0, is_closed });
        };
        if self.base.is_none() && first != Epoch::FIRST {
            return Err(Why::NoBase { first });
        }
        if self.published.saturating_add(1) < first.0 {
            return Err(Why::Unpublished { published: Epoch(self.published), first });
        }
        let republish = (self.published + 1 - first.0) as usize;
        Ok(Decision {
            generation,
            next_epoch: last.next(),
            last: self.records.checked_sub(1),
            base: self.base,
            again: self.base.map_or(0, |base| base + 1),
            republish,
            is_closed,
        })
    }
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
