//! The reduce side: partials are merged into the panes of their partition, and windows that the watermark has passed are finished.
//!
//! A [`Partition`] is the state; a [`Reducer`] is a compute thread's instances of the modules, which works on any partition.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use arrow::{
    array::{ArrayRef, TimestampMicrosecondArray, UInt32Array},
    compute,
};
use pelton_core::{
    job::Emission,
    window::{Panes, Window, WindowKind, is_late},
};
use pelton_wasm::{BatchContext, CallError, CallLog, Law};

use super::{
    AggregatePlan, Partial,
    calls::{Bounds, Calls, Columns, Finished, take},
    window::{Wanted, allocate, collect, gather, scatter},
};
use crate::{
    operator::{Closing, Reduced, record_batch, shuffle::Piece},
    state::{
        groups::{GroupRows, Groups},
        keys::KeyCodec,
        rows::StateRows,
    },
};

/// The state of one partition of one operator.
#[derive(Debug)]
pub struct Partition {
    number: u16,
    panes: BTreeMap<i64, Pane>,
    /// The accumulators of all panes, a table for each function.
    rows: Vec<StateRows>,
    /// Up to which windows have been closed.
    watermark: i64,
}

/// The groups of one pane.
#[derive(Debug)]
pub struct Pane {
    pub groups: Groups,
    /// Where each group's accumulators are.
    pub slots: Vec<u32>,
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

/// The reduce side on one compute thread.
#[derive(Debug)]
pub struct Reducer {
    plan: Arc<AggregatePlan>,
    codec: KeyCodec,
    panes: Option<Panes>,
    calls: Calls,
}

/// When a result is emitted, as modules are told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    Early = 0,
    OnTime = 1,
    Late = 2,
}

impl Partition {
    pub fn new(plan: &AggregatePlan, number: u16) -> Self {
        let rows = plan.functions.iter().map(|function| StateRows::new(&function.signature.accumulator)).collect();
        Self { number, panes: BTreeMap::new(), rows, watermark: i64::MIN }
    }

    /// Groups in all panes.
    pub fn groups(&self) -> usize {
        self.panes.values().map(|pane| pane.slots.len()).sum()
    }

    /// Bytes held, about.
    pub fn held_bytes(&self) -> usize {
        let panes: usize = self.panes.values().map(|pane| pane.groups.held_bytes() + pane.slots.capacity() * 4).sum();
        panes + self.rows.iter().map(StateRows::held_bytes).sum::<usize>()
    }

    fn release(&mut self, pane: i64) {
        if let Some(pane) = self.panes.remove(&pane) {
            self.rows.iter_mut().for_each(|rows| rows.release(&pane.slots));
        }
    }
}

impl Reducer {
    pub fn new(plan: Arc<AggregatePlan>) -> Self {
        let codec = KeyCodec::new(&plan.key_fields).expect("the plan checked the key");
        Self { codec, panes: Panes::new(&plan.window.kind), calls: Calls::new(Arc::clone(&plan)), plan }
    }

    /// One epoch: merges what the map side made for this partition, in the order given, and emits what is due.
    pub fn reduce(
        &mut self,
        context: &BatchContext,
        state: &mut Partition,
        pieces: &[Piece],
        closing: Closing,
    ) -> Result<Reduced, CallError> {
        let started = Instant::now();
        let mut out = Reduced::default();
        for piece in pieces {
            if let Piece::Partial(partial) = piece {
                self.merge(state, partial)?;
            }
        }
        self.emit(context, state, closing, &mut out)?;
        let calls = std::mem::take(&mut self.calls.stats);
        out.stats.calls += calls.calls;
        out.stats.call_time += calls.call_time;
        out.stats.assemble_time += started.elapsed().saturating_sub(calls.call_time);
        Ok(out)
    }

    /// What the calls since the last take logged and counted.
    pub fn take_logs(&mut self) -> Vec<CallLog> {
        self.calls.take_logs()
    }

