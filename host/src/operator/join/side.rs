//! The rows of both sides that a partition of a join keeps, as the columns that they came with.
//!
//! Rows lie in the batches that they came in, one for each side and epoch, and are known by a number that stays. A batch goes
//! when its last row does; when too little of what is held is still wanted, the rest is put together anew.

mod snapshot;

use arrow::{
    array::{Array, ArrayRef, RecordBatch},
    compute::interleave,
    error::ArrowError,
};

pub(super) use self::snapshot::{Moved, SavedRows};
use crate::{
    operator::record_batch,
    state::{keys::KeyStore, numbered::NumberedKeys},
};

/// No key, since it has a null; or no row.
pub(super) const NONE: u32 = u32::MAX;

/// Held beyond what is wanted before it is put together anew: rows, and batches.
const SLACK_ROWS: usize = 1 << 16;
const SLACK_BATCHES: usize = 64;
const BATCH_ROWS_LEAST: usize = 4096;

/// A row that is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    /// Its event time in µs.
    pub(super) time: i64,
    /// The number of its key, or [`NONE`].
    pub(super) key: u32,
    batch: u32,
    row: u32,
    /// It has met a row of the other side.
    pub(super) has_met: bool,
}

/// The rows of one side.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// By number. Those that are free are `NONE` in `batch`.
    rows: Vec<Kept>,
    free: Vec<u32>,
    batches: Vec<Option<Batch>>,
    batch_bytes: usize,
}

#[derive(Debug)]
struct Batch {
    rows: RecordBatch,
    wanted: usize,
    bytes: usize,
}

/// Both sides and their keys.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) keys: NumberedKeys,
    /// Rows of each key, by its number.
    by_key: Vec<u32>,
    /// Left and right.
    pub(super) sides: [Side; 2],
}

impl Rows {
    /// `keys` is an empty store whose slots can be used again.
    pub(super) fn new(keys: KeyStore) -> Self {
        Self { keys: NumberedKeys::new(keys), by_key: Vec::new(), sides: [Side::default(), Side::default()] }
    }

    /// Keeps all rows of `batch`; their keys have numbers, or are [`NONE`]. Appends their numbers to `numbers`.
    pub(super) fn add(&mut self, side: usize, batch: RecordBatch, times: &[i64], keys: &[u32], numbers: &mut Vec<u32>) {
        self.by_key.resize(self.keys.numbers().max(self.by_key.len()), 0);
        for key in keys {
            if let Some(rows) = self.by_key.get_mut(*key as usize) {
                *rows += 1;
            }
        }
        if let Some(side) = self.sides.get_mut(side) {
            side.add(batch, times, keys, numbers);
        }
    }

    /// Lets a row go, and its key after its last row.
    pub(super) fn release(&mut self, side: usize, number: u32) {
        let Some(key) = self.sides.get_mut(side).and_then(|side| side.release(number)) else { return };
        if let Some(rows) = self.by_key.get_mut(key as usize) {
            *rows -= 1;
            if *rows == 0 {
                self.keys.forget(key);
            }
        }
    }

    /// Puts together anew what has too much slack.
    pub(super) fn compact(&mut self) {
        self.sides.iter_mut().for_each(Side::compact);
    }

    pub(super) fn held_bytes(&self) -> usize {
        let sides: usize = self.sides.iter().map(Side::held_bytes).sum();
        sides + self.keys.held_bytes() + size_of_val(self.by_key.as_slice())
    }
}

/// Where the rows of a side are among the arrays that they are gathered from.
pub(super) struct Places<'a> {
    side: &'a Side,
    /// The array of each batch.
    starts: Vec<usize>,
}

impl Places<'_> {
    /// The array and the row in it; none: there is no such row.
    pub(super) fn of(&self, number: u32) -> Option<(usize, usize)> {
        let kept = self.side.get(number)?;
        Some((self.starts.get(kept.batch as usize).copied()?, kept.row as usize))
    }
}

impl Side {
    pub(super) fn get(&self, number: u32) -> Option<&Kept> {
        self.rows.get(number as usize)
    }

    /// The numbers of the rows that are there.
    pub(super) fn numbers(&self) -> Vec<u32> {
        (0..self.rows.len() as u32).filter(|at| self.get(*at).is_some_and(|kept| kept.batch != NONE)).collect()
    }

    pub(super) fn met(&mut self, number: u32) {
        if let Some(row) = self.rows.get_mut(number as usize) {
            row.has_met = true;
        }
    }

    /// The batches that hold rows, by place, and places without one.
    pub(super) fn batches(&self) -> impl Iterator<Item = Option<&RecordBatch>> {
        self.batches.iter().map(|batch| Some(&batch.as_ref()?.rows))
    }

    /// A column of these rows.
    pub(super) fn column(&self, column: usize, numbers: &[u32]) -> Result<ArrayRef, ArrowError> {
        let mut arrays = Vec::new();
        let places = self.spread(column, &mut arrays);
        interleave(&arrays, &numbers.iter().filter_map(|number| places.of(*number)).collect::<Vec<_>>())
    }

    /// Adds a column, batch by batch, to the arrays that rows are gathered from.
    pub(super) fn spread<'a>(&'a self, column: usize, arrays: &mut Vec<&'a dyn Array>) -> Places<'a> {
        let mut starts = Vec::with_capacity(self.batches.len());
        for batch in self.batches() {
            starts.push(arrays.len());
            arrays.extend(batch.and_then(|batch| batch.columns().get(column)).map(|column| column.as_ref()));
        }
        Places { side: self, starts }
    }

