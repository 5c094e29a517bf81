//! Sliding windows with one running accumulator for each key: rows are folded when they enter the window, and taken back when
//! they leave it.
//!
//! ```text
//!            rows kept until they leave
//! pane  pane │ pane  pane  pane  pane │ pane  pane   (not entered)
//!            └ retract at the next     └ accumulate at the next
//!            [──────── window ─────────)
//! ```
//!
//! For `inverse = true`, and for sliding windows over a stream of changes, whose panes may lose rows. Each row costs two calls'
//! worth of work and its memory for as long as it is in a window; a window costs nothing for keys that do not change. Windows
//! leave once, so nothing is asked again of one that is gone. A key whose rows have all left has no accumulator, and no result.

mod snapshot;

use std::collections::{BTreeMap, BTreeSet};

use pelton_core::window::{Panes, Window, WindowKind};
use pelton_wasm::CallError;

pub use self::snapshot::SavedRolling;
use super::{
    Reduced,
    accumulators::Accumulators,
    calls::Change,
    carried::{self, NumberedRows, Signed, Tallies},
    emit::{Due, Moment},
    reduce::{EpochEnd, Tools},
};
use crate::state::{keys::KeyStore, numbered::NumberedKeys};

/// The sliding windows of one partition.
#[derive(Debug)]
pub struct Rolling {
    keys: NumberedKeys,
    running: Tallies,
    /// By key, its rows in `panes`.
    kept: Vec<u64>,
    panes: BTreeMap<i64, Pane>,
    /// Panes before it are in the running accumulators.
    entered_to: i64,
    /// Panes before that which are not in the accumulators yet: of a partition that was put together from others, of which some had
    /// closed later windows. They enter before anything else happens.
    behind: BTreeMap<i64, Pane>,
    /// Of the rows in `panes`, and of those behind.
    row_bytes: usize,
}

/// What the running accumulators have.
#[derive(Debug, Clone, Copy)]
struct Entered {
    /// The panes before it.
    to: i64,
    /// The end of the window that they are for.
    window_end: i64,
}

/// The rows of one pane.
#[derive(Debug, Default)]
struct Pane {
    added: Vec<NumberedRows>,
    taken_back: Vec<NumberedRows>,
}

impl Pane {
    fn append(&mut self, other: Self) {
        self.added.extend(other.added);
        self.taken_back.extend(other.taken_back);
    }

    fn all(&self) -> impl Iterator<Item = &NumberedRows> {
        self.added.iter().chain(&self.taken_back)
    }

    /// Takes out the rows of these keys; answers with the key of each.
    fn remove(&mut self, keys: &BTreeSet<u32>) -> Vec<u32> {
        let mut removed = Vec::new();
        for pieces in [&mut self.added, &mut self.taken_back] {
            let is_own = |rows: &NumberedRows| rows.keys.iter().any(|key| keys.contains(key));
            if pieces.iter().any(is_own) {
                let own = pieces.iter().flat_map(|rows| &rows.keys).filter(|key| keys.contains(key));
                removed.extend(own.copied());
                *pieces = pieces.iter().filter_map(|rows| rows.without(keys)).collect();
            }
        }
        removed
    }

    fn held_bytes(&self) -> usize {
        self.all().map(NumberedRows::held_bytes).sum()
    }

    /// As few pieces as calls can take.
    fn join(&mut self, rows_max: usize) {
        for pieces in [&mut self.added, &mut self.taken_back] {
            *pieces = NumberedRows::joined(std::mem::take(pieces), rows_max);
        }
    }
}

impl Rolling {
    /// `keys` is an empty store whose slots can be used again.
    pub fn new(keys: KeyStore) -> Self {
        Self {
            keys: NumberedKeys::new(keys),
            running: Tallies::default(),
            kept: Vec::new(),
            panes: BTreeMap::new(),
            entered_to: i64::MIN,
            behind: BTreeMap::new(),
            row_bytes: 0,
        }
    }

    /// The start of the newest pane.
    pub fn newest_pane(&self) -> Option<i64> {
        self.panes.keys().chain(self.behind.keys()).max().copied()
    }

    /// Shows every key that has rows in the window that was closed last, with the window's end.
    pub fn look(&self, see: &mut dyn FnMut(&KeyStore, u32, u32, i64)) {
        self.running.live().for_each(|(key, slot)| see(self.keys.keys(), key, slot, self.entered_to));
    }

    pub fn groups(&self) -> usize {
        self.keys.len()
    }

    pub fn held_bytes(&self) -> usize {
        self.keys.held_bytes() + self.running.held_bytes() + self.kept.capacity() * 8 + self.row_bytes
    }

    pub fn reduce(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        for (start, mut pane) in std::mem::take(&mut self.behind) {
            self.enter(tools, accumulators, epoch, (self.entered(), &mut pane), out)?;
            self.panes.entry(start).or_default().append(pane);
        }
        for piece in epoch.carried() {
            let keys = &mut self.keys;
            let panes = carried::by_pane(piece, (&tools.carrying, &epoch.own), |_, partial, group| {
                keys.number(&partial.groups, group).0
            });
            for (start, signed) in panes {
                self.insert(tools, accumulators, epoch, (start, signed), out)?;
            }
        }
        let panes = tools.panes.take().expect("sliding windows have panes");
        let closed = self.close_all(&panes, tools, accumulators, epoch, out);
        tools.panes = Some(panes);
        closed
    }