    fn merge(&mut self, state: &mut Partition, partial: &Partial) -> Result<(), CallError> {
        let Some(rows) = partial.by_partition.get(usize::from(state.number)) else { return Ok(()) };
        let (mut fresh, mut known) = (Moved::default(), Moved::default());
        for (tag, rows) in by_tag(&partial.groups, rows) {
            let pane = state.panes.entry(tag).or_insert_with(|| Pane {
                groups: Groups::new(self.codec.store()),
                slots: Vec::new(),
                touched: Touched::default(),
            });
            for row in rows {
                let (group, is_new) = pane.groups.slot_of(&partial.groups, row, 0);
                if is_new {
                    let slot = allocate(&mut state.rows);
                    pane.slots.push(slot);
                    fresh.push(slot, row);
                } else if let Some(slot) = pane.slots.get(group as usize) {
                    known.push(*slot, row);
                }
                if self.plan.tracks_touched() {
                    pane.touched.insert(group);
                }
            }
        }
        if !fresh.slots.is_empty() {
            scatter(&mut state.rows, &fresh.slots, &take(&partial.accumulators, &fresh.rows));
        }
        if !known.slots.is_empty() {
            let left = gather(&state.rows, &known.slots);
            let right = take(&partial.accumulators, &known.rows);
            let merged = self.calls.merge(known.slots.len(), &left, &right)?;
            scatter(&mut state.rows, &known.slots, &merged);
        }
        Ok(())
    }

    fn emit(
        &mut self,
        context: &BatchContext,
        state: &mut Partition,
        closing: Closing,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let from = state.watermark;
        let to = closing.watermark.max(from);
        state.watermark = to;
        match self.plan.window.kind {
            WindowKind::Global => self.emit_global(context, state, closing.is_last, out),
            _ => {
                self.emit_changed(context, state, from, to, out)?;
                self.emit_closed(context, state, from, to, out)?;
                self.forget(state, to);
                Ok(())
            }
        }
    }

    /// Without windows: what changed, after each epoch or at the end.
    fn emit_global(
        &mut self,
        context: &BatchContext,
        state: &mut Partition,
        is_last: bool,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let on_update = self.plan.emission == Emission::OnUpdate;
        let Some(pane) = state.panes.values_mut().next() else { return Ok(()) };
        let groups: Vec<u32> = match (on_update, is_last) {
            (true, _) => pane.touched.take(),
            (false, true) => (0..pane.slots.len() as u32).collect(),
            (false, false) => return Ok(()),
        };
        let moment = if is_last { Moment::OnTime } else { Moment::Early };
        for groups in groups.chunks(self.plan.rows_max) {
            let slots: Vec<u32> = groups.iter().filter_map(|group| pane.slots.get(*group as usize)).copied().collect();
            let accumulators = gather(&state.rows, &slots);
            let keys = self.codec.decode(&pane.groups.rows().keys, groups);
            self.finish(context, &keys, None, moment, groups.len(), &accumulators, out)?;
        }
        Ok(())
    }

    /// Groups that changed in this epoch: of open windows when every update is wanted, and of windows that had been closed before.
    fn emit_changed(
        &mut self,
        context: &BatchContext,
        state: &mut Partition,
        from: i64,
        to: i64,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        if !self.plan.tracks_touched() {
            return Ok(());
        }
        let mut changed: BTreeMap<(i64, i64), Groups> = BTreeMap::new();
        let panes = self.panes.as_mut().expect("windows other than the global one have panes");
        let on_update = self.plan.emission == Emission::OnUpdate;
        for (start, pane) in &mut state.panes {
            let touched = pane.touched.take();
            if touched.is_empty() {
                continue;
            }
            for window in panes.windows_of(*start) {
                let was_closed = window.end <= from;
                let closes = window.end > from && window.end <= to;
                if was_closed && !is_late(window.end, self.plan.window.lateness, from) || on_update && !was_closed && !closes
                {
                    let groups = changed
                        .entry((window.end, window.start))
                        .or_insert_with(|| Groups::new(self.codec.store()));
                    for group in &touched {
                        groups.slot_of(pane.groups.rows(), *group, 0);
                    }
                }
            }
        }
        for ((end, start), only) in changed {
            let moment = if end <= from { Moment::Late } else { Moment::Early };
            self.emit_window(context, state, Window { start, end }, Wanted::Only(&only), moment, out)?;
        }
        Ok(())
    }

    /// Windows whose end the watermark has passed in this epoch, in order of their end.
    fn emit_closed(
        &mut self,
        context: &BatchContext,
        state: &Partition,
        from: i64,
        to: i64,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let panes = self.panes.as_mut().expect("windows other than the global one have panes");
        let mut closed = BTreeSet::new();
        for start in state.panes.keys() {
            let windows = panes.windows_of(*start).into_iter();
            closed.extend(windows.filter(|w| w.end > from && w.end <= to).map(|w| (w.end, w.start)));
        }
        for (end, start) in closed {
            self.emit_window(context, state, Window { start, end }, Wanted::All, Moment::OnTime, out)?;
        }
        Ok(())
    }

