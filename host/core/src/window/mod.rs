//! Windows: which rows belong together in time. All times are microseconds since 1970 UTC, windows are half open.
//!
//! The planner builds a [`WindowSpec`] from the job file; the map side of a windowed operator asks [`Panes`] where each
//! row belongs; its reduce side asks which windows a new watermark closes. Nothing here holds rows or accumulators.
//!
//! ```text
//!  rows ──► panes: gcd(length, slide), never overlapping ──► windows: runs of panes
//!           ├──┼──┼──┼──┼──┼──┤                              [────────)
//!                                                               [────────)
//! ```
//!
//! Windows that began before the first row count: they hold what there is, as Spark's do. A row belongs to every
//! window that contains its time, whether or not the stream had begun when that window did.

use std::fmt;

mod civil;
mod grid;
mod panes;

pub use civil::Zone;
pub use panes::{Closed, Panes, Windows};

/// One day: what the length of a window with a zone is a multiple of.
pub const DAY: i64 = 86_400_000_000;

/// How rows are put together in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WindowKind {
    /// Each row in one window. With a zone, `length` is whole days of that zone's calendar (23 or 25 hours where
    /// clocks change) and `offset` moves their beginning on its clocks.
    Tumbling { length: i64, offset: i64, zone: Option<Zone> },
    /// A window of `length` begins every `slide`, so each row is in about length / slide windows.
    Sliding { length: i64, slide: i64, offset: i64 },
    /// Rows of a key that lie less than `gap` apart.
    Session { gap: i64 },
    /// Every `rows` rows of a key.
    Count { rows: u64 },
    /// All rows of a key.
    Global,
}

/// Which clock tells the time of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// When it happened: its event-time column.
    Event,
    /// When its epoch began.
    Processing,
}

/// The windows of an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowSpec {
    pub kind: WindowKind,
    /// For how long after its end, in event time, a window still takes rows.
    pub lateness: i64,
    pub clock: Clock,
    /// Of sliding windows: rows that leave are taken back from one running accumulator of their key, instead of merging
    /// panes.
    pub inverse: bool,
}

/// From `start` on and before `end`. A bound that lies beyond what 64 bits hold is the nearest that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    pub start: i64,
    pub end: i64,
}

/// Why windows cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    #[error("the {0} of a window is more than nothing")]
    NotPositive(&'static str),
    #[error("lateness is not negative")]
    NegativeLateness,
    #[error("the slide is at most the length: rows between two windows would be in none")]
    Gaps,
    #[error("windows that take rows back leave once: they have no lateness")]
    InverseLateness,
    #[error("a window with a time zone is whole days long, because a zone's clocks change")]
    NotWholeDays,
}

impl WindowSpec {
    /// Whether an operator can have these windows.
    pub fn check(&self) -> Result<(), WindowError> {
        if self.lateness < 0 {
            return Err(WindowError::NegativeLateness);
        }
        if self.inverse && self.lateness > 0 {
            return Err(WindowError::InverseLateness);
        }
        self.kind.check()
    }
}

impl fmt::Display for WindowSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |micros: &i64| std::time::Duration::from_micros(micros.unsigned_abs());
        match &self.kind {
            WindowKind::Tumbling { length, .. } => write!(f, "tumbling, {:?}", time(length))?,
            WindowKind::Sliding { length, slide, .. } => {
                write!(f, "sliding, {:?} every {:?}", time(length), time(slide))?;
            }
            WindowKind::Session { gap } => write!(f, "session, gap {:?}", time(gap))?,
            WindowKind::Count { rows } => write!(f, "every {rows} rows")?,
            WindowKind::Global => return f.write_str("none: all rows of a key"),
        }
        if self.lateness > 0 {
            write!(f, ", {:?} late", time(&self.lateness))?;
        }
        if self.inverse {
            f.write_str(", taking rows back")?;
        }
        if self.clock == Clock::Processing { f.write_str(", by processing time") } else { Ok(()) }
    }
}

impl WindowKind {
    /// Whether there can be such windows.
    pub fn check(&self) -> Result<(), WindowError> {
        let positive = |name, value| if value > 0 { Ok(()) } else { Err(WindowError::NotPositive(name)) };
        match *self {
            Self::Tumbling { length, ref zone, .. } => {
                positive("length", length)?;
                if zone.is_some() && length % DAY != 0 { Err(WindowError::NotWholeDays) } else { Ok(()) }
            }
            Self::Sliding { length, slide, .. } => {
                positive("length", length)?;
                positive("slide", slide)?;
                if slide > length { Err(WindowError::Gaps) } else { Ok(()) }
            }
            Self::Session { gap } => positive("gap", gap),
            Self::Count { rows: 0 } => Err(WindowError::NotPositive("number of rows")),
            Self::Count { .. } | Self::Global => Ok(()),
        }
    }
}

/// Whether a window takes no more rows: the watermark has reached its end and the lateness after it.
#[inline]
pub fn is_late(window_end: i64, lateness: i64, watermark: i64) -> bool {
    window_end.saturating_add(lateness) <= watermark
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
