//! Windows that are one pane, and aggregates without a window, over a stream of changes: groups gain rows and lose them.
//!
//! As [`super::whole`], save that rows are folded here, because a row can be taken back only from the accumulator that has it. The
//! host counts the rows of each group: one that has none left has no accumulator, no result, and in the end no key.
//! Within an epoch all that is added comes before all that is taken back, so that no group is taken below what it has.

mod snapshot;

use std::collections::BTreeMap;

use pelton_core::{
    job::Emission,
    window::{Panes, Window, WindowKind, is_late},
};
use pelton_wasm::CallError;

pub use self::snapshot::SavedChanging;
use super::{
    Reduced,
    accumulators::Accumulators,
    calls::Change,
    carried::{self, NumberedRows, Tallies},
    emit::{Due, Moment, UNBOUNDED},
    reduce::{EpochEnd, Tools},
    whole::Touched,
};
use crate::state::{keys::KeyStore, numbered::NumberedKeys};

/// The panes of one partition.
#[derive(Debug, Default)]
pub struct Changing {
    /// By start; without windows there is one, at 0.
    panes: BTreeMap<i64, Pane>,
}

/// The groups of one pane.
#[derive(Debug)]
struct Pane {
    keys: NumberedKeys,
    groups: Tallies,
    touched: Touched,
}

impl Changing {
    /// The start of the newest pane.
    pub fn newest_pane(&self) -> Option<i64> {
        self.panes.keys().next_back().copied()
    }

    /// Shows every group that has rows, pane by pane, with the start of its pane.
    pub fn look(&self, see: &mut dyn FnMut(&KeyStore, u32, u32, i64)) {
        for (start, pane) in &self.panes {
            pane.groups.live().for_each(|(key, slot)| see(pane.keys.keys(), key, slot, *start));
        }
    }

    pub fn groups(&self) -> usize {
        self.panes.values().map(|pane| pane.keys.len()).sum()
    }

    pub fn held_bytes(&self) -> usize {
        self.panes.values().map(|pane| pane.keys.held_bytes() + pane.groups.held_bytes()).sum()
    }

    pub fn reduce(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        self.change(tools, accumulators, epoch, out)?;
        if tools.plan.window.kind == WindowKind::Global {
            return self.emit_all(tools, accumulators, epoch, out);
        }
        let panes = tools.panes.take().expect("tumbling windows have panes");
        let emitted = self.emit_windows(&panes, tools, accumulators, epoch, out);
        tools.panes = Some(panes);
        emitted?;
        self.forget(tools, accumulators, epoch.to);
        Ok(())
    }

    fn change(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let mut taken_back: Vec<(i64, NumberedRows)> = Vec::new();
        for piece in epoch.carried() {
            let (panes, codec) = (&mut self.panes, &tools.codec);
            let by_pane = carried::by_pane(piece, (&tools.carrying, &epoch.own), |start, partial, group| {
                let pane = panes.entry(start).or_insert_with(|| Pane {
                    keys: NumberedKeys::new(codec.slots()),
                    groups: Tallies::default(),
                    touched: Touched::default(),
                });
                let (key, _) = pane.keys.number(&partial.groups, group);
                pane.touched.insert(key);
                key
            });
            for (start, signed) in by_pane {
                if let Some(pane) = self.panes.get_mut(&start) {
                    pane.change(tools, accumulators, epoch, (Change::Add, start, &signed.added), out)?;
                    // What was taken back before it was added comes to nothing now.
                    pane.groups.settle(&signed.added.keys, accumulators);
                }
                taken_back.extend(signed.taken_back.map(|rows| (start, rows)));
            }
        }
        for (start, rows) in taken_back {
            if let Some(pane) = self.panes.get_mut(&start) {
                pane.change(tools, accumulators, epoch, (Change::TakeBack, start, &rows), out)?;
                pane.groups.settle(&rows.keys, accumulators);
            }
        }
        Ok(())
    }

    /// Without windows: what changed, after each epoch or at the end.
    fn emit_all(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let Some(pane) = self.panes.values_mut().next() else { return Ok(()) };
        let moment = if epoch.is_last { Moment::OnTime } else { Moment::Early };
        let is_due = epoch.is_last || epoch.emits_open;
        let all = epoch.is_last && tools.plan.emission != Emission::OnUpdate;
        pane.settle(tools, accumulators, epoch, (UNBOUNDED, moment), [is_due, all], out)
    }

    /// Groups of closed windows that changed, and of open ones when every update is wanted; then windows that close.
    fn emit_windows(
        &mut self,
        panes: &Panes,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let mut closing = Vec::new();
        for (start, pane) in &mut self.panes {
            let Some(window) = panes.windows_of(*start).next() else { continue };
            let was_closed = window.end <= epoch.from;
            if !was_closed && window.end <= epoch.to {
                closing.push((window, pane));
                continue;
            }
            let moment = if was_closed { Moment::Late } else { Moment::Early };
            let is_due = was_closed || epoch.emits_open;
            pane.settle(tools, accumulators, epoch, (window, moment), [is_due, false], out)?;
        }
        for (window, pane) in closing {
            pane.settle(tools, accumulators, epoch, (window, Moment::OnTime), [true, true], out)?;
        }
        Ok(())
    }

    /// Panes that no window needs any more.
    fn forget(&mut self, tools: &Tools, accumulators: &mut Accumulators, watermark: i64) {
        let (Some(panes), lateness) = (&tools.panes, tools.plan.window.lateness) else { return };
        // Panes ascend, and so do the ends of their windows.
        while let Some(first) = self.panes.first_entry()
            && is_late(panes.last_window_end(*first.key()), lateness, watermark)
        {
            let pane = first.remove();
            accumulators.release(&pane.groups.slots());
        }
    }
}

impl Pane {
    /// Folds rows, or takes them back. A group for which that fails has nothing any more.
    fn change(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        (change, start, rows): (Change, i64, &NumberedRows),
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        for lost in self.groups.change(tools, accumulators, epoch.context, change, rows)? {
            tools.lose_row(lost, self.keys.keys(), tools.bounds_of_pane(start), out);
        }
        Ok(())
    }

    /// Emits the groups that changed, or all; what has no rows left is taken back, and forgotten. Not `is_due`: results that
    /// changed wait, unless nobody will ask which did.
    fn settle(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        (window, moment): (Window, Moment),
        [is_due, all]: [bool; 2],
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        if !is_due && tools.plan.tracks_touched() {
            return Ok(());
        }
        let touched = self.touched.take();
        let (changed, gone): (Vec<u32>, Vec<u32>) = touched.into_iter().partition(|key| self.groups.get(*key).rows > 0);
        if is_due {
            let mut due = Due::default();
            let changed = if all { self.keys.taken() } else { changed };
            for key in changed {
                if let Some(slot) = self.groups.get(key).live() {
                    due.push(key, slot, window, moment);
                }
            }
            tools.take_back(epoch.context, &gone, window, self.keys.keys(), out)?;
            tools.emit(epoch.context, &due, self.keys.keys(), accumulators, out)?;
        }
        for key in gone.into_iter().filter(|key| self.groups.get(*key).rows == 0) {
            self.keys.forget(key);
        }
        Ok(())
    }
}
