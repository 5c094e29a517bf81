//! Windows that overlap: each key's panes in a [`TwoStacks`], so that a window costs a constant number of merges for each key,
//! however many panes it has.
//!
//! ```text
//! partials ─► (key, pane) ─► slot ─┐                  ┌► rounds of merges (wasm), a row for each key
//! watermark ─► windows that close ─┴► TwoStacks: plan ┴► where each key's answer is ─► finish (wasm)
//! ```
//!
//! Panes and the results of merges lie in the same accumulators. Late rows and updates of open windows are answered from
//! their panes alone, which costs as many merges as the window has panes with rows of that key.

mod snapshot;

use std::ops::Range;

use pelton_core::{
    job::Emission,
    two_stacks::{Operand, Plan, TwoStacks},
    window::{Panes, Window, is_late},
};
use pelton_wasm::CallError;

pub use self::snapshot::SavedSliding;
use super::{
    Reduced,
    accumulators::{Accumulators, Round},
    calls::Calls,
    emit::{Due, Moment},
    lost::Lost,
    partial::Partial,
    reduce::{EpochEnd, Tools},
};
use crate::state::{keys::KeyStore, numbered::NumberedKeys};

/// The sliding windows of one partition.
#[derive(Debug)]
pub struct Sliding {
    slide: i64,
    keys: NumberedKeys,
    stacks: TwoStacks,
    results: Results,
    /// A slot for the next pane that is new.
    spare: Option<u32>,
    /// (key, pane) that changed in this epoch, where that matters.
    touched: Vec<(u32, i64)>,
    /// (key, pane) that changed in earlier epochs, and wait for early results.
    waiting: Vec<(u32, i64)>,
    panes: usize,
    /// Panes before it have been dropped.
    kept_from: i64,
    /// The start of the newest pane that there was.
    newest: Option<i64>,
}

impl Sliding {
    /// The start of the newest pane.
    pub fn newest_pane(&self) -> Option<i64> {
        self.newest.filter(|_| self.panes > 0)
    }

    /// Shows every pane of every key, with its start.
    pub fn look(&self, see: &mut dyn FnMut(&KeyStore, u32, u32, i64)) {
        self.stacks.panes().for_each(|(key, start, slot)| see(self.keys.keys(), key, slot, start));
    }
}

/// Where results of merges are: the slot of each scratch row.
#[derive(Debug, Default)]
struct Results {
    slots: Vec<u32>,
    round: Round,
}

impl Results {
    fn slot(&self, operand: Operand) -> u32 {
        match operand {
            Operand::Pane(slot) => slot,
            Operand::Scratch(row) => {
                self.slots.get(row as usize).copied().expect("the plan says how many rows it needs")
            }
        }
    }

    /// What is lost is known by the slots of the answers.
    fn carry_out(
        &mut self,
        plan: &Plan,
        accumulators: &mut Accumulators,
        calls: &mut Calls,
    ) -> Result<Lost, CallError> {
        let mut lost = Lost::default();
        while self.slots.len() < plan.scratch_rows() {
            self.slots.push(accumulators.allocate());
        }
        let mut round = std::mem::take(&mut self.round);
        for merges in plan.rounds() {
            round.clear();
            for merge in merges {
                round.push(self.slot(merge.left), self.slot(merge.right), self.slot(Operand::Scratch(merge.into)));
            }
            accumulators.merge(calls, &round, &mut lost)?;
        }
        self.round = round;
        Ok(lost)
    }
}

impl Sliding {
    /// `keys` is an empty store whose slots can be used again.
    pub fn new(slide: i64, keys: KeyStore) -> Self {
        Self {
            slide,
            keys: NumberedKeys::new(keys),
            stacks: TwoStacks::default(),
            results: Results::default(),
            spare: None,
            touched: Vec::new(),
            waiting: Vec::new(),
            panes: 0,
            kept_from: i64::MIN,
            newest: None,
        }
    }

    pub fn groups(&self) -> usize {
        self.panes
    }

    pub fn held_bytes(&self) -> usize {
        // Of a key and of a pane, as `TwoStacks` says.
        const ENTRY_BYTES: usize = 24;
        self.keys.held_bytes() + (self.keys.len() + self.panes) * ENTRY_BYTES + self.results.slots.capacity() * 4
    }

