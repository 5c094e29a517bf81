//! Windows that were open when an operator's modules were exchanged, and are finished by the modules before.
//!
//! ```text
//!                        line
//! windows of the modules  │  windows of those
//! that were exchanged     │  that took their place
//! ────────────────────────┼──────────────────────► event time
//!      [─────────)        │
//!           [─────────)   │        windows that begin before the line, also if they end behind it
//!                         [─────────)
//! ```
//!
//! On the map side both have every row; on the reduce side a pane goes to whom it belongs, or to both, and a window leaves once. The
//! line is drawn behind the last window that had a row anywhere, so that no row of a window has been with the other. Invariant: each
//! window is that of one of them, in all partitions of the operator.

use std::ops::Range;

use pelton_core::window::{Panes, WindowKind, is_late};
use serde::{Deserialize, Serialize};

use super::{
    AggregatePlan,
    partial::Partial,
    reduce::{Partition, Windows},
};

/// Between the windows of two generations of modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Where the first window of the new ones begins.
    from: i64,
    /// The end of the last one of those before.
    end: i64,
}

/// A partition as the modules before see it.
#[derive(Debug)]
pub struct Draining {
    pub partition: Partition,
    pub line: Line,
}

/// What is a partition's own of panes and of windows, by their starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    panes: Range<i64>,
    windows: Range<i64>,
}

impl Line {
    /// Behind all windows that contain the pane that starts at `newest`.
    fn behind(kind: &WindowKind, newest: i64) -> Option<Self> {
        let panes = Panes::new(kind)?;
        let last = panes.windows_of(newest).last()?;
        let from = match kind {
            WindowKind::Sliding { slide, .. } => last.start.saturating_add(*slide),
            _ => last.end,
        };
        Some(Self { from, end: last.end })
    }

    /// Of the modules that were exchanged.
    pub fn before(self) -> Own {
        Own { panes: i64::MIN..self.end, windows: i64::MIN..self.from }
    }

    /// Of those that took their place.
    pub fn after(self) -> Own {
        Own { panes: self.from..i64::MAX, windows: self.from..i64::MAX }
    }
}

impl Own {
    /// All of them.
    pub const ALL: Self = Self { panes: i64::MIN..i64::MAX, windows: i64::MIN..i64::MAX };

    pub fn has_pane(&self, start: i64) -> bool {
        self.panes.contains(&start)
    }

    pub fn has_window(&self, start: i64) -> bool {
        self.windows.contains(&start)
    }

    pub fn is_all(&self) -> bool {
        *self == Self::ALL
    }

    /// These groups, as far as they are of its panes: stretch by stretch.
    pub fn stretches<'a>(
        &self,
        partial: &'a Partial,
        groups: Range<u32>,
    ) -> impl Iterator<Item = Range<u32>> + use<'a> {
        let own = self.clone();
        let mut whole = own.is_all().then(|| groups.clone());
        let mut rest = if own.is_all() { 0..0 } else { groups };
        std::iter::from_fn(move || {
            if let Some(whole) = whole.take() {
                return Some(whole);
            }
            let is_own = |group: &u32| own.has_pane(partial.groups.tag(*group));
            let first = rest.clone().find(is_own)?;
            let end = (first..rest.end).find(|group| !is_own(group)).unwrap_or(rest.end);
            rest = end..rest.end;
            Some(first..end)
        })
    }
}

impl Draining {
    /// Whether no row can come any more that is of one of its windows.
    pub fn is_over(&self, lateness: i64, watermark: i64) -> bool {
        is_late(self.line.end, lateness, watermark)
    }
}

impl AggregatePlan {
    /// Whether its windows can be finished by other modules than those that begin the next ones: they follow each other in time.
    pub fn can_drain(kind: &WindowKind) -> bool {
        matches!(kind, WindowKind::Tumbling { .. } | WindowKind::Sliding { .. })
    }

    /// The line behind the newest pane of some partition. None: no partition has any.
    pub fn line(&self, newest: Option<i64>) -> Option<Line> {
        Line::behind(&self.window.kind, newest?)
    }
}

impl Partition {
    /// The start of the newest pane that has rows.
    pub fn newest_pane(&self) -> Option<i64> {
        match &self.windows {
            Windows::Whole(whole) => whole.newest_pane(),
            Windows::Changing(changing) => changing.newest_pane(),
            Windows::Sliding(sliding) => sliding.newest_pane(),
            Windows::Rolling(rolling) => rolling.newest_pane(),
            Windows::Sessions(_) | Windows::Counted(_) => None,
        }
    }

    /// A partition of `plan`, whose windows begin behind the line: those before it are finished as they were begun. No line: there are
    /// none.
    pub fn drain(self, plan: &AggregatePlan, line: Option<Line>) -> Self {
        let mut new = self.reset(plan);
        new.draining = line.map(|line| Box::new(Draining { partition: self, line }));
        new
    }

    /// Groups of windows that the modules before have still to finish.
    pub fn groups_draining(&self) -> usize {
        self.draining.as_ref().map_or(0, |draining| draining.partition.groups())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    #[test]
    fn the_line_is_behind_every_window_that_has_a_row() {
        let tumbling = WindowKind::Tumbling { length: 5 * MINUTE, offset: 0, zone: None };
        let line = Line::behind(&tumbling, 10 * MINUTE).unwrap();
        assert_eq!(line, Line { from: 15 * MINUTE, end: 15 * MINUTE });
        assert!(line.before().has_pane(10 * MINUTE) && !line.before().has_pane(15 * MINUTE));
        assert!(line.after().has_pane(15 * MINUTE) && !line.after().has_pane(10 * MINUTE));

        let sliding = WindowKind::Sliding { length: 10 * MINUTE, slide: 2 * MINUTE, offset: 0 };
        let line = Line::behind(&sliding, 10 * MINUTE).unwrap();
        // The last window that has the pane begins with it, and ends ten minutes later: until then both see the panes.
        assert_eq!(line, Line { from: 12 * MINUTE, end: 20 * MINUTE });
        for start in (0..30).step_by(2).map(|minutes| minutes * MINUTE) {
            assert_ne!(line.before().has_window(start), line.after().has_window(start), "each window is one's own");
            let windows = Panes::new(&sliding).unwrap();
            for (own, what) in [(line.before(), "before"), (line.after(), "after")] {
                let needed = windows.windows_of(start).any(|window| own.has_window(window.start));
                assert_eq!(own.has_pane(start), needed, "{what}: the pane at {start}");
            }
        }
        assert_eq!(Line::behind(&WindowKind::Session { gap: MINUTE }, 0), None);
    }
}
