//! Windows that are one pane: tumbling windows, and the one that has all rows.
//!
//! Each pane has its own table of groups, which goes as a whole when the window is forgotten; a window that closes is read
//! as it lies there.

mod snapshot;

use std::collections::BTreeMap;

use pelton_core::{
    job::Emission,
    window::{Panes, Window, WindowKind, is_late},
};
use pelton_wasm::CallError;

pub use self::snapshot::SavedWhole;
use super::{
    Reduced,
    accumulators::Accumulators,
    emit::{Due, Moment, UNBOUNDED},
    partial::Partial,
    reduce::{EpochEnd, Moved, Tools},
};
use crate::state::groups::Groups;

/// The panes of one partition.
#[derive(Debug, Default)]
pub struct Whole {
    /// By start; without windows there is one, at 0.
    panes: BTreeMap<i64, Pane>,
}

/// The groups of one pane.
#[derive(Debug)]
struct Pane {
    groups: Groups,
    /// Where each group's accumulators are.
    slots: Vec<u32>,
    touched: Touched,
}

/// Groups that changed in this epoch.
#[derive(Debug, Default)]
struct Touched {
    groups: Vec<u32>,
    /// By group, whether it is in the list.
    is_listed: Vec<bool>,
}

impl Touched {
    fn insert(&mut self, group: u32) {
        let at = group as usize;
        if at >= self.is_listed.len() {
            self.is_listed.resize(at + 1, false);
        }
        if let Some(is_listed) = self.is_listed.get_mut(at)
            && !std::mem::replace(is_listed, true)
        {
            self.groups.push(group);
        }
    }

    /// In order of their first appearance in the pane.
    fn take(&mut self) -> Vec<u32> {
        let mut groups = std::mem::take(&mut self.groups);
        groups.sort_unstable();
        for group in &groups {
            if let Some(is_listed) = self.is_listed.get_mut(*group as usize) {
                *is_listed = false;
            }
        }
        groups
    }
}

impl Pane {
    fn due(&self, groups: impl ExactSizeIterator<Item = u32>, window: Window, moment: Moment) -> Due {
        let mut due = Due::with_capacity(groups.len());
        for group in groups {
            if let Some(slot) = self.slots.get(group as usize) {
                due.push(group, *slot, window, moment);
            }
        }
        due
    }

    fn all(&self) -> std::ops::Range<u32> {
        0..self.slots.len() as u32
    }
}

impl Whole {
    pub fn groups(&self) -> usize {
        self.panes.values().map(|pane| pane.slots.len()).sum()
    }

    pub fn held_bytes(&self) -> usize {
        self.panes.values().map(|pane| pane.groups.held_bytes() + pane.slots.capacity() * 4).sum()
    }

    pub fn reduce(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        for (partial, groups) in epoch.pieces() {
            self.merge(tools, accumulators, partial, groups)?;
        }
        if tools.plan.window.kind == WindowKind::Global {
            return self.emit_all(tools, accumulators, epoch, out);
        }
        let panes = tools.panes.take().expect("tumbling windows have panes");
        let emitted = self.emit_windows(&panes, tools, accumulators, epoch, out);
        self.forget(&panes, tools.plan.window.lateness, accumulators, epoch.to);
        tools.panes = Some(panes);
        emitted
    }

    fn merge(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        partial: &Partial,
        groups: &[u32],
    ) -> Result<(), CallError> {
        let (mut fresh, mut known) = (Moved::default(), Moved::default());
        let tracks_touched = tools.plan.tracks_touched();
        for (tag, groups) in by_tag(partial, groups) {
            let pane = self.panes.entry(tag).or_insert_with(|| Pane {
                groups: Groups::new(tools.codec.store()),
                slots: Vec::new(),
                touched: Touched::default(),
            });
            for from in groups {
                let (group, is_new) = pane.groups.slot_of(&partial.groups, from, 0);
                if is_new {
                    let slot = accumulators.allocate();
                    pane.slots.push(slot);
                    fresh.push(slot, from);
                } else if let Some(slot) = pane.slots.get(group as usize) {
                    known.push(*slot, from);
                }
                if tracks_touched {
                    pane.touched.insert(group);
                }
            }
        }
        fresh.put(accumulators, partial);
        known.merge(accumulators, &mut tools.calls, partial)
    }

    /// Without windows: what changed, after each epoch or at the end.
    fn emit_all(
        &mut self,
        tools: &mut Tools,
        accumulators: &Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let Some(pane) = self.panes.values_mut().next() else { return Ok(()) };
        let moment = if epoch.is_last { Moment::OnTime } else { Moment::Early };
        let due = match (tools.plan.emission, epoch.is_last) {
            (Emission::OnClose | Emission::Early(_), true) => pane.due(pane.all(), UNBOUNDED, moment),
            (Emission::OnUpdate, true) => {
                let touched = pane.touched.take();
                pane.due(touched.into_iter(), UNBOUNDED, moment)
            }
            (_, false) if epoch.emits_open => {
                let touched = pane.touched.take();
                pane.due(touched.into_iter(), UNBOUNDED, moment)
            }
            (_, false) => return Ok(()),
        };
        tools.emit(epoch.context, &due, &pane.groups.rows().keys, accumulators, out)
    }

    /// Groups of closed windows that changed, and of open ones when every update is wanted; then windows that close.
    fn emit_windows(
        &mut self,
        panes: &Panes,
        tools: &mut Tools,
        accumulators: &Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let mut closing = Vec::new();
        for (start, pane) in &mut self.panes {
            let Some(window) = panes.windows_of(*start).next() else { continue };
            let was_closed = window.end <= epoch.from;
            let moment = if was_closed { Moment::Late } else { Moment::Early };
            if !was_closed && window.end <= epoch.to {
                pane.touched.take();
                closing.push((window, &*pane));
                continue;
            }
            if !was_closed && !epoch.emits_open {
                // They wait for the next early results, or for the end.
                continue;
            }
            let touched = pane.touched.take();
            if !touched.is_empty() {
                let due = pane.due(touched.into_iter(), window, moment);
                tools.emit(epoch.context, &due, &pane.groups.rows().keys, accumulators, out)?;
            }
        }
        for (window, pane) in closing {
            let due = pane.due(pane.all(), window, Moment::OnTime);
            tools.emit(epoch.context, &due, &pane.groups.rows().keys, accumulators, out)?;
        }
        Ok(())
    }

    /// Panes that no window needs any more.
    fn forget(&mut self, panes: &Panes, lateness: i64, accumulators: &mut Accumulators, watermark: i64) {
        // Panes ascend, and so do the ends of their windows.
        while let Some(first) = self.panes.first_entry()
            && is_late(panes.last_window_end(*first.key()), lateness, watermark)
        {
            accumulators.release(&first.remove().slots);
        }
    }
}

/// The groups by their tag, tags in order of appearance.
fn by_tag(partial: &Partial, groups: &[u32]) -> Vec<(i64, Vec<u32>)> {
    let mut found: Vec<(i64, Vec<u32>)> = Vec::new();
    let mut last = 0;
    for group in groups {
        let tag = partial.groups.tags.get(*group as usize).copied().unwrap_or_default();
        if found.get(last).is_none_or(|(known, _)| *known != tag) {
            last = found.iter().position(|(known, _)| *known == tag).unwrap_or_else(|| {
                found.push((tag, Vec::new()));
                found.len() - 1
            });
        }
        if let Some((_, groups)) = found.get_mut(last) {
            groups.push(*group);
        }
    }
    found
}
