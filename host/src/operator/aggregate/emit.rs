//! Results leave: groups that are due are finished by the modules, and the host puts its columns before theirs. Where they leave as
//! changes, [`super::changes`] puts before each what it replaces.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{ArrayRef, RecordBatch, TimestampMicrosecondArray, UInt32Array},
    compute,
};
use pelton_core::{poison::PoisonKind, window::Window};
use pelton_wasm::{BatchContext, CallError, Law};

use super::{
    AggregatePlan, Reduced,
    accumulators::Accumulators,
    calls::{Bounds, Calls, Columns, Finished},
    changes::Said,
    reduce::Tools,
};
use crate::{
    operator::{
        poison::{Chosen, PoisonRow, taken_out},
        record_batch,
    },
    state::keys::KeyStore,
};

/// When a result is emitted, as modules are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Early = 0,
    OnTime = 1,
    Late = 2,
}

/// The bounds of groups that have none in time.
pub const UNBOUNDED: Window = Window { start: i64::MIN, end: i64::MAX };

/// Groups whose results are due, in the order in which they leave.
#[derive(Debug, Default)]
pub struct Due {
    keys: Vec<u32>,
    slots: Vec<u32>,
    windows: Vec<Window>,
    moments: Vec<u8>,
}

impl Due {
    pub fn with_capacity(groups: usize) -> Self {
        Self {
            keys: Vec::with_capacity(groups),
            slots: Vec::with_capacity(groups),
            windows: Vec::with_capacity(groups),
            moments: Vec::with_capacity(groups),
        }
    }

    /// `key` is where the group's key is in its store, `slot` where its accumulators are.
    pub fn push(&mut self, key: u32, slot: u32, window: Window, moment: Moment) {
        self.keys.push(key);
        self.slots.push(slot);
        self.windows.push(window);
        self.moments.push(moment as u8);
    }

    /// Those of some windows.
    fn only(&self, is_wanted: impl Fn(&Window) -> bool) -> Self {
        let mut only = Self::default();
        for (((key, slot), window), moment) in self.keys.iter().zip(&self.slots).zip(&self.windows).zip(&self.moments) {
            if is_wanted(window) {
                only.keys.push(*key);
                only.slots.push(*slot);
                only.windows.push(*window);
                only.moments.push(*moment);
            }
        }
        only
    }

    pub fn slots(&self) -> &[u32] {
        &self.slots
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }
}

/// Results that wait to be finished, as they were when they were due: a window may hold few, and a call takes many.
#[derive(Debug)]
pub struct Leaving {
    keys: KeyStore,
    /// The keys' numbers where they came from.
    numbers: Vec<u32>,
    accumulators: Accumulators,
    starts: Vec<i64>,
    ends: Vec<i64>,
    moments: Vec<u8>,
}

impl Leaving {
    /// `keys` is an empty store.
    pub fn new(plan: &AggregatePlan, keys: KeyStore) -> Self {
        let (numbers, starts, ends, moments) = Default::default();
        Self { keys, numbers, accumulators: Accumulators::new(plan), starts, ends, moments }
    }

    pub fn clear(&mut self) {
        self.keys.clear();
        self.numbers.clear();
        self.accumulators.take_all();
        self.starts.clear();
        self.ends.clear();
        self.moments.clear();
    }

    fn push(&mut self, due: &Due, groups: Range<usize>, keys: &KeyStore, accumulators: &Accumulators) {
        let windows = due.windows.get(groups.clone()).unwrap_or_default();
        let numbers = due.keys.get(groups.clone()).unwrap_or_default();
        self.keys.extend_of(keys, numbers);
        self.numbers.extend_from_slice(numbers);
        self.accumulators.append(accumulators, due.slots.get(groups.clone()).unwrap_or_default());
        self.starts.extend(windows.iter().map(|window| window.start));
        self.ends.extend(windows.iter().map(|window| window.end));
        self.moments.extend_from_slice(due.moments.get(groups).unwrap_or_default());
    }
}

impl Tools {
    /// Takes what is due as it is now. It is finished in calls of the plan's rows, and leaves in this order.
    pub fn emit(
        &mut self,
        context: &BatchContext,
        due: &Due,
        keys: &KeyStore,
        accumulators: &Accumulators,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        if !self.own.is_all() {
            let own = due.only(|window| self.own.has_window(window.start));
            return self.take(context, &own, keys, accumulators, out);
        }
        self.take(context, due, keys, accumulators, out)
    }

    fn take(
        &mut self,
        context: &BatchContext,
        due: &Due,
        keys: &KeyStore,
        accumulators: &Accumulators,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let mut taken = 0;
        while taken < due.len() {
            let room = self.plan.rows_max.saturating_sub(self.leaving.moments.len());
            let next = due.len().min(taken + room);
            self.leaving.push(due, taken..next, keys, accumulators);
            taken = next;
            if self.leaving.moments.len() >= self.plan.rows_max {
                self.finish(context, out)?;
            }
        }
        Ok(())
    }

