//! A partition put together from those of another number of partitions: of each the rows whose keys belong here.

use std::sync::Arc;

use pelton_core::checkpoint::Damage;

use super::{super::JoinPlan, Partition, Store};
use crate::{
    operator::partitions::partition,
    state::{budget::Budget, snapshot::SnapshotError},
};

impl Partition {
    /// `from`: all partitions as they were, of the same plan but for their number.
    pub fn gather(plan: &JoinPlan, number: u16, budget: &Arc<Budget>, from: &[Self]) -> Result<Self, SnapshotError> {
        let mut new = Self::new(plan, number, budget);
        let [left, _] = &plan.shuffles;
        let partitions = left.partitions;
        let is_own = |hash: u64| partition(hash, partitions) == number;
        for (at, old) in (0_u32..).zip(from) {
            // Rows with a null in their key meet nobody: any partition can have them, as long as one does.
            let takes_keyless = at * u32::from(partitions) / from.len().max(1) as u32 == u32::from(number);
            let moved = new.rows.adopt(&old.rows, &is_own, takes_keyless)?;
            match (&mut new.store, &old.store) {
                (Store::Interval(to), Store::Interval(from)) => to.adopt(from, &moved),
                (Store::Windows(to), Store::Windows(from)) => to.adopt(from, &moved),
                (Store::Sessions(to), Store::Sessions(from)) => to.adopt(from, &moved),
                _ => return Err(Damage("rows of another form of join").into()),
            }
        }
        if let Store::Interval(store) = &mut new.store {
            store.settle(&new.rows);
        }
        Ok(new)
    }
}
