//! What an operator takes of a batch when it shares its work with a canary: rows of its own partitions, or whole batches.
//!
//! Called for every batch that reaches such an operator. Invariant: of each row that comes in, the operator and its canary take
//! exactly one copy; rows of one key stay together and in order.

use std::{borrow::Cow, sync::Arc};

use arrow::{
    array::{ArrayRef, BooleanArray, RecordBatch},
    compute::filter_record_batch,
};

use crate::{job::plan::PlannedOperator, operator::partitions::partition, state::keys};

/// None: nothing of it. `first_row` is the number of the batch's first row.
pub(super) fn own_part<'a>(
    planned: &PlannedOperator,
    first_row: u64,
    batch: &'a RecordBatch,
) -> Option<Cow<'a, RecordBatch>> {
    if planned.part.is_none() {
        return Some(Cow::Borrowed(batch));
    }
    let key_at = planned.logic.key_at();
    if key_at.is_empty() {
        return planned.has_batch(first_row).then_some(Cow::Borrowed(batch));
    }
    let key: Vec<ArrayRef> = key_at.iter().filter_map(|at| batch.columns().get(*at)).map(Arc::clone).collect();
    let partitions = planned.logic.partitions();
    let is_own = |hash: &u64| planned.has_partition(partition(*hash, partitions));
    let own: BooleanArray = keys::hashes(&key, batch.num_rows()).iter().map(|hash| Some(is_own(hash))).collect();
    match own.true_count() {
        0 => None,
        count if count == batch.num_rows() => Some(Cow::Borrowed(batch)),
        _ => Some(Cow::Owned(filter_record_batch(batch, &own).expect("one answer for each row"))),
    }
}
