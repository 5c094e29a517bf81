//! What an epoch brings to a partition of a join: rows of both sides, keyed and kept, in canonical order.

use arrow::{
    array::{RecordBatch, UInt32Array},
    compute::{concat_batches, take_record_batch},
};

use super::{
    JoinPlan,
    partition::{Partition, Store},
    side::NONE,
};
use crate::operator::shuffle::{Piece, ShuffledRows};

/// Rows of one side that came together.
#[derive(Debug)]
pub(super) struct Arrived {
    /// 0: left, 1: right.
    pub(super) side: usize,
    /// Their numbers among those that are kept.
    pub(super) rows: Vec<u32>,
}

/// What one side brings.
#[derive(Default)]
struct Brought {
    batches: Vec<RecordBatch>,
    times: Vec<i64>,
    keys: Vec<u32>,
}

/// Keeps the rows of these pieces that are this partition's. Rows with a null in their key are left out where
/// their side does not keep those without a partner; not within sessions, which tell whether they are late.
pub(super) fn arrive(plan: &JoinPlan, partition: &mut Partition, pieces: &[Piece]) -> Vec<Arrived> {
    let is_of_sessions = matches!(partition.store, Store::Sessions(_));
    let mut brought = [Brought::default(), Brought::default()];
    // (side, rows): how the order of the pieces goes through both sides' rows.
    let mut runs = Vec::new();
    for piece in pieces {
        let Piece::Rows(piece) = piece else { continue };
        let rows = piece.by_partition.get(usize::from(partition.number)).map(Vec::as_slice).unwrap_or_default();
        let (Some(side), Some(shuffle)) = (brought.get_mut(piece.input), plan.shuffles.get(piece.input)) else {
            continue;
        };
        let keeps = is_of_sessions || plan.kind.keeps().get(piece.input).copied().unwrap_or_default();
        let taken = side.bring(partition, piece, rows, &shuffle.key_at, keeps);
        if taken > 0 {
            runs.push((piece.input, taken));
        }
    }
    let numbers = brought.into_iter().enumerate().map(|(side, brought)| {
        let mut numbers = Vec::new();
        if let Some(first) = brought.batches.first() {
            let batch = concat_batches(&first.schema(), &brought.batches).expect("batches of one edge have one schema");
            partition.rows.add(side, batch, &brought.times, &brought.keys, &mut numbers);
        }
        numbers.into_iter()
    });
    let mut numbers: Vec<_> = numbers.collect();
    let arrived = |(side, count): (usize, usize)| {
        let rows = numbers.get_mut(side).map(|numbers| numbers.by_ref().take(count).collect()).unwrap_or_default();
        Arrived { side, rows }
    };
    runs.into_iter().map(arrived).collect()
}

impl Brought {
    /// How many of `rows` are taken.
    fn bring(
        &mut self,
        partition: &mut Partition,
        piece: &ShuffledRows,
        rows: &[u32],
        key_at: &[usize],
        keeps: bool,
    ) -> usize {
        let keys: Vec<_> = key_at.iter().filter_map(|at| piece.rows.columns().get(*at)).collect();
        let keyed = &mut partition.rows.keys;
        if keys.iter().all(|column| column.null_count() == 0) {
            keyed.assign(&piece.keys, &piece.hashes, rows, &mut self.keys);
            return self.take(piece, rows);
        }
        let is_whole = |row: &u32| keys.iter().all(|column| column.is_valid(*row as usize));
        let whole: Vec<u32> = rows.iter().copied().filter(is_whole).collect();
        if !keeps {
            keyed.assign(&piece.keys, &piece.hashes, &whole, &mut self.keys);
            return self.take(piece, &whole);
        }
        let mut numbers = Vec::with_capacity(whole.len());
        keyed.assign(&piece.keys, &piece.hashes, &whole, &mut numbers);
        let mut numbers = numbers.into_iter();
        self.keys.extend(rows.iter().map(|row| if is_whole(row) { numbers.next().unwrap_or(NONE) } else { NONE }));
        self.take(piece, rows)
    }

    fn take(&mut self, piece: &ShuffledRows, rows: &[u32]) -> usize {
        if rows.is_empty() {
            return 0;
        }
        // Joins without time have none.
        self.times.extend(rows.iter().map(|row| piece.times.get(*row as usize).copied().unwrap_or_default()));
        let indices = UInt32Array::from(rows.to_vec());
        self.batches.push(take_record_batch(&piece.rows, &indices).expect("a partition's rows are in the batch"));
        rows.len()
    }
}
