//! Watermarks: up to which event time a stream is believed to be complete.
//!
//! ```text
//!  rows ─► source: largest time of the partition that is read ─┐
//!          how those begin that nobody has read yet ───────────┴─ min, − bound ─► Mark ─► operator: min of its sources
//! ```
//!
//! A watermark W says: rows before W are late. [`Watermarks`] is told what each epoch brought; clocks and timeouts come in
//! as data, so that a replay gives the same. Invariants: a watermark never goes back; [`i64::MIN`] means that nothing is
//! known, [`i64::MAX`] that the stream has ended, and no row that a [`TimeRule`] admits can cause either.

mod saved;
mod sources;

pub use saved::Saved;
pub use sources::{Beginnings, Watermarks};

/// 0001-01-01T00:00:00Z in µs.
const YEAR_1: i64 = -62_135_596_800_000_000;
/// 9999-01-01T00:00:00Z in µs: systems write times of that year for "never".
const YEAR_9999: i64 = 253_370_764_800_000_000;

/// Which event times are believed. Rows with others move no watermark, and are in no window.
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
    /// The default, and at most `ahead` (in µs) after `now`; none: however far ahead.
    pub fn ahead_of(now: i64, ahead: Option<i64>) -> Self {
        let rule = Self::default();
        let max = ahead.map_or(rule.max, |ahead| rule.max.min(now.saturating_add(ahead)));
        Self { max, ..rule }
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
}

#[cfg(test)]
mod tests;