    fn emit_window(
        &mut self,
        context: &BatchContext,
        state: &Partition,
        window: Window,
        wanted: Wanted<'_>,
        moment: Moment,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let rows = collect(&state.panes, &window, wanted, &state.rows, &mut self.calls, &self.codec.store())?;
        let groups: Vec<u32> = (0..rows.groups.len() as u32).collect();
        for part in groups.chunks(self.plan.rows_max) {
            let keys = self.codec.decode(&rows.groups.keys, part);
            let accumulators =
                if part.len() == groups.len() { rows.accumulators.clone() } else { take(&rows.accumulators, part) };
            self.finish(context, &keys, Some(window), moment, part.len(), &accumulators, out)?;
        }
        Ok(())
    }

    /// Panes that no window needs any more.
    fn forget(&mut self, state: &mut Partition, watermark: i64) {
        let panes = self.panes.as_mut().expect("windows other than the global one have panes");
        let lateness = self.plan.window.lateness;
        let is_done = |start: &i64| is_late(panes.last_window_end(*start), lateness, watermark);
        let done: Vec<i64> = state.panes.keys().copied().filter(is_done).collect();
        done.into_iter().for_each(|start| state.release(start));
    }

    #[expect(clippy::too_many_arguments, reason = "one call of every module, with all that it is told")]
    fn finish(
        &mut self,
        context: &BatchContext,
        keys: &[ArrayRef],
        window: Option<Window>,
        moment: Moment,
        rows: usize,
        accumulators: &[Columns],
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let bounds = window.unwrap_or(Window { start: i64::MIN, end: i64::MAX });
        let (starts, ends) = (vec![bounds.start; rows], vec![bounds.end; rows]);
        let pane = vec![moment as u8; rows];
        let told = Bounds { starts: &starts, ends: &ends, pane: &pane };
        let finished = self.calls.finish(context, rows, keys, &told, accumulators)?;
        let mut columns = keys.to_vec();
        if window.is_some() {
            columns.push(Arc::new(TimestampMicrosecondArray::from(starts)));
            columns.push(Arc::new(TimestampMicrosecondArray::from(ends)));
        }
        let (columns, rows) = joined(columns, finished, rows)?;
        out.stats.rows_out += rows as u64;
        if let Some(port) = &self.plan.output
            && rows > 0
        {
            let kept = port.computed(&columns);
            out.emitted.push((0, record_batch(&port.schema, kept, rows)));
        }
        Ok(())
    }
}

/// What the host puts before the results, and the results of all functions.
fn joined(
    mut columns: Columns,
    mut finished: Vec<Finished>,
    rows: usize,
) -> Result<(Columns, usize), CallError> {
    if let [only] = finished.as_mut_slice()
        && let Some(origin) = only.origin.take()
    {
        let origin = UInt32Array::from(origin);
        let one = |column: &ArrayRef| compute::take(column.as_ref(), &origin, None).expect("origins were checked");
        let mut taken: Columns = columns.iter().map(one).collect();
        taken.append(&mut only.columns);
        return Ok((taken, origin.len()));
    }
    for finished in finished {
        if finished.origin.is_some() {
            let law = Law::Column {
                column: "origin".into(),
                fault: "one of several aggregates of an operator answers `finish` row for row".into(),
            };
            return Err(CallError::Invalid { call: "finish", law });
        }
        columns.extend(finished.columns);
    }
    Ok((columns, rows))
}

/// Slots of state and the rows that go there.
#[derive(Default)]
struct Moved {
    slots: Vec<u32>,
    rows: Vec<u32>,
}

impl Moved {
    fn push(&mut self, slot: u32, row: u32) {
        self.slots.push(slot);
        self.rows.push(row);
    }
}

/// The rows by their tag, tags in order of appearance.
fn by_tag(groups: &GroupRows, rows: &[u32]) -> Vec<(i64, Vec<u32>)> {
    let mut found: Vec<(i64, Vec<u32>)> = Vec::new();
    let mut last = 0;
    for row in rows {
        let tag = groups.tags.get(*row as usize).copied().unwrap_or_default();
        if found.get(last).is_none_or(|(known, _)| *known != tag) {
            last = found.iter().position(|(known, _)| *known == tag).unwrap_or_else(|| {
                found.push((tag, Vec::new()));
                found.len() - 1
            });
        }
        if let Some((_, rows)) = found.get_mut(last) {
            rows.push(*row);
        }
    }
    found
}
