//! Windows that are one pane: tumbling windows, and the one that has all rows.
//!
//! Each pane has its own table of groups, which goes as a whole when the window is forgotten; a window that closes is read
//! as it lies there.

mod snapshot;

use std::{
    collections::BTreeMap,
    ops::{Bound, Range},
};

use pelton_core::{
    job::Emission,
    window::{Panes, Window, WindowKind, is_late},
};
use pelton_wasm::CallError;

pub use self::snapshot::SavedWhole;
use super::{
    Reduced,
    accumulators::Accumulators,
    calls::ReadColumns,
    emit::{Due, Moment, UNBOUNDED},
    lost::Lost,
    partial::{Content, Partial},
    reduce::{EpochEnd, Tools},
    sorted::{SORTED_GROUPS_MIN, SortedRows},
};
use crate::state::{groups::Groups, keys::KeyStore};

/// Panes whose room is kept for others.
const SPARE_PANES_MAX: usize = 4;

/// The panes of one partition.
#[derive(Debug, Default)]
pub struct Whole {
    /// By start; without windows there is one, at 0.
    panes: BTreeMap<i64, Pane>,
    /// Forgotten ones, for their room.
    spare: Vec<Pane>,
    /// The groups of a piece.
    found: Vec<u32>,
}

/// The groups of one pane.
#[derive(Debug)]
struct Pane {
    groups: Groups,
    /// Where each group's accumulators are; [`GONE`]: it was dropped, and is as if it had never been.
    slots: Vec<u32>,
    /// How many groups were dropped, and have not come anew.
    gone: usize,
    touched: Touched,
}

/// A group keeps its number when it is dropped, so that results leave in the same order whether the job was killed in between or not.
const GONE: u32 = u32::MAX;

/// Groups that changed in this epoch.
#[derive(Debug, Default)]
pub struct Touched {
    groups: Vec<u32>,
    /// By group, whether it is in the list.
    is_listed: Vec<bool>,
}

impl Touched {
    pub fn insert(&mut self, group: u32) {
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

    /// As they were listed.
    pub fn groups(&self) -> &[u32] {
        &self.groups
    }

    /// In the order of their numbers.
    pub fn take(&mut self) -> Vec<u32> {
        /// Of so many groups one has changed: then it is cheaper to look at all of them than to sort.
        const MANY: usize = 16;
        let mut groups = std::mem::take(&mut self.groups);
        if groups.len() * MANY > self.is_listed.len() {
            groups.clear();
            let listed = (0..).zip(&mut self.is_listed);
            groups.extend(listed.filter_map(|(group, is_listed)| std::mem::take(is_listed).then_some(group)));
            return groups;
        }
        groups.sort_unstable();
        for group in &groups {
            if let Some(is_listed) = self.is_listed.get_mut(*group as usize) {
                *is_listed = false;
            }
        }
        groups
    }
}

impl Whole {
    /// The start of the newest pane.
    pub fn newest_pane(&self) -> Option<i64> {
        self.panes.keys().next_back().copied()
    }

    /// Shows every group, pane by pane, with the start of its pane.
    pub fn look(&self, see: &mut dyn FnMut(&KeyStore, u32, u32, i64)) {
        for (start, pane) in &self.panes {
            let there = (0..).zip(&pane.slots).filter(|(_, slot)| **slot != GONE);
            there.for_each(|(group, slot)| see(&pane.groups.rows().keys, group, *slot, *start));
        }
    }
}

impl Pane {
    fn new(tools: &Tools) -> Self {
        Self::of(Groups::new(tools.codec.store()))
    }

    /// Of an empty table of groups.
    fn of(groups: Groups) -> Self {
        Self { groups, slots: Vec::new(), gone: 0, touched: Touched::default() }
    }

    /// Gives new accumulators to a group that was dropped. Whether it was.
    fn revive(&mut self, group: u32, accumulators: &mut Accumulators) -> bool {
        let Some(slot) = self.slots.get_mut(group as usize).filter(|slot| **slot == GONE) else { return false };
        *slot = accumulators.allocate();
        self.gone -= 1;
        true
    }

    /// Drops the group whose accumulators are at this slot. None: there is none.
    fn bury(&mut self, slot: u32, accumulators: &mut Accumulators) -> Option<u32> {
        let group = self.slots.iter().position(|own| *own == slot)?;
        *self.slots.get_mut(group)? = GONE;
        self.gone += 1;
        accumulators.release(&[slot]);
        Some(group as u32)
    }

    /// The slots of groups that are there.
    fn live(&self) -> impl Iterator<Item = u32> {
        self.slots.iter().copied().filter(|slot| *slot != GONE)
    }

    /// Nothing, with room for as much as it had.
    fn clear(&mut self) {
        self.groups.clear();
        self.slots.clear();
        self.gone = 0;
        self.touched.take();
    }