    pub fn reduce(
        &mut self,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        for piece in epoch.pieces() {
            self.merge(tools, accumulators, epoch, piece, out)?;
        }
        tools.joining.finish(accumulators, &mut tools.calls, epoch.context)?;
        let panes = tools.panes.take().expect("sliding windows have panes");
        let emitted = self
            .emit_changed(&panes, tools, accumulators, epoch, out)
            .and_then(|()| self.emit_closed(&panes, tools, accumulators, epoch, out));
        tools.panes = Some(panes);
        emitted
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
        for group in groups.clone() {
            let pane = partial.groups.tag(group);
            let (key, _) = self.keys.number(&partial.groups, group);
            let spare = *self.spare.get_or_insert_with(|| accumulators.allocate());
            let slot = self.stacks.upsert(key, pane, spare);
            let is_new = slot == spare;
            if is_new {
                self.spare = None;
                self.panes += 1;
                self.newest = self.newest.max(Some(pane));
            }
            joining.push(partial, slot, is_new, group);
            if tracks_touched {
                self.touched.push((key, pane));
            }
        }
        let mut lost = Lost::default();
        let joined = joining.end_piece(accumulators, &mut tools.calls, (partial, groups), &mut lost);
        tools.joining = joining;
        joined?;
        for (slot, unmerged) in lost.take_all() {
            let found = self.stacks.panes().find(|(.., payload)| *payload == slot);
            let Some((key, pane, _)) = found else { continue };
            tools.lose_parts(unmerged, (self.keys.keys(), key), tools.bounds_of_pane(pane), out);
            self.remove(key, pane, accumulators);
        }
        Ok(())
    }

    /// Drops a pane of a key, which is as if it had never been.
    fn remove(&mut self, key: u32, pane: i64, accumulators: &mut Accumulators) {
        for changed in [&mut self.touched, &mut self.waiting] {
            changed.retain(|other| *other != (key, pane));
        }
        let plan = self.stacks.remove(key, pane);
        self.panes -= plan.dropped().len();
        forget(plan, &mut self.keys, accumulators);
    }

    /// Drops the panes that keys have in windows that could not be merged.
    fn remove_windows(&mut self, lost: Vec<(u32, Window)>, accumulators: &mut Accumulators) {
        for (key, window) in lost {
            while let Some(pane) = self.stacks.earliest_of(key, window.start).filter(|pane| *pane < window.end) {
                self.remove(key, pane, accumulators);
            }
        }
    }

    /// Groups that changed: of windows that had been closed, and of open ones when every update is wanted.
    fn emit_changed(
        &mut self,
        panes: &Panes,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let lateness = tools.plan.window.lateness;
        let is_open = |window: &Window| epoch.emits_open && window.end > epoch.to;
        let is_wanted =
            |window: &Window| window.end <= epoch.from && !is_late(window.end, lateness, epoch.from) || is_open(window);
        let mut changed: Vec<(Window, u32)> = Vec::new();
        for (key, pane) in &self.touched {
            changed.extend(panes.windows_of(*pane).filter(is_wanted).map(|window| (window, *key)));
        }
        if epoch.emits_open {
            // Those of their windows that have been closed since then have left.
            for (key, pane) in self.waiting.drain(..) {
                changed.extend(panes.windows_of(pane).filter(is_open).map(|window| (window, key)));
            }
            self.touched.clear();
        } else if matches!(tools.plan.emission, Emission::Early(_)) {
            self.waiting.append(&mut self.touched);
        } else {
            self.touched.clear();
        }
        // Sliding windows have one length: in order of their starts is in order of their ends.
        changed.sort_unstable();
        changed.dedup();
        let mut removed: Vec<(u32, Window)> = Vec::new();
        for changed in changed.chunks(tools.plan.rows_max) {
            let plan = self.stacks.fold(changed.iter().map(|(window, key)| (*key, *window)));
            let mut lost = self.results.carry_out(plan, accumulators, &mut tools.calls)?;
            let mut due = Due::with_capacity(changed.len());
            debug_assert_eq!(plan.answers().len(), changed.len(), "a window that changed has a pane");
            for ((window, _), answer) in changed.iter().zip(plan.answers()) {
                let moment = if window.end <= epoch.from { Moment::Late } else { Moment::Early };
                let slot = self.results.slot(answer.at);
                if !lost.is_lost(slot) {
                    due.push(answer.key, slot, *window, moment);
                    continue;
                }
                // Windows that share the panes fail alike: one letter says that they are gone.
                let is_told = removed.iter().any(|(key, other)| *key == answer.key && other.end > window.start);
                if let Some(unmerged) = lost.take(slot).filter(|_| !is_told) {
                    tools.lose_parts(unmerged, (self.keys.keys(), answer.key), *window, out);
                }
                removed.push((answer.key, *window));
            }
            tools.emit(epoch.context, &due, self.keys.keys(), accumulators, out)?;
        }
        // Only now, for each window that changed was to have its panes.
        self.remove_windows(removed, accumulators);
        Ok(())
    }

