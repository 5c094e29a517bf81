//! The first half of a sort: each partition keeps a part of every batch until the input ends, then sorts it.
//!
//! Parts are runs of rows, not ranges: which ranges there are is known at the end alone. All partitions see all pieces of an epoch, so each
//! knows the numbers of its rows among all rows without asking the others.

mod gather;
mod look;

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch, UInt64Array},
    compute::concat_batches,
    datatypes::{SchemaRef, UInt64Type},
    row::Rows,
};
use pelton_core::{
    checkpoint::Damage,
    limits::{LimitName, show_bytes},
};
use pelton_wasm::{CallError, GuestBacktrace};
use serde::{Deserialize, Serialize};

use super::{Phase, SortPlan, Sorter};
use crate::{
    operator::{Reduced, assemble, record_batch, shuffle::Piece},
    state::{
        budget::{Budget, Share},
        snapshot::{self, Header, Kind, SnapshotError, array::SavedBatch},
    },
};

/// More rows than anybody has.
const ROWS_MAX: u64 = 1 << 62;

/// The state of one partition; of the second half, which keeps nothing, its number alone.
#[derive(Debug)]
pub struct Partition {
    number: u16,
    /// Rows of all partitions so far.
    seen: u64,
    /// One for each epoch that brought rows. The last column has their numbers.
    held: Vec<RecordBatch>,
    share: Share,
}

#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    seen: u64,
    held: Vec<SavedBatch>,
}

impl Partition {
    pub fn new(number: u16, budget: &Arc<Budget>) -> Self {
        Self { number, seen: 0, held: Vec::new(), share: Share::new(budget) }
    }

    /// It goes by another budget from now on.
    pub fn account_to(&mut self, budget: &Arc<Budget>) {
        self.share = Share::new(budget);
        // State beyond its limit is reported by the end of the next epoch, which says it again.
        let _ = self.share.hold(self.held_bytes() as u64);
    }

    /// The state at the end of an epoch, as bytes that [`Partition::load`] takes under the same plan.
    pub fn save(&self, plan: &SortPlan) -> Vec<u8> {
        let saved = Saved { seen: self.seen, held: self.held.iter().map(SavedBatch::of).collect() };
        snapshot::write(&header(plan, self.number), &saved, self.held_bytes())
    }

    /// A partition that goes on where the saved one stood.
    pub fn load(plan: &SortPlan, number: u16, budget: &Arc<Budget>, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let saved: Saved = snapshot::read(&header(plan, number), bytes)?;
        let held = match &plan.phase {
            Phase::Hold { held } => saved.held.into_iter().map(|batch| batch.load(held)).collect::<Result<_, _>>()?,
            Phase::Merge { .. } => Vec::new(),
        };
        let mut partition = Self { seen: saved.seen, held, ..Self::new(number, budget) };
        let is_sound = partition.seen < ROWS_MAX && partition.numbers().all(|number| number < partition.seen);
        Damage::unless(is_sound, "rows that nobody has seen")?;
        partition.account_to(budget);
        Ok(partition)
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }

    /// Keeps this partition's part of what came.
    pub(super) fn keep(&mut self, plan: &SortPlan, held: &SchemaRef, pieces: &[Piece]) -> Result<(), CallError> {
        let (mut parts, mut numbers) = (Vec::new(), Vec::new());
        for piece in pieces {
            let Piece::Batch(batch) = piece else { continue };
            let rows = batch.num_rows() as u64;
            let own = part(rows, self.seen, self.number, plan.partitions);
            parts.push(batch.slice(own.start as usize, (own.end - own.start) as usize));
            numbers.extend(own.map(|row| self.seen + row));
            self.seen = self.seen.saturating_add(rows);
        }
        if numbers.is_empty() {
            return Ok(());
        }
        let whole = concat_batches(&plan.schema, &parts).map_err(assemble::too_large)?;
        let count = numbers.len();
        let mut columns = whole.columns().to_vec();
        let numbers: ArrayRef = Arc::new(UInt64Array::from(numbers));
        columns.push(numbers);
        self.held.push(record_batch(held, columns, count));
        Ok(())
    }

    /// The end of an epoch.
    pub(super) fn settle(&mut self) -> Result<(), CallError> {
        let held = self.held_bytes() as u64;
        self.share.hold(held).map_err(|limit| CallError::Limit {
            call: "sort",
            name: LimitName::StateBytes,
            limit: show_bytes(limit),
            backtrace: GuestBacktrace::default(),
        })
    }

    fn numbers(&self) -> impl Iterator<Item = u64> {
        let columns = self.held.iter().filter_map(|batch| batch.columns().last());
        columns
            .filter_map(|column| column.as_primitive_opt::<UInt64Type>())
            .flat_map(|column| column.values().iter().copied())
    }

    /// Bytes held, about.
    pub fn held_bytes(&self) -> usize {
        self.held.iter().map(RecordBatch::get_array_memory_size).sum()
    }
}

fn header(plan: &SortPlan, partition: u16) -> Header<'static> {
    let columns = snapshot::columns(plan.schema.fields());
    let shape = match plan.phase {
        Phase::Hold { .. } => format!("rows ({columns})"),
        Phase::Merge { .. } => "nothing".to_owned(),
    };
    Header { kind: Kind::Sort, shape: shape.into(), partition }
}

/// Which of a batch's rows a partition keeps: of small batches others than of those before.
fn part(rows: u64, seen: u64, number: u16, partitions: u16) -> Range<u64> {
    let partitions = u64::from(partitions.max(1));
    let at = (u64::from(number) + partitions - seen % partitions) % partitions;
    at * rows / partitions..(at + 1) * rows / partitions
}

impl Sorter {
    /// Sorts all that a partition has; it keeps nothing.
    pub(super) fn leave(&self, partition: &mut Partition, reduced: &mut Reduced) -> Result<(), CallError> {
        let held = std::mem::take(&mut partition.held);
        let keys: Vec<Rows> = held.iter().map(|batch| self.keys(batch)).collect::<Result<_, _>>()?;
        let rows = keys.iter().enumerate();
        let rows = rows.flat_map(|(batch, keys)| keys.iter().enumerate().map(move |(row, key)| (key, (batch, row))));
        let mut rows: Vec<_> = rows.collect();
        // Stable: rows that are equal stay as they came.
        rows.sort_by_key(|(key, _)| *key);
        let places: Vec<(usize, usize)> = rows.into_iter().map(|(_, place)| place).collect();
        self.emit(&held.iter().collect::<Vec<_>>(), &places, reduced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_batch_are_all_of_it_and_small_ones_go_round() {
        for (rows, seen, partitions) in [(10, 0, 3), (1, 5, 8), (0, 2, 4), (7, 1 << 40, 7), (4096, 3, 128)] {
            let mut parts: Vec<_> = (0..partitions).map(|number| part(rows, seen, number, partitions)).collect();
            parts.sort_by_key(|part| (part.start, part.end));
            assert_eq!((parts[0].start, parts[parts.len() - 1].end), (0, rows));
            assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start), "{parts:?}");
        }
        let taker = |seen| (0..4).find(|number| !part(1, seen, *number, 4).is_empty());
        assert_eq!([0, 1, 2, 3, 4].map(taker), [Some(3), Some(0), Some(1), Some(2), Some(3)]);
    }
}
