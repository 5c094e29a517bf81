//! Results leave: groups that are due are finished by the modules, and the host puts its columns before theirs.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, TimestampMicrosecondArray, UInt32Array},
    compute,
};
use pelton_core::window::Window;
use pelton_wasm::{BatchContext, CallError, Law};

use super::{
    Reduced,
    accumulators::Accumulators,
    calls::{Bounds, Columns, Finished},
    reduce::Tools,
};
use crate::{operator::record_batch, state::keys::KeyStore};

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

    pub fn slots(&self) -> &[u32] {
        &self.slots
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }
}

impl Tools {
    /// Finishes what is due, in calls of at most the plan's rows.
    pub fn emit(
        &mut self,
        context: &BatchContext,
        due: &Due,
        keys: &KeyStore,
        accumulators: &Accumulators,
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let rows_max = self.plan.rows_max;
        let parts = due.keys.chunks(rows_max).zip(due.slots.chunks(rows_max));
        let bounds = due.windows.chunks(rows_max).zip(due.moments.chunks(rows_max));
        for ((key_rows, slots), (windows, moments)) in parts.zip(bounds) {
            let keys = self.codec.decode(keys, key_rows);
            self.finish(context, keys, windows, moments, &accumulators.gather(slots), out)?;
        }
        Ok(())
    }

    fn finish(
        &mut self,
        context: &BatchContext,
        keys: Vec<ArrayRef>,
        windows: &[Window],
        pane: &[u8],
        accumulators: &[Columns],
        out: &mut Reduced,
    ) -> Result<(), CallError> {
        let starts: Vec<i64> = windows.iter().map(|window| window.start).collect();
        let ends: Vec<i64> = windows.iter().map(|window| window.end).collect();
        let told = Bounds { starts: &starts, ends: &ends, pane };
        let finished = self.calls.finish(context, windows.len(), &keys, &told, accumulators)?;
        let mut columns = keys;
        if self.plan.has_bounds() {
            columns.push(Arc::new(TimestampMicrosecondArray::from(starts)));
            columns.push(Arc::new(TimestampMicrosecondArray::from(ends)));
        }
        let (columns, rows) = joined(columns, finished, windows.len())?;
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
fn joined(mut columns: Columns, mut finished: Vec<Finished>, rows: usize) -> Result<(Columns, usize), CallError> {
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
