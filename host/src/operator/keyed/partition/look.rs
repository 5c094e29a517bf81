//! The state of a partition as tables, for people: the module's own tables, the timers, and the keys with their ends.
//!
//! Called by whoever looks at saved state, never by a run. Every table begins with the key columns.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array},
    datatypes::{DataType, Field, FieldRef},
};
use pelton_core::window::Clock;

use super::{Partition, Table};
use crate::{
    operator::{keyed::KeyedPlan, record_batch},
    state::{
        keys::KeyCodec,
        looked::{Looked, time_field},
        ordered::Wanted,
    },
};

/// The host's own tables: no module's table begins so by custom.
const TIMERS: &str = "_timers";
const KEYS: &str = "_keys";

impl KeyedPlan {
    /// Its tables as people see them: the module's, in the contract's order, then the timers, then the keys.
    pub fn looked(&self) -> Vec<Looked> {
        let key = &self.shuffle.key_fields;
        let own = self.signature.state.iter().map(|table| {
            let fields = table.subkey.fields().iter().chain(table.values.fields());
            Looked::new(&table.name, key, fields.cloned())
        });
        let timer: [FieldRef; 3] = [
            Arc::new(Field::new("timer", DataType::UInt32, false)),
            Arc::new(Field::new("clock", DataType::Utf8, false)),
            time_field("at", false),
        ];
        let timers = Looked::new(TIMERS, key, timer);
        let keys = Looked::new(KEYS, key, [time_field("ends", true)]);
        own.chain([timers, keys]).collect()
    }
}

impl Partition {
    /// The slots of all keys.
    pub fn slots(&self) -> Vec<u32> {
        self.keys.taken()
    }

    /// The key columns of these slots.
    pub fn key_columns(&self, plan: &KeyedPlan, slots: &[u32]) -> Vec<ArrayRef> {
        let codec = KeyCodec::new(&plan.shuffle.key_fields).expect("the plan checked the key");
        codec.decode(self.keys.keys(), slots)
    }

    /// The rows that these keys have in a table: number `table` of [`KeyedPlan::looked`], which `looked` is.
    pub fn look(&self, plan: &KeyedPlan, table: usize, looked: &Looked, slots: &[u32]) -> RecordBatch {
        let (owners, mut rest) = match self.tables.all.get(table) {
            Some(Table::Value(rows)) => {
                let there: Vec<u32> = slots.iter().copied().filter(|slot| !rows.is_empty_at(*slot)).collect();
                let columns = rows.gather(&there);
                (there, columns)
            }
            Some(Table::Ordered(at)) => {
                let all = Wanted { from: None, to: None, rows_max: usize::MAX, is_descending: false };
                let found = self.tables.ordered.get(*at).map(|rows| rows.range(slots, &all)).unwrap_or_default();
                (found.keys.iter().filter_map(|at| slots.get(*at as usize)).copied().collect(), found.columns)
            }
            None if looked.name == TIMERS => self.look_at_timers(slots),
            None => {
                let ends = slots.iter().map(|slot| self.expiry.deadline(*slot));
                let ends: ArrayRef = Arc::new(ends.collect::<TimestampMicrosecondArray>());
                (slots.to_vec(), vec![ends])
            }
        };
        let mut columns = self.key_columns(plan, &owners);
        columns.append(&mut rest);
        record_batch(&looked.schema, columns, owners.len())
    }

    fn look_at_timers(&self, slots: &[u32]) -> (Vec<u32>, Vec<ArrayRef>) {
        let all: Vec<_> =
            slots.iter().flat_map(|slot| self.timers.of(*slot).map(move |timer| (*slot, timer))).collect();
        let name = |clock| match clock {
            Clock::Event => "event",
            Clock::Processing => "processing",
        };
        let ids: ArrayRef = Arc::new(UInt32Array::from_iter_values(all.iter().map(|(_, (id, ..))| *id)));
        let clocks: ArrayRef =
            Arc::new(StringArray::from_iter_values(all.iter().map(|(_, (_, clock, _))| name(*clock))));
        let times: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from_iter_values(all.iter().map(|(_, (.., at))| *at)));
        (all.iter().map(|(slot, _)| *slot).collect(), vec![ids, clocks, times])
    }
}
