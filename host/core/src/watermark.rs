//! Watermarks: up to which event time a stream is believed to be complete.
//!
//! ```text
//!  rows ─► partition: largest time − bound ─┐ min of open        ┌─► operator: min of its inputs
//!                        …                  ├─────────────► source
//!  rows ─► partition ───────────────────────┘ that are not idle
//! ```
//!
//! A watermark W says: rows before W are late. The committer calls this once an epoch and commits the answer with it;
//! clocks and timeouts come in as data, so that a replay gives the same. Invariants: a watermark never goes back;
//! [`i64::MIN`] means that nothing is known, [`i64::MAX`] that the stream has ended, and no row can cause either.

use std::collections::BTreeMap;

/// 0001-01-01T00:00:00Z in µs.
const YEAR_1: i64 = -62_135_596_800_000_000;
/// 9999-01-01T00:00:00Z in µs: systems write times of that year for "never".
const YEAR_9999: i64 = 253_370_764_800_000_000;

/// Which event times are believed. Rows with others are rejected before anything looks at their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRule {
    /// The earliest, in µs.
    pub min: i64,
    /// The latest, in µs.
    pub max: i64,
}

impl Default for TimeRule {
    /// The years 1 to 9998.
    fn default() -> Self {
        Self { min: YEAR_1, max: YEAR_9999 - 1 }
    }
}

impl TimeRule {
    /// The default, and at most `ahead` after `now`.
    pub fn ahead_of(now: i64, ahead: i64) -> Self {
        let rule = Self::default();
        Self { max: rule.max.min(now.saturating_add(ahead)), ..rule }
    }

    #[inline]
    pub fn admits(&self, time: i64) -> bool {
        self.min <= time && time <= self.max
    }
}

/// What a source or an operator says to those after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Rows before this time are late.
    Active(i64),
    /// As far as it was, and nothing has come for so long that nobody should wait for it.
    Idle(i64),
    /// No row will come.
    Ended,
}

impl Mark {
    /// The watermark as a number.
    pub fn watermark(self) -> i64 {
        match self {
            Self::Active(watermark) | Self::Idle(watermark) => watermark,
            Self::Ended => i64::MAX,
        }
    }

    /// The mark of what has these inputs: the least of the active ones; where none is active, the greatest of the idle
    /// ones; ended when all are. Nothing is known of no inputs.
    pub fn of_inputs(inputs: impl IntoIterator<Item = Self>) -> Self {
        inputs.into_iter().reduce(Self::beside).unwrap_or(Self::Active(i64::MIN))
    }

    fn beside(self, other: Self) -> Self {
        match (self, other) {
            (Self::Ended, mark) | (mark, Self::Ended) => mark,
            (Self::Active(left), Self::Active(right)) => Self::Active(left.min(right)),
            (Self::Active(active), Self::Idle(_)) | (Self::Idle(_), Self::Active(active)) => Self::Active(active),
            (Self::Idle(left), Self::Idle(right)) => Self::Idle(left.max(right)),
        }
    }

    /// This mark, but not before `floor`.
    fn at_least(self, floor: i64) -> Self {
        match self {
            Self::Active(watermark) => Self::Active(watermark.max(floor)),
            Self::Idle(watermark) => Self::Idle(watermark.max(floor)),
            Self::Ended => Self::Ended,
        }
    }
}

/// The watermark of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermarks {
    bound: i64,
    idle: Option<i64>,
    open: BTreeMap<u64, Partition>,
    /// The largest event time of partitions that have ended.
    ended_time: i64,
    /// When the last row of any partition came, on the clock of `now`.
    seen: i64,
    complete: bool,
    current: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Partition {
    /// The largest event time; [`i64::MIN`] before the first row.
    time: i64,
    seen: i64,
}

impl Watermarks {
    /// A source whose rows come at most `bound` µs out of order within a partition. A partition without rows for
    /// `idle` µs does not hold the others back; with None it does, for ever.
    pub fn new(bound: i64, idle: Option<i64>, now: i64) -> Self {
        let open = BTreeMap::new();
        Self { bound, idle, open, ended_time: i64::MIN, seen: now, complete: false, current: i64::MIN }
    }

    /// A partition from which rows will come: until they do, it holds the source's watermark where it is.
    pub fn open(&mut self, partition: u64, now: i64) {
        self.open.entry(partition).or_insert(Partition { time: i64::MIN, seen: now });
        self.seen = self.seen.max(now);
    }

    /// Rows came from a partition; `time` is the largest event time among those that the [`TimeRule`] admits.
    pub fn observe(&mut self, partition: u64, time: i64, now: i64) {
        self.open(partition, now);
        if let Some(state) = self.open.get_mut(&partition) {
            state.time = state.time.max(time);
            state.seen = state.seen.max(now);
        }
    }

    /// No row will come from this partition.
    pub fn end(&mut self, partition: u64) {
        if let Some(state) = self.open.remove(&partition) {
            self.ended_time = self.ended_time.max(state.time);
        }
    }

    /// No partition will be opened: the source ends with those that are open.
    pub fn complete(&mut self) {
        self.complete = true;
    }

    /// The source's mark at the end of an epoch. Never goes back.
    pub fn advance(&mut self, now: i64) -> Mark {
        let mark = if self.complete && self.open.is_empty() { Mark::Ended } else { self.mark(now) };
        let mark = mark.at_least(self.current);
        self.current = mark.watermark();
        mark
    }

    /// As the last [`Self::advance`] left it.
    pub fn current(&self) -> i64 {
        self.current
    }

    fn mark(&self, now: i64) -> Mark {
        let waited_for = self.open.values().filter(|state| !self.is_idle(state.seen, now));
        if let Some(time) = waited_for.map(|state| state.time).min() {
            return Mark::Active(self.less_bound(time));
        }
        // Nobody holds it: as far as any partition came.
        let time = self.open.values().map(|state| state.time).fold(self.ended_time, i64::max);
        let watermark = self.less_bound(time);
        if self.is_idle(self.seen, now) { Mark::Idle(watermark) } else { Mark::Active(watermark) }
    }

    fn is_idle(&self, seen: i64, now: i64) -> bool {
        self.idle.is_some_and(|timeout| now.saturating_sub(seen) >= timeout)
    }

    fn less_bound(&self, time: i64) -> i64 {
        // The end of time is said by `Mark::Ended` alone.
        time.saturating_sub(self.bound).min(i64::MAX - 1)
    }
}

/// The watermark of an operator: that of its inputs, but never going back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperatorWatermark {
    current: i64,
}

impl Default for OperatorWatermark {
    fn default() -> Self {
        Self { current: i64::MIN }
    }
}

impl OperatorWatermark {
    /// The operator's mark when its inputs have these.
    pub fn advance(&mut self, inputs: impl IntoIterator<Item = Mark>) -> Mark {
        let mark = Mark::of_inputs(inputs).at_least(self.current);
        self.current = mark.watermark();
        mark
    }

    /// As the last [`Self::advance`] left it.
    pub fn current(&self) -> i64 {
        self.current
    }
}

#[cfg(test)]
#[path = "watermark_tests.rs"]
mod tests;