    /// Windows whose end the watermark has passed in this epoch, in order.
    fn emit_closed(
        &mut self,
        panes: &Panes,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let lateness = tools.plan.window.lateness;
        let mut closed = panes.closed(epoch.from, epoch.to);
        let mut from = epoch.from;
        // Before the first epoch there is no end of windows to begin with.
        let mut is_sparse = epoch.from == i64::MIN;
        loop {
            if is_sparse {
                let Some(pane) = self.stacks.earliest(from) else { break };
                closed.skip_to(pane);
            }
            let Some(window) = closed.next() else { break };
            let keep = first_kept(panes, epoch.to, lateness).min(window.start.saturating_add(self.slide));
            let answers = self.close(window, keep, tools, accumulators, epoch, out)?;
            is_sparse = answers == 0;
            from = window.start;
        }
        let keep = first_kept(panes, epoch.to, lateness);
        if lateness > 0 && keep > self.kept_from && epoch.to < i64::MAX {
            // No window closed that would have dropped them. What a window without length answers is of no interest.
            let next = first_kept(panes, epoch.to, 0);
            self.kept_from = keep;
            let plan = self.stacks.close(Window { start: next, end: next }, keep);
            self.panes -= plan.dropped().len();
            forget(plan, &mut self.keys, accumulators);
        }
        Ok(())
    }

    /// Emits a window and drops the panes before `keep`; answers how many keys it had.
    fn close(
        &mut self,
        window: Window,
        keep: i64,
        tools: &mut Tools,
        accumulators: &mut Accumulators,
        epoch: &EpochEnd<'_>,
        out: &mut Reduced,
    ) -> Result<usize, CallError> {
        self.kept_from = keep;
        let plan = self.stacks.close(window, keep);
        let mut lost = self.results.carry_out(plan, accumulators, &mut tools.calls)?;
        let mut due = Due::with_capacity(plan.answers().len());
        let mut removed = Vec::new();
        for answer in plan.answers() {
            let slot = self.results.slot(answer.at);
            if !lost.is_lost(slot) {
                due.push(answer.key, slot, window, Moment::OnTime);
                continue;
            }
            if let Some(unmerged) = lost.take(slot) {
                tools.lose_parts(unmerged, (self.keys.keys(), answer.key), window, out);
            }
            removed.push((answer.key, window));
        }
        tools.emit(epoch.context, &due, self.keys.keys(), accumulators, out)?;
        self.panes -= plan.dropped().len();
        forget(plan, &mut self.keys, accumulators);
        let answers = due.len() + removed.len();
        self.remove_windows(removed, accumulators);
        Ok(answers)
    }
}

/// Gives back what a plan has dropped.
fn forget(plan: &Plan, keys: &mut NumberedKeys, accumulators: &mut Accumulators) {
    accumulators.release(plan.dropped());
    plan.forgotten().iter().for_each(|key| keys.forget(*key));
}

/// Where the first window begins that ends after the watermark and the lateness: earlier panes are of no use.
fn first_kept(panes: &Panes, watermark: i64, lateness: i64) -> i64 {
    if watermark == i64::MAX {
        return i64::MAX;
    }
    let closed_to = watermark.saturating_sub(lateness);
    panes.windows_of(closed_to).next().map_or(i64::MIN, |window| window.start)
}
