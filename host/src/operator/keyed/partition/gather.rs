//! A partition put together from those of another number of partitions: of each the keys that belong here, with all that is known of them.

use std::sync::Arc;

use super::{Older, Partition, Table, Tables};
use crate::{
    operator::{keyed::KeyedPlan, partitions::partition},
    state::{budget::Budget, picked::Picked},
};

impl Partition {
    /// `from`: all partitions as they were, of the same plan but for their number.
    pub fn gather(plan: &KeyedPlan, number: u16, budget: &Arc<Budget>, from: &[Self]) -> Self {
        let mut new = Self::empty(plan, number, budget);
        let is_own = |hash: u64| partition(hash, plan.shuffle.partitions) == number;
        let mut older: Option<Older> = None;
        for old in from {
            let picked = new.keys.adopt(&old.keys, &is_own);
            new.tables.adopt(&old.tables, &picked);
            new.timers.adopt(&old.timers, &picked);
            new.expiry.adopt(&old.expiry, &picked);
            new.event_time = new.event_time.max(old.event_time);
            if let Some(of) = &old.older {
                // All are of one version: no other one could follow before its keys were migrated.
                let begun = older.get_or_insert_with(|| {
                    Older::new(of.version, Arc::clone(&of.declared), Tables::new(&of.declared), Vec::new())
                });
                begun.tables.adopt(&of.tables, &picked);
                begun.waits.resize(picked.first(), false);
                begun.waits.extend(picked.old().iter().map(|slot| of.waits(*slot)));
            }
        }
        let older = older.map(|older| Older::new(older.version, older.declared, older.tables, older.waits));
        new.older = older.filter(|older| !older.is_empty()).map(Box::new);
        new
    }
}

impl Tables {
    /// Takes what another partition holds of its keys, of the same tables.
    fn adopt(&mut self, other: &Self, picked: &Picked) {
        for (table, from) in self.all.iter_mut().zip(&other.all) {
            if let (Table::Value(rows), Table::Value(from)) = (table, from) {
                rows.adopt(from, picked);
            }
        }
        for (rows, from) in self.ordered_mut().iter_mut().zip(other.ordered.iter()) {
            rows.adopt(from, picked);
        }
    }
}
