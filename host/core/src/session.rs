//! The sessions of one key: which ones a new row joins, and which ones are over.
//!
//! The reduce side calls this for each partial accumulator that arrives, and at each watermark. What it returns is
//! data: the engine merges accumulators, which this file knows by their slots alone.
//!
//! A session with rows from `start` to `last` is the half-open window `[start, last + gap)`. Sessions whose windows
//! overlap are one: rows less than `gap` apart, and not rows exactly `gap` apart, so that a session that a watermark
//! closes could not have grown by any row that is not late. Invariant: sessions ascend and are at least `gap` apart.

use crate::window::is_late;

/// A run of rows of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Event time of the earliest row.
    pub start: i64,
    /// Event time of the latest row.
    pub last: i64,
    /// Where its accumulator is.
    pub slot: u32,
}

impl Session {
    /// Where its window ends.
    pub fn end(&self, gap: i64) -> i64 {
        self.last.saturating_add(gap)
    }

    fn is_apart_before(&self, time: i64, gap: i64) -> bool {
        // A session's end is exclusive, save one that 64 bits cannot hold: that one overlaps all that follow.
        self.last.checked_add(gap).is_some_and(|end| end <= time)
    }
}

/// What an insertion asks the engine to do: merge `into` with each of `absorbed`, in this order, which is that of
/// their first rows; keep the result at `into`; free the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    pub into: u32,
    pub absorbed: Absorbed,
}

/// Slots that merge into another, in order. Mostly none or one, which take no allocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Absorbed {
    first: Option<u32>,
    rest: Vec<u32>,
}

impl Absorbed {
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.first.into_iter().chain(self.rest.iter().copied())
    }

    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn push(&mut self, slot: u32) {
        match self.first {
            None => self.first = Some(slot),
            Some(_) => self.rest.push(slot),
        }
    }
}

/// The open sessions of one key, in order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sessions {
    list: Vec<Session>,
}

impl Sessions {
    /// Sessions that were saved. None: they are not those of one key with this gap.
    pub fn load(list: Vec<Session>, gap: i64) -> Option<Self> {
        let is_one = list.iter().all(|session| session.start <= session.last);
        let are_apart = list.is_sorted_by(|left, right| left.is_apart_before(right.start, gap));
        (is_one && are_apart).then_some(Self { list })
    }

    /// The window that rows from `start` to `last` would have with all sessions that they join: what decides whether
    /// they are late.
    pub fn joined(&self, start: i64, last: i64, gap: i64) -> (i64, i64) {
        let joined = self.list.get(self.overlap(start, last, gap)).unwrap_or_default();
        let first = joined.first().map_or(start, |session| session.start.min(start));
        let last = joined.last().map_or(last, |session| session.last.max(last));
        (first, last.saturating_add(gap))
    }

    /// Adds rows from `start` to `last`, themselves less than `gap` apart, whose accumulator is at `slot`.
    pub fn insert(&mut self, start: i64, last: i64, slot: u32, gap: i64) -> Merge {
        let new = Session { start, last, slot };
        let range = self.overlap(start, last, gap);
        let joined = self.list.get(range.clone()).unwrap_or_default();
        let place = joined.partition_point(|session| session.start <= start);
        let (before, after) = joined.split_at(place);
        let mut merge: Option<Merge> = None;
        let mut whole = new;
        for session in before.iter().chain([&new]).chain(after) {
            whole.start = whole.start.min(session.start);
            whole.last = whole.last.max(session.last);
            match &mut merge {
                None => merge = Some(Merge { into: session.slot, absorbed: Absorbed::default() }),
                Some(merge) => merge.absorbed.push(session.slot),
            }
        }
        let merge = merge.expect("the new rows are part of the chain");
        whole.slot = merge.into;
        if self.list.is_empty() {
            // Most keys have one session at a time: no room for more.
            self.list.reserve_exact(1);
        }
        self.list.splice(range, [whole]);
        merge
    }

    /// The sessions whose windows end after `from` and not after `to`: those that this step of the watermark ends.
    pub fn ended(&self, gap: i64, from: i64, to: i64) -> impl Iterator<Item = &Session> {
        let start = self.list.partition_point(|session| session.end(gap) <= from);
        self.list.iter().skip(start).take_while(move |session| session.end(gap) <= to)
    }

    /// Takes out the sessions that accept no more rows: closed by the watermark, and the lateness after it.
    pub fn close(&mut self, gap: i64, lateness: i64, watermark: i64) -> impl Iterator<Item = Session> {
        let closed = self.list.partition_point(|session| is_late(session.end(gap), lateness, watermark));
        self.list.drain(..closed)
    }

    /// Takes out the sessions that are at these slots.
    pub fn remove(&mut self, is_gone: impl Fn(u32) -> bool) {
        self.list.retain(|session| !is_gone(session.slot));
    }

    /// All of them, in order of time.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.list.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The sessions whose windows overlap that of these rows. They follow each other.
    fn overlap(&self, start: i64, last: i64, gap: i64) -> std::ops::Range<usize> {
        let new = Session { start, last, slot: 0 };
        let from = self.list.partition_point(|session| session.is_apart_before(start, gap));
        let to = self.list.partition_point(|session| !new.is_apart_before(session.start, gap));
        from..to.max(from)
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