    fn due(&self, groups: impl ExactSizeIterator<Item = u32>, window: Window, moment: Moment) -> Due {
        let mut due = Due::with_capacity(groups.len());
        for group in groups {
            if let Some(slot) = self.slots.get(group as usize).filter(|slot| **slot != GONE) {
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
        self.panes.values().map(|pane| pane.slots.len() - pane.gone).sum()
    }

    pub fn held_bytes(&self) -> usize {
        self.panes.values().chain(&self.spare).map(|pane| pane.groups.held_bytes() + pane.slots.capacity() * 4).sum()
    }

    pub fn reduce(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        if tools.plan.is_pane_by_pane()
            && epoch.pieces().all(|(partial, _)| matches!(partial.content, Content::Rows(_)))
        {
            let panes = tools.panes.take().expect("tumbling windows have panes");
            let emitted = self.pane_by_pane(&panes, tools, accumulators, epoch, out);
            tools.panes = Some(panes);
            return emitted;
        }
        if self.is_sorted(tools, epoch) {
            self.merge_sorted(tools, accumulators, epoch)?;
        } else {
            for piece in epoch.pieces() {
                self.merge(tools, accumulators, epoch, piece, out)?;
            }
        }
        tools.joining.finish(accumulators, &mut tools.calls, epoch.context)?;
        if tools.plan.window.kind == WindowKind::Global {
            return self.emit_all(tools, accumulators, epoch, out);
        }
        let panes = tools.panes.take().expect("tumbling windows have panes");
        let emitted = self.emit_windows(&panes, tools, accumulators, epoch, out);
        self.forget(&panes, tools.plan.window.lateness, accumulators, epoch.to);
        tools.panes = Some(panes);
        emitted
    }

    /// Where rows hardly share keys, panes are large: each is filled and emitted before the next one, which takes its room
    /// while that is in the caches. Small ones share calls.
    fn pane_by_pane(
        &mut self,
        panes: &Panes,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let mut runs: Vec<(i64, (&Partial, Range<u32>))> = epoch
            .pieces()
            .flat_map(|(partial, groups)| runs_of_tag(partial, groups).map(move |(pane, run)| (pane, (partial, run))))
            .collect();
        // Those of one pane stay in canonical order.
        runs.sort_by_key(|(pane, _)| *pane);
        let mut runs = runs.into_iter().peekable();
        let mut last = Bound::Unbounded;
        let mut closing = Vec::new();
        let mut rows = 0;
        loop {
            let known = self.panes.range((last, Bound::Unbounded)).next().map(|(start, _)| *start);
            let Some(start) = known.into_iter().chain(runs.peek().map(|(pane, _)| *pane)).min() else { break };
            last = Bound::Excluded(start);
            while let Some((_, run)) = runs.next_if(|(pane, _)| *pane == start) {
                rows += run.1.len();
                self.merge(tools, accumulators, epoch, run, out)?;
            }
            closing.extend(panes.windows_of(start).next().filter(|window| window.end <= epoch.to));
            if rows >= tools.plan.rows_max {
                self.close(closing.drain(..), tools, accumulators, epoch, out)?;
                rows = 0;
            }
        }
        self.close(closing.into_iter(), tools, accumulators, epoch, out)
    }

    /// Emits windows and gives their room back. All rows have been merged, but may wait for a call.
    fn close(
        &mut self,
        windows: impl Iterator<Item = Window>,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        tools.joining.finish(accumulators, &mut tools.calls, epoch.context)?;
        for window in windows {
            let Some(pane) = self.panes.remove(&window.start) else { continue };
            if window.end > epoch.from {
                let due = pane.due(pane.all(), window, Moment::OnTime);
                tools.emit(epoch.context, &due, &pane.groups.rows().keys, accumulators, out)?;
            }
            self.recycle(pane, accumulators);
        }
        Ok(())
    }

    /// Gives back what a pane has.
    fn recycle(&mut self, mut pane: Pane, accumulators: &mut Accumulators) {
        accumulators.release(&pane.live().collect::<Vec<_>>());
        if self.spare.len() < SPARE_PANES_MAX {
            pane.clear();
            self.spare.push(pane);
        }
    }

    /// Whether the epoch has rows alone, for the one pane that has all, whose groups may be many.
    fn is_sorted(&self, tools: &Tools, epoch: &EpochEnd<'_>) -> bool {
        let known = self.panes.values().next().map_or(0, |pane| pane.slots.len());
        let rows: usize = epoch.pieces().map(|(_, groups)| groups.len()).sum();
        tools.plan.window.kind == WindowKind::Global
            && rows > 0
            && known + rows >= SORTED_GROUPS_MIN
            && epoch.pieces().all(|(partial, _)| matches!(partial.content, Content::Rows(_)))
    }

    /// Folds an epoch's rows in the order of their groups.
    fn merge_sorted(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
    ) -> Result<(), CallError> {
        let pane = self.panes.entry(0).or_insert_with(|| self.spare.pop().unwrap_or_else(|| Pane::new(tools)));
        self.found.clear();
        for (partial, groups) in epoch.pieces() {
            pane.groups.slots_of(&partial.groups, groups, &mut self.found);
        }
        accumulators.allocate_many(pane.groups.rows().len() - pane.slots.len(), &mut pane.slots);
        if pane.gone > 0 {
            for group in &self.found {
                pane.revive(*group, accumulators);
            }
        }
        let pieces: Vec<&ReadColumns> = epoch.pieces().filter_map(|(partial, _)| partial.content.rows()).collect();
        let sorted = SortedRows::new(epoch.pieces().map(|(_, groups)| groups), &self.found, pane.slots.len());
        let tracks_touched = tools.plan.tracks_touched();
        let rows_max = tools.calls.rows_max();
        for (rows, groups) in sorted.rows.chunks(rows_max).zip(sorted.groups.chunks(rows_max)) {
            let rows: Vec<(usize, usize)> = rows.iter().map(|(piece, row)| (*piece as usize, *row as usize)).collect();
            let columns = ReadColumns::interleave(&pieces, &rows);
            let slots = groups.iter().map(|group| pane.slots.get(*group as usize).copied().unwrap_or_default());
            tools.joining.fold_into(slots, &columns, accumulators, &mut tools.calls, epoch.context)?;
            if tracks_touched {
                groups.iter().for_each(|group| pane.touched.insert(*group));
            }
        }
        Ok(())
    }

    fn merge(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        (partial, groups): (&Partial, Range<u32>),
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let mut joining = std::mem::take(&mut tools.joining);
        joining.begin_piece(accumulators, &mut tools.calls, epoch.context, (partial, groups.len()))?;
        let tracks_touched = tools.plan.tracks_touched();
        for (tag, run) in runs_of_tag(partial, groups.clone()) {
            let pane = self.panes.entry(tag).or_insert_with(|| self.spare.pop().unwrap_or_else(|| Pane::new(tools)));
            // Pass by pass, so that the memory that a pass waits for is fetched for many groups at once.
            let known = pane.slots.len() as u32;
            self.found.clear();
            pane.groups.slots_of(&partial.groups, run.clone(), &mut self.found);
            accumulators.allocate_many(pane.groups.rows().len() - pane.slots.len(), &mut pane.slots);
            for (group, from) in self.found.iter().zip(run) {
                let is_again = pane.gone > 0 && pane.revive(*group, accumulators);
                let slot = pane.slots.get(*group as usize).copied().unwrap_or_default();
                joining.push(partial, slot, is_again || *group >= known, from);
            }
            if tracks_touched {
                self.found.iter().for_each(|group| pane.touched.insert(*group));
            }
        }
        let mut lost = Lost::default();
        let joined = joining.end_piece(accumulators, &mut tools.calls, (partial, groups), &mut lost);
        tools.joining = joining;
        joined?;
        if lost.is_empty() { Ok(()) } else { self.bury(tools, accumulators, epoch, lost, out) }
    }

    /// Drops the groups that could not be merged, and takes back what was said of them where that can be.
    fn bury(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        mut lost: Lost,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        for (slot, unmerged) in lost.take_all() {
            let mut panes = self.panes.iter_mut();
            let found = panes.find_map(|(start, pane)| Some((*start, pane.bury(slot, accumulators)?, &*pane)));
            let Some((start, group, pane)) = found else { continue };
            let (window, keys) = (tools.bounds_of_pane(start), &pane.groups.rows().keys);
            tools.lose_parts(unmerged, (keys, group), window, out);
            tools.take_back(epoch.context, &[group], window, keys, out)?;
        }
        Ok(())
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
            let pane = first.remove();
            self.recycle(pane, accumulators);
        }
    }
}

/// The groups, cut where the tag changes.
fn runs_of_tag(partial: &Partial, groups: Range<u32>) -> impl Iterator<Item = (i64, Range<u32>)> {
    let tags = &partial.groups;
    let mut rest = groups;
    std::iter::from_fn(move || {
        let first = rest.clone().next()?;
        let tag = tags.tag(first);
        let run = rest.clone().take_while(|group| tags.tag(*group) == tag).count() as u32;
        rest = first + run..rest.end;
        Some((tag, first..first + run))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_changed_come_in_order_once_whether_many_or_few() {
        let mut touched = Touched::default();
        for _ in 0..2 {
            [900, 3, 900, 70].into_iter().for_each(|group| touched.insert(group));
            assert_eq!(touched.take(), [3, 70, 900], "few of 900");
            (0..900).rev().filter(|group| group % 3 == 0).for_each(|group| touched.insert(group));
            assert!(touched.take().into_iter().eq((0..900).step_by(3)), "many of 900");
            assert!(touched.groups().is_empty() && touched.take().is_empty());
        }
    }
}