    /// Finishes what has been taken.
    pub fn finish(&mut self, context: &BatchContext, out: &mut Reduced) -> Result<(), CallError> {
        let Leaving { keys, numbers, accumulators, starts, ends, moments } = &mut self.leaving;
        let rows = moments.len();
        if rows == 0 {
            return Ok(());
        }
        let slots: Vec<u32> = (0..rows as u32).collect();
        let mut columns = self.codec.decode(keys, &slots);
        keys.clear();
        let mut numbers = std::mem::take(numbers);
        let (mut starts, mut ends, moments) = (std::mem::take(starts), std::mem::take(ends), std::mem::take(moments));
        let told = Bounds { starts: &starts, ends: &ends, pane: &moments };
        let accumulators = accumulators.take_all();
        self.calls.brace();
        let finished = match self.calls.finish(context, rows, &columns, &told, &accumulators) {
            Err(error) if self.calls.isolates(&error) => {
                let isolated = self.calls.finish_without_poison(context, error, &columns, &told, &accumulators)?;
                taken_out(self.plan.on_trap.fate(), isolated.faults(), &mut out.stats);
                let gone = isolated.poison.iter().map(|(group, _)| *group).collect();
                let about = |(group, fault)| PoisonRow {
                    kind: PoisonKind::Group,
                    row: about(&self.plan, group, &columns, (&starts, &ends), &accumulators),
                    number: group as u64,
                    fault,
                };
                out.poison.extend(isolated.poison.into_iter().map(about));
                let Some(finished) = isolated.answer else { return Ok(()) };
                let left = Chosen::Without(gone);
                columns = taken(&columns, left.positions(rows));
                numbers = left.values(&numbers);
                (starts, ends) = (left.values(&starts), left.values(&ends));
                finished
            }
            finished => finished?,
        };
        let rows = starts.len();
        let windows = self.emitted.as_ref().map(|_| windows(&starts, &ends));
        if self.plan.has_bounds() {
            columns.push(Arc::new(TimestampMicrosecondArray::from(starts)));
            columns.push(Arc::new(TimestampMicrosecondArray::from(ends)));
        }
        let (origin, computed) = together(finished)?;
        let rows = origin.as_ref().map_or(rows, Vec::len);
        if let Some((mut emitted, windows)) = self.emitted.take().zip(windows) {
            let origin = origin.as_deref();
            let said =
                Said { keys: &numbers, windows: &windows, host_columns: &columns, origin, computed: &computed, rows };
            self.emit_changes(&said, &mut emitted, out);
            self.emitted = Some(emitted);
            return Ok(());
        }
        if let Some(origin) = origin {
            columns = taken(&columns, origin);
        }
        columns.extend(computed);
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

/// The results of groups, with all columns that the plan's `result` has. `keys` are their key columns.
pub fn results(
    plan: &AggregatePlan,
    calls: &mut Calls,
    context: &BatchContext,
    mut keys: Columns,
    windows: &Bounds<'_>,
    accumulators: &[Columns],
) -> Result<(Columns, usize), CallError> {
    let rows = windows.pane.len();
    let finished = calls.finish(context, rows, &keys, windows, accumulators)?;
    if plan.has_bounds() {
        keys.push(Arc::new(TimestampMicrosecondArray::from(windows.starts.to_vec())));
        keys.push(Arc::new(TimestampMicrosecondArray::from(windows.ends.to_vec())));
    }
    let (origin, computed) = together(finished)?;
    let rows = origin.as_ref().map_or(rows, Vec::len);
    if let Some(origin) = origin {
        keys = taken(&keys, origin);
    }
    keys.extend(computed);
    Ok((keys, rows))
}

/// What is known of a group: its key, its window, its accumulators.
fn about(
    plan: &AggregatePlan,
    group: usize,
    keys: &Columns,
    (starts, ends): (&[i64], &[i64]),
    accumulators: &[Columns],
) -> RecordBatch {
    let one = |column: &ArrayRef| column.slice(group, 1);
    let time = |times: &[i64]| times.get(group).copied().unwrap_or_default();
    let window = Window { start: time(starts), end: time(ends) };
    plan.about_group(keys.iter().map(one).collect(), window, accumulators.iter().flatten().map(one).collect())
}

fn windows(starts: &[i64], ends: &[i64]) -> Vec<Window> {
    starts.iter().zip(ends).map(|(start, end)| Window { start: *start, end: *end }).collect()
}

fn taken(columns: &Columns, rows: Vec<u32>) -> Columns {
    let rows = UInt32Array::from(rows);
    let one = |column: &ArrayRef| compute::take(column.as_ref(), &rows, None).expect("origins were checked");
    columns.iter().map(one).collect()
}

/// The results of all functions, and the group of each row; none: group for group.
fn together(mut finished: Vec<Finished>) -> Result<(Option<Vec<u32>>, Columns), CallError> {
    if let [only] = finished.as_mut_slice() {
        return Ok((only.origin.take(), std::mem::take(&mut only.columns)));
    }
    let mut columns = Columns::new();
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
    Ok((None, columns))
}