    fn add(&mut self, rows: RecordBatch, times: &[i64], keys: &[u32], numbers: &mut Vec<u32>) {
        let count = rows.num_rows();
        if count == 0 {
            return;
        }
        let bytes = rows.get_array_memory_size();
        self.batch_bytes += bytes;
        let batch = Some(Batch { rows, wanted: count, bytes });
        let place = match self.batches.iter().position(Option::is_none) {
            Some(place) => {
                if let Some(free) = self.batches.get_mut(place) {
                    *free = batch;
                }
                place
            }
            None => {
                self.batches.push(batch);
                self.batches.len() - 1
            }
        };
        numbers.reserve(count);
        for (row, (time, key)) in (0..).zip(times.iter().zip(keys)) {
            let kept = Kept { time: *time, key: *key, batch: place as u32, row, has_met: false };
            numbers.push(match self.free.pop() {
                Some(number) => {
                    if let Some(free) = self.rows.get_mut(number as usize) {
                        *free = kept;
                    }
                    number
                }
                None => {
                    self.rows.push(kept);
                    self.rows.len() as u32 - 1
                }
            });
        }
    }

    /// The key of the row that was there.
    fn release(&mut self, number: u32) -> Option<u32> {
        let kept = self.rows.get_mut(number as usize).filter(|kept| kept.batch != NONE)?;
        let place = kept.batch as usize;
        kept.batch = NONE;
        let key = kept.key;
        self.free.push(number);
        let batch = self.batches.get_mut(place)?;
        if let Some(held) = batch {
            held.wanted -= 1;
            if held.wanted == 0 {
                self.batch_bytes -= held.bytes;
                *batch = None;
            }
        }
        Some(key)
    }

    fn compact(&mut self) {
        let held: usize = self.batches.iter().flatten().map(|batch| batch.rows.num_rows()).sum();
        let wanted = self.rows.len() - self.free.len();
        let batches = self.batches.iter().flatten().count();
        if held <= 2 * wanted + SLACK_ROWS && batches <= SLACK_BATCHES + wanted / BATCH_ROWS_LEAST {
            return;
        }
        let numbers = self.numbers();
        let Some(schema) = self.batches().flatten().next().map(RecordBatch::schema) else { return };
        let columns = (0..schema.fields().len()).map(|column| self.column(column, &numbers));
        // More than 2 GiB in one column of text cannot be one batch: then it stays as it is.
        let Ok(columns) = columns.collect::<Result<Vec<_>, _>>() else { return };
        let rows = record_batch(&schema, columns, numbers.len());
        let bytes = rows.get_array_memory_size();
        self.batches = vec![Some(Batch { wanted: numbers.len(), rows, bytes })];
        self.batch_bytes = bytes;
        for (row, number) in (0..).zip(numbers) {
            if let Some(kept) = self.rows.get_mut(number as usize) {
                (kept.batch, kept.row) = (0, row);
            }
        }
    }

    fn held_bytes(&self) -> usize {
        self.batch_bytes + self.rows.capacity() * size_of::<Kept>() + self.free.capacity() * 4
    }
}

/// Rows of a side, at least one, with all their columns.
pub(super) fn whole(side: &Side, numbers: &[u32]) -> Result<RecordBatch, ArrowError> {
    let schema = side.batches().flatten().next().map(RecordBatch::schema).expect("a side with rows has batches");
    let columns = (0..schema.fields().len()).map(|column| side.column(column, numbers));
    Ok(record_batch(&schema, columns.collect::<Result<_, _>>()?, numbers.len()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{AsArray, Int64Array},
        datatypes::{DataType, Field, Int64Type, Schema},
    };

    use super::*;

    fn batch(values: std::ops::Range<i64>) -> RecordBatch {
        let schema = Schema::new(vec![Field::new("n", DataType::Int64, false)]);
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(values));
        RecordBatch::try_new(schema.into(), vec![column]).unwrap()
    }

    fn value(side: &Side, number: u32) -> i64 {
        side.column(0, &[number]).unwrap().as_primitive::<Int64Type>().value(0)
    }

    #[test]
    fn rows_keep_their_numbers_when_batches_go_and_are_put_together() {
        let mut side = Side::default();
        let mut numbers = Vec::new();
        for start in 0..100 {
            let values = start * 1000..(start + 1) * 1000;
            let times: Vec<i64> = values.clone().collect();
            side.add(batch(values), &times, &[NONE; 1000], &mut numbers);
        }
        assert_eq!(value(&side, numbers[99_999]), 99_999);
        for number in &numbers[..99_000] {
            side.release(*number);
        }
        assert_eq!(side.batches().flatten().count(), 1, "a batch goes with its last row");
        side.add(batch(-3..0), &[7; 3], &[NONE; 3], &mut numbers);
        let kept: Vec<u32> = numbers[99_000..].to_vec();
        for number in kept.iter().take(500) {
            side.release(*number);
        }
        for at in 0..100 {
            side.add(batch(at..at + 1), &[0], &[NONE], &mut numbers);
        }
        let before: Vec<i64> = numbers[99_500..].iter().map(|number| value(&side, *number)).collect();
        side.compact();
        assert_eq!(side.batches().flatten().count(), 1, "many small batches become one");
        let after: Vec<i64> = numbers[99_500..].iter().map(|number| value(&side, *number)).collect();
        assert_eq!((before.len(), before), (603, after));
    }
}
