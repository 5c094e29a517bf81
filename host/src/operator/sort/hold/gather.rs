//! A partition put together from those of another number of partitions. Which of them has a row means nothing, so that whole partitions go; but
//! rows that are equal leave as they came, and so they are put in the order of their numbers.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch},
    compute::{concat_batches, sort_to_indices, take},
};
use pelton_core::checkpoint::Damage;

use super::{Partition, Phase, SortPlan};
use crate::{
    operator::record_batch,
    state::{budget::Budget, snapshot::SnapshotError},
};

impl Partition {
    /// `from`: all partitions as they were, of the same plan but for their number.
    pub fn gather(plan: &SortPlan, number: u16, budget: &Arc<Budget>, from: &[Self]) -> Result<Self, SnapshotError> {
        let mut new = Self::new(number, budget);
        // Every partition has seen all rows.
        new.seen = from.iter().map(|old| old.seen).max().unwrap_or(0);
        let Phase::Hold { held } = &plan.phase else { return Ok(new) };
        let (to, of) = (u32::from(plan.partitions.max(1)), from.len().max(1) as u32);
        // More partitions than before: some begin with nothing.
        let own = (0_u32..).zip(from).filter(|(at, _)| (at * to / of) == u32::from(number));
        let batches: Vec<&RecordBatch> = own.flat_map(|(_, old)| &old.held).collect();
        if batches.is_empty() {
            return Ok(new);
        }
        let too_large = |_| Damage("more text in a column than one batch can have");
        let whole = concat_batches(held, batches).map_err(too_large)?;
        let numbers = whole.columns().last().ok_or(Damage("rows without numbers"))?;
        let order = sort_to_indices(numbers, None, None).map_err(too_large)?;
        let columns = whole.columns().iter().map(|column| take(column.as_ref(), &order, None));
        let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>().map_err(too_large)?;
        new.held.push(record_batch(held, columns, whole.num_rows()));
        Ok(new)
    }
}
