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

use std::collections::BTreeMap;

use pelton_core::window::{Panes, Window};
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
        for (start, pane) in std::mem::take(&mut self.behind) {
            self.enter(tools, accumulators, epoch, &pane)?;
            self.panes.entry(start).or_default().append(pane);
        }
        for piece in epoch.carried() {
            let keys = &mut self.keys;
            let panes = carried::by_pane(piece, (&tools.carrying, &epoch.own), |_, partial, group| {
                keys.number(&partial.groups, group).0
            });
            for (start, signed) in panes {
                self.insert(tools, accumulators, epoch, start, signed)?;
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
        start: i64,
        Signed { added, taken_back }: Signed,
    ) -> Result<(), CallError> {
        let rows = Pane { added: vec![added], taken_back: Vec::from_iter(taken_back) };
        for key in rows.all().flat_map(|rows| &rows.keys) {
            let at = *key as usize;
            if at >= self.kept.len() {
                self.kept.resize(at + 1, 0);
            }
            if let Some(kept) = self.kept.get_mut(at) {
                *kept += 1;
            }
        }
        self.row_bytes += rows.all().map(NumberedRows::held_bytes).sum::<usize>();
        if start < self.entered_to {
            self.enter(tools, accumulators, epoch, &rows)?;
        }
        self.panes.entry(start).or_default().append(rows);
        Ok(())
    }

    fn enter(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        pane: &Pane,
    ) -> Result<(), CallError> {
        self.change(tools, accumulators, epoch, [&pane.added, &pane.taken_back])
    }

    /// What was added is taken back, and what was taken back is added again.
    fn leave(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        pane: &Pane,
    ) -> Result<(), CallError> {
        self.change(tools, accumulators, epoch, [&pane.taken_back, &pane.added])?;
        self.row_bytes -= pane.all().map(NumberedRows::held_bytes).sum::<usize>();
        for key in pane.all().flat_map(|rows| &rows.keys) {
            let Some(kept) = self.kept.get_mut(*key as usize) else { continue };
            *kept -= 1;
            if *kept == 0 {
                self.running.forget(*key, accumulators);
                self.keys.forget(*key);
            }
        }
        Ok(())
    }

    fn change(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        [add, take_back]: [&[NumberedRows]; 2],
    ) -> Result<(), CallError> {
        for (change, pieces) in [(Change::Add, add), (Change::TakeBack, take_back)] {
            for rows in pieces {
                self.running.change(tools, accumulators, epoch.context, change, rows)?;
            }
        }
        for rows in add.iter().chain(take_back) {
            self.running.settle(&rows.keys, accumulators);
        }
        Ok(())
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
            self.leave(tools, accumulators, epoch, &left)?;
        }
        let entering = self.panes.range(self.entered_to.min(window.end)..window.end).map(|(start, _)| *start);
        let entering: Vec<i64> = entering.collect();
        for start in entering {
            let Some(mut pane) = self.panes.remove(&start) else { continue };
            let before = pane.all().map(NumberedRows::held_bytes).sum::<usize>();
            pane.join(tools.plan.rows_max);
            self.row_bytes = self.row_bytes - before + pane.all().map(NumberedRows::held_bytes).sum::<usize>();
            self.enter(tools, accumulators, epoch, &pane)?;
            self.panes.insert(start, pane);
        }
        self.entered_to = window.end;
        let mut due = Due::default();
        self.running.live().for_each(|(key, slot)| due.push(key, slot, window, Moment::OnTime));
        tools.emit(epoch.context, &due, self.keys.keys(), accumulators, out)
    }
}
