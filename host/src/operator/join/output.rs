//! Pairs of rows become batches: each column is gathered from the batches in which the rows lie.

use std::{iter::repeat_n, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, RecordBatch, TimestampMicrosecondArray, new_null_array},
    compute::interleave,
};
use pelton_core::{
    limits::{LimitName, show_bytes},
    window::Window,
};
use pelton_wasm::{CallError, GuestBacktrace};

use super::{
    JoinOutput, JoinPlan,
    side::{Places, Rows},
};
use crate::operator::{KeptColumn, Reduced, record_batch};

/// What the operator does, for limits that it hits.
pub(super) const CALL: &str = "join";

/// The pairs of one epoch of a partition, until they are a batch's worth.
pub(super) struct Pairs<'a> {
    plan: &'a JoinPlan,
    /// Numbers of rows, left and right; [`NONE`] where there is no partner.
    pairs: Vec<[u32; 2]>,
    /// Their windows, each with the place of its first pair; of interval joins none.
    windows: Vec<(Window, usize)>,
    reduced: Reduced,
    bytes: u64,
}

impl<'a> Pairs<'a> {
    pub(super) fn new(plan: &'a JoinPlan) -> Self {
        Self { plan, pairs: Vec::new(), windows: Vec::new(), reduced: Reduced::default(), bytes: 0 }
    }

    /// Whether rows without a partner leave, left and right.
    pub(super) fn keeps(&self) -> [bool; 2] {
        self.plan.kind.keeps()
    }

    /// Pairs from now on are of this window.
    pub(super) fn begin(&mut self, window: Window) {
        self.windows.pop_if(|(_, first)| *first == self.pairs.len());
        self.windows.push((window, self.pairs.len()));
    }

    pub(super) fn push(&mut self, left: u32, right: u32, rows: &Rows) -> Result<(), CallError> {
        self.pairs.push([left, right]);
        if self.pairs.len() >= self.plan.rows_max { self.flush(rows) } else { Ok(()) }
    }

    /// Makes a batch of the pairs so far.
    pub(super) fn flush(&mut self, rows: &Rows) -> Result<(), CallError> {
        let pairs = std::mem::take(&mut self.pairs);
        if pairs.is_empty() {
            return Ok(());
        }
        // The last window may have more pairs.
        let more = self.windows.last().map(|(window, _)| (*window, 0));
        let windows = std::mem::replace(&mut self.windows, more.into_iter().collect());
        self.reduced.stats.rows_out += pairs.len() as u64;
        let Some(output) = &self.plan.output else { return Ok(()) };
        let batch = gather(output, rows, &pairs, &windows)?;
        self.bytes += batch.get_array_memory_size() as u64;
        self.reduced.emitted.push((0, batch));
        if self.bytes > self.plan.state_bytes { Err(too_much(self.plan.state_bytes)) } else { Ok(()) }
    }

    pub(super) fn finish(mut self, rows: &Rows) -> Result<Reduced, CallError> {
        self.flush(rows)?;
        Ok(self.reduced)
    }
}

pub(super) fn too_much(limit: u64) -> CallError {
    let limit = show_bytes(limit);
    CallError::Limit { call: CALL, name: LimitName::StateBytes, limit, backtrace: GuestBacktrace::default() }
}

fn gather(
    output: &JoinOutput,
    rows: &Rows,
    pairs: &[[u32; 2]],
    windows: &[(Window, usize)],
) -> Result<RecordBatch, CallError> {
    let fields = output.port.schema.fields();
    let kept = output.port.columns.iter().zip(&output.fallback).zip(fields);
    let columns = kept.map(|((column, fallback), field)| match column {
        KeptColumn::Passed(at) => {
            let mut from = Gather::new(rows, pairs);
            from.add(output, *at);
            if let Some(at) = fallback {
                from.add(output, *at);
            }
            let missing = new_null_array(field.data_type(), 1);
            // Only text can be too long for one batch.
            from.gather(missing.as_ref()).map_err(|_| too_much(i32::MAX as u64))
        }
        KeptColumn::Computed(at) => {
            let bound = |window: &Window| if *at == 0 { window.start } else { window.end };
            let ends = windows.iter().skip(1).map(|(_, first)| *first).chain([pairs.len()]);
            let runs = windows.iter().zip(ends);
            let values = runs.flat_map(|((window, first), end)| repeat_n(bound(window), end - first));
            let bounds: ArrayRef = Arc::new(TimestampMicrosecondArray::from_iter_values(values));
            Ok(bounds)
        }
    });
    let columns = columns.collect::<Result<_, _>>()?;
    Ok(record_batch(&output.port.schema, columns, pairs.len()))
}

/// A column on its way out of the batches of one side, and of the other where the first has no row.
struct Gather<'a> {
    rows: &'a Rows,
    pairs: &'a [[u32; 2]],
    arrays: Vec<&'a dyn Array>,
    /// (side, where its rows are), in order of preference.
    sides: Vec<(usize, Places<'a>)>,
}

impl<'a> Gather<'a> {
    fn new(rows: &'a Rows, pairs: &'a [[u32; 2]]) -> Self {
        Self { rows, pairs, arrays: Vec::new(), sides: Vec::new() }
    }

    /// `at` counts the columns of both sides.
    fn add(&mut self, output: &JoinOutput, at: usize) {
        let (index, column) = at.checked_sub(output.left_columns).map_or((0, at), |column| (1, column));
        if let Some(side) = self.rows.sides.get(index) {
            self.sides.push((index, side.spread(column, &mut self.arrays)));
        }
    }

    fn gather(mut self, missing: &'a dyn Array) -> Result<ArrayRef, arrow::error::ArrowError> {
        let none = self.arrays.len();
        let mut is_whole = true;
        // `NONE` is no row of any side.
        let place = |pair: &[u32; 2]| {
            let mut found = self.sides.iter().filter_map(|(side, places)| places.of(*pair.get(*side)?));
            found.next().unwrap_or_else(|| {
                is_whole = false;
                (none, 0)
            })
        };
        let places: Vec<(usize, usize)> = self.pairs.iter().map(place).collect();
        if !is_whole {
            self.arrays.push(missing);
        }
        interleave(&self.arrays, &places)
    }
}
