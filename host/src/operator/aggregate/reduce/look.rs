//! The state of a partition as tables, for people: windows with what they would come to if they closed now, and their accumulators.
//!
//! Called by whoever looks at saved state, never by a run. Windows that overlap are kept as panes, and shown so.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, TimestampMicrosecondArray, UInt64Array},
    datatypes::{DataType, Field, FieldRef},
};
use pelton_core::window::{Panes, WindowKind};
use pelton_wasm::{BatchContext, CallError};

use super::{
    super::{
        Function,
        accumulators::Accumulators,
        calls::{Bounds, Calls, Columns},
        emit::{self, Moment, UNBOUNDED},
    },
    AggregatePlan, Partition, Windows,
};
use crate::{
    operator::record_batch,
    state::{
        keys::{KeyCodec, KeyStore},
        looked::{Looked, time_field},
    },
};

/// The groups of a partition, one after the other.
#[derive(Debug)]
pub struct Open {
    keys: KeyStore,
    /// Where their accumulators are.
    slots: Vec<u32>,
    /// Where there are more, that merge with the first in this order; none behind the end.
    more: Vec<Vec<u32>>,
    starts: Vec<i64>,
    ends: Vec<i64>,
    /// How many rows they have, where windows are counted by them.
    rows: Vec<u64>,
}

impl Open {
    fn push(&mut self, (keys, key): (&KeyStore, u32), slot: u32, (start, end): (i64, i64)) {
        self.keys.extend_of(keys, &[key]);
        self.slots.push(slot);
        self.starts.push(start);
        self.ends.push(end);
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The key columns of these groups.
    pub fn key_columns(&self, plan: &AggregatePlan, groups: &[u32]) -> Vec<ArrayRef> {
        KeyCodec::new(&plan.key_fields).expect("the plan checked the key").decode(&self.keys, groups)
    }
}

impl AggregatePlan {
    /// Its tables as people see them: results, then accumulators.
    pub fn looked(&self) -> Vec<Looked> {
        let key = self.key_fields.as_slice();
        let results = self.result.fields().iter().skip(key.len()).cloned();
        let name = match self.window.kind {
            WindowKind::Sliding { length, slide, .. } if length != slide => "panes",
            WindowKind::Global => "groups",
            _ => "windows",
        };
        let mut fields: Vec<FieldRef> = Vec::new();
        if self.has_bounds() {
            fields.extend([time_field(super::super::WINDOW_START, false), time_field(super::super::WINDOW_END, false)]);
        }
        if matches!(self.window.kind, WindowKind::Count { .. }) {
            fields.push(Arc::new(Field::new("rows", DataType::UInt64, false)));
        }
        fields.extend(self.accumulator_fields());
        vec![Looked::new(name, key, results), Looked::new("accumulators", key, fields)]
    }

    /// The columns of all functions' accumulators, as people see them.
    pub fn accumulator_fields(&self) -> Vec<FieldRef> {
        let mut fields: Vec<FieldRef> = Vec::new();
        // The results of all functions stand at the end, those of one after those of the other.
        let computed =
            |function: &Function| function.signature.ports.first().map_or(0, |port| port.computed.fields().len());
        let mut at = self.result.fields().len() - self.functions.iter().map(computed).sum::<usize>();
        for function in &self.functions {
            let result = self.result.fields().get(at).filter(|_| self.functions.len() > 1);
            at += computed(function);
            for field in function.signature.accumulator.fields() {
                let own = match result {
                    Some(result) => format!("{}.{}", result.name(), field.name()),
                    None => field.name().clone(),
                };
                fields.push(Arc::new(field.as_ref().clone().with_name(own).with_nullable(true)));
            }
        }
        fields
    }
}

impl Partition {
    /// All groups that are kept: of windows that are open, and of those that still take late rows.
    pub fn open(&self, plan: &AggregatePlan) -> Open {
        let codec = KeyCodec::new(&plan.key_fields).expect("the plan checked the key");
        let (slots, more, starts, ends, rows) = Default::default();
        let mut open = Open { keys: codec.store(), slots, more, starts, ends, rows };
        let panes = Panes::new(&plan.window.kind);
        let unbounded = (UNBOUNDED.start, UNBOUNDED.end);
        match &self.windows {
            Windows::Whole(whole) => whole.look(&mut |keys, group, slot, start| {
                let bounds = panes.as_ref().map_or(unbounded, |panes| (start, panes.pane_end(start)));
                open.push((keys, group), slot, bounds);
            }),
            Windows::Sliding(sliding) => sliding.look(&mut |keys, key, slot, start| {
                let end = panes.as_ref().map_or(UNBOUNDED.end, |panes| panes.pane_end(start));
                open.push((keys, key), slot, (start, end));
            }),
            Windows::Changing(changing) => changing.look(&mut |keys, key, slot, start| {
                let bounds = panes.as_ref().map_or(unbounded, |panes| (start, panes.pane_end(start)));
                open.push((keys, key), slot, bounds);
            }),
            Windows::Rolling(rolling) => {
                let length = if let WindowKind::Sliding { length, .. } = plan.window.kind { length } else { 0 };
                rolling.look(&mut |keys, key, slot, end| {
                    open.push((keys, key), slot, (end.saturating_sub(length), end));
                });
            }
            Windows::Sessions(sessions) => {
                let gap = if let WindowKind::Session { gap } = plan.window.kind { gap } else { 0 };
                sessions.look(&mut |key, session, slots| {
                    let Some((first, more)) = slots.split_first() else { return };
                    if !more.is_empty() {
                        open.more.resize(open.slots.len(), Vec::new());
                        open.more.push(more.to_vec());
                    }
                    open.push(key, *first, (session.start, session.end(gap)));
                });
            }
            Windows::Counted(counted) => counted.look(&mut |keys, key, slot, rows| {
                open.push((keys, key), slot, unbounded);
                open.rows.push(rows);
            }),
        }
        open
    }

