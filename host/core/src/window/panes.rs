//! Panes: the pieces of time that tumbling and sliding windows are made of.
//!
//! The map side calls [`Panes::pane_start`] for each row, so it remembers the last pane: rows arrive almost in order,
//! and most cost two comparisons. The reduce side asks which windows a watermark closes ([`Panes::closed`]) and skips
//! stretches without data. Every pane is in at least one window, and wholly in or out of each.

use super::{
    Window, WindowKind,
    civil::Civil,
    grid::{Grid, gcd, saturated},
};

/// The panes of a window kind. Cheap to clone: each task has its own.
#[derive(Debug, Clone)]
pub struct Panes {
    layout: Layout,
    /// The bounds of the pane asked for last; empty at first.
    start: i64,
    end: i64,
}

#[derive(Debug, Clone)]
enum Layout {
    Fixed { panes: Grid, starts: Grid, length: i64 },
    Civil(Civil),
}

impl Panes {
    /// The panes of tumbling and sliding windows. None: a kind without panes, or one that
    /// [`WindowKind::check`] refuses.
    pub fn new(kind: &WindowKind) -> Option<Self> {
        kind.check().ok()?;
        let layout = match *kind {
            WindowKind::Tumbling { length, offset, zone: None } => Layout::fixed(length, length, offset),
            WindowKind::Tumbling { length, offset, zone: Some(ref zone) } => {
                Layout::Civil(Civil::new(length, offset, zone))
            }
            WindowKind::Sliding { length, slide, offset } => Layout::fixed(length, slide, offset),
            WindowKind::Session { .. } | WindowKind::Count { .. } | WindowKind::Global => return None,
        };
        Some(Self { layout, start: 0, end: 0 })
    }

    /// The start of the pane that contains `time`.
    #[inline]
    pub fn pane_start(&mut self, time: i64) -> i64 {
        if time < self.start || time >= self.end {
            (self.start, self.end) = self.layout.around(time);
        }
        self.start
    }

    /// The end of the pane that starts at `pane_start`: the start of the next one.
    pub fn pane_end(&self, pane_start: i64) -> i64 {
        self.layout.around(pane_start).1
    }

    /// All windows that contain the pane that starts at `pane_start`, in order of their ends.
    pub fn windows_of(&self, pane_start: i64) -> Windows<'_> {
        Windows {
            layout: &self.layout,
            next: self.layout.first_with(pane_start),
            last: self.layout.last_with(pane_start),
        }
    }

    /// The end of the last window that contains the pane: when it is late, the pane can be dropped.
    pub fn last_window_end(&self, pane_start: i64) -> i64 {
        self.layout.window(self.layout.last_with(pane_start)).end
    }

    /// The windows that a watermark closes that goes from `from` to `to`: those whose end is after `from` and not
    /// after `to`, in order of their ends. There may be very many: skip those without data.
    ///
    /// A window whose end is beyond 64 bits ends at [`i64::MAX`], the watermark of a stream that has ended.
    pub fn closed(&self, from: i64, to: i64) -> Closed<'_> {
        let layout = &self.layout;
        // A window ends after `from` exactly if it contains `from` or starts after it.
        Closed { layout, next: layout.first_with(from), to }
    }
}

/// Windows that contain a pane, in order of their ends.
#[derive(Debug, Clone)]
pub struct Windows<'a> {
    layout: &'a Layout,
    next: i128,
    last: i128,
}

impl Iterator for Windows<'_> {
    type Item = Window;

    fn next(&mut self) -> Option<Window> {
        let number = self.next;
        (number <= self.last).then(|| {
            self.next += 1;
            self.layout.window(number)
        })
    }
}

/// Windows that a watermark closes, in order of their ends.
#[derive(Debug, Clone)]
pub struct Closed<'a> {
    layout: &'a Layout,
    next: i128,
    to: i64,
}

impl Closed<'_> {
    /// Leaves out all windows before the first that contains the pane that starts at `pane_start`: the next one that
    /// has rows. Never goes back. Takes the same time however many windows lie between.
    pub fn skip_to(&mut self, pane_start: i64) {
        self.next = self.next.max(self.layout.first_with(pane_start));
    }
}

impl Iterator for Closed<'_> {
    type Item = Window;

    fn next(&mut self) -> Option<Window> {
        loop {
            if self.next > self.layout.last() {
                return None;
            }
            let window = self.layout.window(self.next);
            if window.end > self.to {
                return None;
            }
            self.next += 1;
            // A day that the zone's clocks left out.
            if window.start < window.end {
                return Some(window);
            }
        }
    }
}

impl Layout {
    fn fixed(length: i64, slide: i64, offset: i64) -> Self {
        Self::Fixed { panes: Grid::new(gcd(length, slide), offset), starts: Grid::new(slide, offset), length }
    }

    /// The bounds of the pane that contains `time`.
    #[inline]
    fn around(&self, time: i64) -> (i64, i64) {
        match self {
            Self::Fixed { panes, .. } => panes.around(time),
            Self::Civil(civil) => {
                let number = civil.number(time);
                (civil.start(number), civil.start(number + 1))
            }
        }
    }

    /// The number of the first window that contains `time`.
    fn first_with(&self, time: i64) -> i128 {
        match self {
            // The first that starts after `time − length`.
            Self::Fixed { starts, length, .. } => starts.number(i128::from(time) - i128::from(*length)) + 1,
            Self::Civil(civil) => civil.number(time),
        }
    }

    /// The number of the last window that contains `time`.
    fn last_with(&self, time: i64) -> i128 {
        match self {
            Self::Fixed { starts, .. } => starts.number(time.into()),
            Self::Civil(civil) => civil.number(time),
        }
    }

    /// The last window that begins within 64 bits.
    fn last(&self) -> i128 {
        match self {
            Self::Fixed { starts, .. } => starts.number(i64::MAX.into()),
            Self::Civil(civil) => civil.last(),
        }
    }

    fn window(&self, number: i128) -> Window {
        match self {
            Self::Fixed { starts, length, .. } => {
                let start = starts.boundary(number);
                Window { start: saturated(start), end: saturated(start + i128::from(*length)) }
            }
            Self::Civil(civil) => Window { start: civil.start(number), end: civil.start(number + 1) },
        }
    }
}