    /// Keeps the rows of a pane; one that has entered takes them at once.
    fn insert(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        (start, Signed { added, taken_back }): (i64, Signed),
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let mut rows = Pane { added: vec![added], taken_back: Vec::from_iter(taken_back) };
        for key in rows.all().flat_map(|rows| &rows.keys) {
            let at = *key as usize;
            if at >= self.kept.len() {
                self.kept.resize(at + 1, 0);
            }
            if let Some(kept) = self.kept.get_mut(at) {
                *kept += 1;
            }
        }
        self.row_bytes += rows.held_bytes();
        if start < self.entered_to {
            self.enter(tools, accumulators, epoch, (self.entered(), &mut rows), out)?;
        }
        self.panes.entry(start).or_default().append(rows);
        Ok(())
    }

    fn entered(&self) -> Entered {
        Entered { to: self.entered_to, window_end: self.entered_to }
    }

    /// `entered` is so before the pane is.
    fn enter(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        (entered, pane): (Entered, &mut Pane),
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let lost = self.change(tools, accumulators, epoch, (entered, [&pane.added, &pane.taken_back]), out)?;
        if !lost.is_empty() {
            self.remove_from(pane, &lost);
        }
        Ok(())
    }

    /// Takes the rows of these keys out of a pane. Keys that have no others are forgotten.
    fn remove_from(&mut self, pane: &mut Pane, keys: &BTreeSet<u32>) {
        let before = pane.held_bytes();
        let removed = pane.remove(keys);
        self.row_bytes = self.row_bytes + pane.held_bytes() - before;
        for key in removed {
            self.release(key);
        }
    }

    /// A row of a key is not kept any more. Whether it was the last one.
    fn release(&mut self, key: u32) -> bool {
        let Some(kept) = self.kept.get_mut(key as usize) else { return false };
        *kept -= 1;
        let is_last = *kept == 0;
        if is_last {
            self.keys.forget(key);
        }
        is_last
    }

    /// What was added is taken back, and what was taken back is added again.
    fn leave(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        pane: &Pane,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        self.change(tools, accumulators, epoch, (self.entered(), [&pane.taken_back, &pane.added]), out)?;
        self.row_bytes -= pane.held_bytes();
        for key in pane.all().flat_map(|rows| &rows.keys) {
            if self.release(*key) {
                self.running.forget(*key, accumulators);
            }
        }
        Ok(())
    }

    /// Answers with the keys for which that fails. They have nothing any more: no accumulators, and no rows in the panes that have
    /// entered; what they have in the pane at hand is no matter of this.
    fn change(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        (entered, [add, take_back]): (Entered, [&[NumberedRows]; 2]),
        out: &mut Reduced,
    ) -> Result<BTreeSet<u32>, CallError> {
        let mut lost = BTreeSet::new();
        for (change, pieces) in [(Change::Add, add), (Change::TakeBack, take_back)] {
            for rows in pieces {
                let others;
                let rows = if lost.is_empty() {
                    rows
                } else {
                    // A key that is lost has lost all of its rows in the pane.
                    let Some(left) = rows.without(&lost) else { continue };
                    others = left;
                    &others
                };
                for unfolded in self.running.change(tools, accumulators, epoch.context, change, rows)? {
                    lost.insert(unfolded.key);
                    tools.lose_row(unfolded, self.keys.keys(), window_to(tools, entered.window_end), out);
                }
            }
        }
        for rows in add.iter().chain(take_back) {
            self.running.settle(&rows.keys, accumulators);
        }
        if !lost.is_empty() {
            let starts: Vec<i64> = self.panes.range(..entered.to).map(|(start, _)| *start).collect();
            for start in starts {
                let Some(mut pane) = self.panes.remove(&start) else { continue };
                self.remove_from(&mut pane, &lost);
                self.panes.insert(start, pane);
            }
        }
        Ok(lost)
    }

    /// The windows whose end the watermark has passed in this epoch, in order.
    fn close_all(
        &mut self,
        panes: &Panes,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let mut closed = panes.closed(epoch.from, epoch.to);
        while let Some(first) = self.panes.first_key_value().map(|(start, _)| *start) {
            closed.skip_to(first);
            let Some(window) = closed.next() else { break };
            self.close(window, tools, accumulators, epoch, out)?;
        }
        Ok(())
    }

    fn close(
        &mut self,
        window: Window,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        while let Some(first) = self.panes.first_entry()
            && *first.key() < window.start
        {
            let left = first.remove();
            self.leave(tools, accumulators, epoch, &left, out)?;
        }
        let entering = self.panes.range(self.entered_to.min(window.end)..window.end).map(|(start, _)| *start);
        let entering: Vec<i64> = entering.collect();
        for start in entering {
            let Some(mut pane) = self.panes.remove(&start) else { continue };
            let before = pane.held_bytes();
            pane.join(tools.plan.rows_max);
            self.row_bytes = self.row_bytes - before + pane.held_bytes();
            self.enter(tools, accumulators, epoch, (Entered { to: start, window_end: window.end }, &mut pane), out)?;
            self.panes.insert(start, pane);
        }
        self.entered_to = window.end;
        let mut due = Due::default();
        self.running.live().for_each(|(key, slot)| due.push(key, slot, window, Moment::OnTime));
        tools.emit(epoch.context, &due, self.keys.keys(), accumulators, out)
    }
}

/// The window that is closed with the panes before this end.
fn window_to(tools: &Tools, end: i64) -> Window {
    match tools.plan.window.kind {
        WindowKind::Sliding { length, .. } => Window { start: end.saturating_sub(length), end },
        _ => Window { start: i64::MIN, end },
    }
}