    /// The rows of these groups in a table: number `table` of [`AggregatePlan::looked`], which `looked` is. Results take calls of the modules.
    pub fn look(
        &self,
        plan: &Arc<AggregatePlan>,
        (table, looked): (usize, &Looked),
        open: &Open,
        groups: &[u32],
        now: i64,
    ) -> Result<RecordBatch, CallError> {
        let pick = |from: &[i64]| -> Vec<i64> {
            groups.iter().map(|group| from.get(*group as usize).copied().unwrap_or_default()).collect()
        };
        let (starts, ends) = (pick(&open.starts), pick(&open.ends));
        let mut calls = Calls::new(Arc::clone(plan));
        let accumulators = self.accumulators_of(plan, &mut calls, open, groups)?;
        let mut columns = open.key_columns(plan, groups);
        if table == 0 {
            let seed = plan.seed;
            let context = BatchContext { epoch: 0, first_row: 0, now, watermark: self.watermark, seed };
            let moments = vec![Moment::Early as u8; groups.len()];
            let windows = Bounds { starts: &starts, ends: &ends, pane: &moments };
            let (columns, rows) = emit::results(plan, &mut calls, &context, columns, &windows, &accumulators)?;
            return Ok(record_batch(&looked.schema, columns, rows));
        }
        if plan.has_bounds() {
            columns.push(Arc::new(TimestampMicrosecondArray::from(starts)));
            columns.push(Arc::new(TimestampMicrosecondArray::from(ends)));
        }
        if matches!(plan.window.kind, WindowKind::Count { .. }) {
            let rows = groups.iter().map(|group| open.rows.get(*group as usize).copied().unwrap_or_default());
            columns.push(Arc::new(UInt64Array::from_iter_values(rows)));
        }
        columns.extend(accumulators.into_iter().flatten());
        Ok(record_batch(&looked.schema, columns, groups.len()))
    }

    /// The accumulators of these groups, each merged where it is in several places.
    fn accumulators_of(
        &self,
        plan: &AggregatePlan,
        calls: &mut Calls,
        open: &Open,
        groups: &[u32],
    ) -> Result<Vec<Columns>, CallError> {
        let slots: Vec<u32> = groups.iter().filter_map(|group| open.slots.get(*group as usize)).copied().collect();
        let mut whole = Accumulators::new(plan);
        whole.append(&self.accumulators, &slots);
        for depth in 0.. {
            let next = |(place, group): (u32, &u32)| Some((place, *open.more.get(*group as usize)?.get(depth)?));
            let (places, slots): (Vec<u32>, Vec<u32>) = (0..).zip(groups).filter_map(next).unzip();
            if places.is_empty() {
                break;
            }
            let merged = calls.merge(places.len(), &whole.gather(&places), &self.accumulators.gather(&slots))?;
            whole.scatter(&places, &merged);
        }
        Ok(whole.take_all())
    }
}
