//! Stream–table joins: each row of a stream looks up its key in a table that is held in memory.
//!
//! No shuffle and no state: every thread reads the same index, which is made once for each version of the table.

use std::{sync::Arc, time::Instant};

use arrow::{
    array::{ArrayRef, RecordBatch, UInt32Array},
    compute::take,
    datatypes::FieldRef,
};
use pelton_core::job::JoinKind;

use super::side::NONE;
use crate::{
    operator::{KeptColumn, OperatorStats, PortPlan, record_batch},
    state::{
        keys::{self, KeyCodec},
        numbered::NumberedKeys,
    },
};

/// What all threads share of a stream–table join.
#[derive(Debug, Clone)]
pub struct LookupPlan {
    pub name: String,
    /// `Inner` or `Left`.
    pub kind: JoinKind,
    /// Index in `Plan::tables`.
    pub table: usize,
    /// Where the key columns are in the batches that arrive, and in the table.
    pub key_at: Vec<usize>,
    pub table_key_at: Vec<usize>,
    pub key_fields: Vec<FieldRef>,
    /// Computed are the table's columns. None: nobody reads it.
    pub output: Option<PortPlan>,
    /// Rows in one batch of the output, at most.
    pub rows_max: usize,
}

/// A version of a table by key.
#[derive(Debug)]
pub struct LookupIndex {
    rows: RecordBatch,
    keys: NumberedKeys,
    /// Rows of the table, those of one key together, in their order.
    by_key: Vec<u32>,
    /// Where the rows of each key end in `by_key`.
    ends: Vec<u32>,
}

impl LookupIndex {
    /// Rows with a null in their key are in no key's list: nothing is equal to them.
    pub fn new(plan: &LookupPlan, rows: RecordBatch) -> Self {
        let codec = KeyCodec::new(&plan.key_fields).expect("the plan checked the key");
        let columns = key_columns(&rows, &plan.table_key_at);
        let whole = whole_rows(&columns, rows.num_rows());
        let hashes = keys::hashes(&columns, rows.num_rows());
        let mut numbered = NumberedKeys::new(codec.slots());
        let mut numbers = Vec::with_capacity(whole.len());
        numbered.assign(&codec.encode(&columns, rows.num_rows()), &hashes, &whole, &mut numbers);
        let mut ends = vec![0_u32; numbered.numbers()];
        for number in &numbers {
            if let Some(count) = ends.get_mut(*number as usize) {
                *count += 1;
            }
        }
        let mut end = 0;
        for count in &mut ends {
            end += *count;
            *count = end;
        }
        let mut next: Vec<u32> = (0..ends.len()).map(|at| start(&ends, at)).collect();
        let mut by_key = vec![0; whole.len()];
        for (row, number) in whole.iter().zip(&numbers) {
            if let Some(next) = next.get_mut(*number as usize)
                && let Some(place) = by_key.get_mut(*next as usize)
            {
                *place = *row;
                *next += 1;
            }
        }
        Self { rows, keys: numbered, by_key, ends }
    }

    /// The table's rows with this key.
    fn rows_of(&self, number: u32) -> &[u32] {
        let at = number as usize;
        let end = self.ends.get(at).copied().unwrap_or_default();
        self.by_key.get(start(&self.ends, at) as usize..end as usize).unwrap_or_default()
    }
}

fn start(ends: &[u32], at: usize) -> u32 {
    at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or_default()
}

fn key_columns(batch: &RecordBatch, at: &[usize]) -> Vec<ArrayRef> {
    at.iter().filter_map(|at| batch.columns().get(*at)).map(Arc::clone).collect()
}

/// Rows without a null in their key.
fn whole_rows(key: &[ArrayRef], rows: usize) -> Vec<u32> {
    let all = 0..rows as u32;
    if key.iter().all(|column| column.null_count() == 0) {
        return all.collect();
    }
    all.filter(|row| key.iter().all(|column| column.is_valid(*row as usize))).collect()
}

/// The join on one compute thread.
#[derive(Debug)]
pub struct Lookup {
    plan: Arc<LookupPlan>,
    codec: KeyCodec,
}

impl Lookup {
    pub fn new(plan: Arc<LookupPlan>) -> Self {
        let codec = KeyCodec::new(&plan.key_fields).expect("the plan checked the key");
        Self { plan, codec }
    }

    /// Joins a batch; the answer is in the order of its rows, and for each in that of the table.
    pub fn join(&self, index: &LookupIndex, batch: &RecordBatch) -> (Vec<RecordBatch>, OperatorStats) {
        let started = Instant::now();
        let rows = batch.num_rows();
        let mut stats = OperatorStats { rows_in: rows as u64, ..OperatorStats::default() };
        let columns = key_columns(batch, &self.plan.key_at);
        let whole = whole_rows(&columns, rows);
        let hashes = keys::hashes(&columns, rows);
        let mut numbers = Vec::with_capacity(whole.len());
        index.keys.look_up(&self.codec.encode(&columns, rows), &hashes, &whole, &mut numbers);
        let mut of_rows = whole.into_iter().zip(numbers).peekable();
        let mut out = Vec::new();
        let mut pairs = Vec::with_capacity(rows);
        for row in 0..rows as u32 {
            let found = of_rows.next_if(|(at, _)| *at == row).map_or(&[][..], |(_, number)| index.rows_of(number));
            if found.is_empty() && self.plan.kind == JoinKind::Left {
                pairs.push((row, NONE));
            }
            for table_row in found {
                pairs.push((row, *table_row));
                if pairs.len() >= self.plan.rows_max.max(rows) {
                    self.emit(index, batch, &mut pairs, &mut stats, &mut out);
                }
            }
        }
        self.emit(index, batch, &mut pairs, &mut stats, &mut out);
        stats.assemble_time = started.elapsed();
        (out, stats)
    }

    fn emit(
        &self,
        index: &LookupIndex,
        batch: &RecordBatch,
        pairs: &mut Vec<(u32, u32)>,
        stats: &mut OperatorStats,
        out: &mut Vec<RecordBatch>,
    ) {
        stats.rows_out += pairs.len() as u64;
        let pairs = std::mem::take(pairs);
        let Some(port) = self.plan.output.as_ref().filter(|_| !pairs.is_empty()) else { return };
        // Every row once: what passes is not copied.
        let is_row_for_row = pairs.len() == batch.num_rows() && (0..).zip(&pairs).all(|(at, (row, _))| at == *row);
        let rows = UInt32Array::from_iter_values(pairs.iter().map(|(row, _)| *row));
        let table_rows = if pairs.iter().all(|(_, row)| *row != NONE) {
            UInt32Array::from_iter_values(pairs.iter().map(|(_, row)| *row))
        } else {
            pairs.iter().map(|(_, row)| (*row != NONE).then_some(*row)).collect()
        };
        let taken =
            |column: &ArrayRef, at: &UInt32Array| take(column.as_ref(), at, None).expect("these rows are there");
        let columns = port.columns.iter().filter_map(|column| match column {
            KeptColumn::Passed(at) if is_row_for_row => batch.columns().get(*at).map(Arc::clone),
            KeptColumn::Passed(at) => batch.columns().get(*at).map(|column| taken(column, &rows)),
            KeptColumn::Computed(at) => index.rows.columns().get(*at).map(|column| taken(column, &table_rows)),
        });
        out.push(record_batch(&port.schema, columns.collect(), pairs.len()));
    }
}
