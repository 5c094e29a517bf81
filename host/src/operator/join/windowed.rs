//! Windowed joins: rows of one key that fall into the same window, paired when the window closes.
//!
//! Rows are kept by pane, the pieces that windows are made of, so that a row in many windows is kept once.

mod snapshot;

use std::collections::{BTreeMap, HashMap};

use pelton_core::window::{Panes, Window, WindowSpec};
use pelton_wasm::CallError;

pub(super) use self::snapshot::SavedWindows;
use super::{
    arrivals::Arrived,
    output::Pairs,
    side::{NONE, Rows},
};

/// The bounds of the only window of a join over all rows.
const ALWAYS: Window = Window { start: i64::MIN, end: i64::MAX };

#[derive(Debug)]
pub(super) struct WindowStore {
    /// None: one window over all rows, which closes when the input ends.
    panes: Option<Panes>,
    lateness: i64,
    /// Both sides' rows, by the start of their pane.
    by_pane: BTreeMap<i64, [Vec<u32>; 2]>,
    rows: usize,
    /// All windows that end up to here are closed.
    closed: i64,
}

impl WindowStore {
    pub(super) fn new(spec: &WindowSpec) -> Self {
        let panes = Panes::new(&spec.kind);
        Self { panes, lateness: spec.lateness, by_pane: BTreeMap::new(), rows: 0, closed: i64::MIN }
    }

    pub(super) fn keep(&mut self, rows: &Rows, arrived: &[Arrived]) {
        for Arrived { side, rows: numbers } in arrived {
            for number in numbers {
                let time = rows.sides.get(*side).and_then(|side| side.get(*number)).map_or(0, |row| row.time);
                let pane = self.panes.as_mut().map_or(0, |panes| panes.pane_start(time));
                if let Some(own) = self.by_pane.entry(pane).or_default().get_mut(*side) {
                    own.push(*number);
                    self.rows += 1;
                }
            }
        }
    }

    /// Hands the rows of all windows that the watermark closes to `each`, left and right by their numbers.
    pub(super) fn close(
        &mut self,
        rows: &mut Rows,
        watermark: i64,
        mut each: impl FnMut(Window, &[Vec<u32>; 2], &Rows) -> Result<(), CallError>,
    ) -> Result<(), CallError> {
        let Some(panes) = self.panes.clone() else {
            if watermark == i64::MAX {
                each(ALWAYS, &self.of(ALWAYS), rows)?;
                self.drop_panes(rows, |_| true);
            }
            return Ok(());
        };
        let to = if watermark == i64::MAX { i64::MAX } else { watermark.saturating_sub(self.lateness) };
        if to <= self.closed {
            return Ok(());
        }
        let mut windows = panes.closed(self.closed, to);
        while let Some(first) = self.by_pane.keys().next() {
            windows.skip_to(*first);
            let Some(window) = windows.next() else { break };
            each(window, &self.of(window), rows)?;
            self.drop_panes(rows, |pane| panes.last_window_end(pane) <= window.end);
        }
        self.closed = to;
        Ok(())
    }

    /// The rows of a window.
    fn of(&self, window: Window) -> [Vec<u32>; 2] {
        let [mut left, mut right] = [Vec::new(), Vec::new()];
        for [lefts, rights] in self.by_pane.range(window.start..window.end).map(|(_, sides)| sides) {
            left.extend_from_slice(lefts);
            right.extend_from_slice(rights);
        }
        [left, right]
    }

    /// Lets go of the first panes for as long as they are done.
    fn drop_panes(&mut self, rows: &mut Rows, is_done: impl Fn(i64) -> bool) {
        while let Some(first) = self.by_pane.first_entry().filter(|first| is_done(*first.key())) {
            for (side, numbers) in first.remove().into_iter().enumerate() {
                self.rows -= numbers.len();
                numbers.into_iter().for_each(|number| rows.release(side, number));
            }
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.rows * 4 + self.by_pane.len() * 64
    }
}

/// Pairs the rows of a window.
pub(super) fn pair(
    window: Window,
    [left, right]: &[Vec<u32>; 2],
    rows: &Rows,
    pairs: &mut Pairs<'_>,
) -> Result<(), CallError> {
    let key =
        |side: usize, number: u32| rows.sides.get(side).and_then(|side| side.get(number)).map_or(NONE, |row| row.key);
    // Positions in `right` by key.
    let mut by_key: HashMap<u32, Vec<u32>> = HashMap::new();
    for (at, number) in (0..).zip(right) {
        by_key.entry(key(1, *number)).or_default().push(at);
    }
    let mut met = vec![false; right.len()];
    let [keeps_left, keeps_right] = pairs.keeps();
    pairs.begin(window);
    for number in left {
        let own = key(0, *number);
        let partners = by_key.get(&own).filter(|_| own != NONE);
        for at in partners.into_iter().flatten() {
            if let (Some(partner), Some(met)) = (right.get(*at as usize), met.get_mut(*at as usize)) {
                *met = true;
                pairs.push(*number, *partner, rows)?;
            }
        }
        if partners.is_none() && keeps_left {
            pairs.push(*number, NONE, rows)?;
        }
    }
    if keeps_right {
        for (number, _) in right.iter().zip(met).filter(|(_, met)| !met) {
            pairs.push(NONE, *number, rows)?;
        }
    }
    pairs.flush(rows)
}
