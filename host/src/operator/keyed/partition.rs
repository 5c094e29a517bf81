//! The state of one partition of a keyed operator: its keys, their rows in each table, their timers and their ends.

mod evolve;
mod gather;
mod look;
mod older;
mod snapshot;

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, UInt32Array},
    compute::take,
};
use pelton_core::{
    contract::{StateForm, StateTable},
    limits::LimitName,
};
use pelton_wasm::{CallError, GuestBacktrace, StateRange, StateReader, StateRows};

pub(super) use self::older::Older;
use super::{Initial, KeyedPlan, work::Places};
use crate::{
    operator::{partitions::partitioned, tables::SideTables},
    state::{
        budget::{Budget, Share},
        expiry::Expiry,
        keys::{self, KeyCodec},
        numbered::NumberedKeys,
        ordered::{OrderedRows, Wanted},
        timers::Timers,
        values::ValueRows,
    },
};

#[derive(Debug)]
pub struct Partition {
    pub(super) number: u16,
    pub(super) keys: NumberedKeys,
    pub(super) tables: Tables,
    /// Rows of an older version of the module that are not migrated yet.
    pub(super) older: Option<Box<Older>>,
    pub(super) timers: Timers,
    pub(super) expiry: Expiry,
    /// How far event time had come, before the input ended: ends of keys go by it.
    pub(super) event_time: i64,
    pub(super) places: Places,
    share: Share,
}

/// The state tables, in the contract's order.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) all: Vec<Table>,
    /// Shared with the reader of a call for as long as it lasts.
    pub(super) ordered: Arc<Vec<OrderedRows>>,
}

#[derive(Debug)]
pub(super) enum Table {
    Value(ValueRows),
    /// Index among the ordered ones.
    Ordered(usize),
}

impl Partition {
    /// `tables` are those of the job, as they are at the start.
    pub fn new(plan: &KeyedPlan, number: u16, budget: &Arc<Budget>, tables: &SideTables) -> Self {
        let mut partition = Self::empty(plan, number, budget);
        for initial in &plan.initial {
            if let Some(table) = tables.0.get(initial.table) {
                partition.begin_with(plan, initial, &table.rows);
            }
        }
        partition
    }

    fn empty(plan: &KeyedPlan, number: u16, budget: &Arc<Budget>) -> Self {
        let codec = KeyCodec::new(&plan.shuffle.key_fields).expect("the plan checked the key");
        Self {
            number,
            keys: NumberedKeys::new(codec.slots()),
            tables: Tables::new(&plan.signature.state),
            older: None,
            timers: Timers::default(),
            expiry: Expiry::default(),
            event_time: i64::MIN,
            places: Places::default(),
            share: Share::new(budget),
        }
    }

    /// Puts this partition's rows of a table into a state table; of several rows with one key the last one stays.
    fn begin_with(&mut self, plan: &KeyedPlan, initial: &Initial, rows: &RecordBatch) {
        let columns = |at: &[usize]| -> Vec<ArrayRef> { at.iter().map(|at| Arc::clone(rows.column(*at))).collect() };
        let (key, values) = (columns(&initial.key_at), columns(&initial.values_at));
        let codec = KeyCodec::new(&plan.shuffle.key_fields).expect("the plan checked the key");
        let hashes = keys::hashes(&key, rows.num_rows());
        let by_partition = partitioned(hashes.iter().copied(), plan.shuffle.partitions);
        let Some(own) = by_partition.into_iter().nth(usize::from(self.number)) else { return };
        let mut slots = Vec::with_capacity(own.len());
        self.keys.assign(&codec.encode(&key, rows.num_rows()), &hashes, &own, &mut slots);
        let own = UInt32Array::from(own);
        let values: Vec<ArrayRef> =
            values.iter().map(|column| take(column.as_ref(), &own, None).expect("these rows are there")).collect();
        if let Some(Table::Value(table)) = self.tables.all.get_mut(initial.state) {
            table.apply(&vec![false; slots.len()], &slots, &values);
        }
        self.release_idle(slots.into_iter());
    }

    /// The earliest processing time at which something is due, if the plan's keys end by that clock or have timers on it.
    pub fn wakes(&self, ends_by_processing_time: bool) -> Option<i64> {
        let end = self.expiry.next().filter(|_| ends_by_processing_time);
        self.timers.next_processing().into_iter().chain(end).min()
    }

    /// Keys that have state.
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Keys whose rows are still those of an older version.
    pub fn keys_left(&self) -> usize {
        self.older.as_ref().map_or(0, |older| older.left)
    }

    /// Bytes held, about. Cheap.
    pub fn held_bytes(&self) -> usize {
        let older = self.older.as_ref().map_or(0, |older| older.held_bytes());
        self.keys.held_bytes() + self.tables.held_bytes() + older + self.timers.held_bytes() + self.expiry.held_bytes()
    }

    /// Drops all that a key has; the key itself stays until [`Self::release_idle`].
    pub(super) fn drop_state(&mut self, slot: u32) {
        self.tables.release(slot);
        if let Some(older) = &mut self.older {
            older.done(&[slot]);
        }
        self.timers.clear_all(slot);
        self.expiry.release(slot);
    }

    /// Forgets those of these keys that have neither state nor timers.
    pub(super) fn release_idle(&mut self, slots: impl Iterator<Item = u32>) {
        for slot in slots {
            let waits = self.older.as_ref().is_some_and(|older| older.waits(slot));
            if !waits && !self.timers.has(slot) && self.tables.is_empty_at(slot) {
                self.expiry.release(slot);
                self.keys.forget(slot);
            }
        }
    }

    /// Tells the budget what is held now.
    pub(super) fn account(&mut self, call: &'static str) -> Result<(), CallError> {
        let held = self.held_bytes() as u64;
        self.share.hold(held).map_err(|max| {
            let limit = pelton_core::limits::show_bytes(max);
            CallError::Limit { call, name: LimitName::StateBytes, limit, backtrace: GuestBacktrace::default() }
        })
    }
}

impl Tables {
    fn new(declared: &[StateTable]) -> Self {
        let mut ordered = Vec::new();
        let all = declared.iter().map(|table| match table.form {
            StateForm::Value => Table::Value(ValueRows::new(&table.values)),
            form @ (StateForm::Map | StateForm::List) => {
                ordered.push(OrderedRows::new(form == StateForm::List, &table.subkey, &table.values));
                Table::Ordered(ordered.len() - 1)
            }
        });
        Self { all: all.collect(), ordered: Arc::new(ordered) }
    }

    pub(super) fn ordered_mut(&mut self) -> &mut Vec<OrderedRows> {
        Arc::get_mut(&mut self.ordered).expect("an instance lets go of its reader when the call ends")
    }

    pub(super) fn is_empty_at(&self, slot: u32) -> bool {
        let values = self.all.iter().all(|table| match table {
            Table::Value(rows) => rows.is_empty_at(slot),
            Table::Ordered(_) => true,
        });
        values && self.ordered.iter().all(|rows| rows.is_empty_at(slot))
    }

    fn held_bytes(&self) -> usize {
        let values = self.all.iter().map(|table| match table {
            Table::Value(rows) => rows.held_bytes(),
            Table::Ordered(_) => 0,
        });
        values.sum::<usize>() + self.ordered.iter().map(OrderedRows::held_bytes).sum::<usize>()
    }

    /// Serves ranges of the tables with a subkey to a call whose keys have these slots.
    pub(super) fn reader(&self, slots: &[u32]) -> Arc<dyn StateReader> {
        let ordered_at = self.all.iter().map(|table| match table {
            Table::Value(_) => None,
            Table::Ordered(at) => Some(*at),
        });
        Arc::new(CallReader {
            ordered_at: ordered_at.collect(),
            ordered: Arc::clone(&self.ordered),
            slots: slots.to_vec(),
        })
    }
}

/// State as of the start of a call: nothing changes while the call lasts.
struct CallReader {
    ordered_at: Vec<Option<usize>>,
    ordered: Arc<Vec<OrderedRows>>,
    /// Of the call's keys.
    slots: Vec<u32>,
}

impl StateReader for CallReader {
    fn get(&self, range: &StateRange<'_>) -> StateRows {
        let at = self.ordered_at.get(range.table).copied().flatten();
        let rows = at.and_then(|at| self.ordered.get(at)).expect("the boundary lets only tables with a subkey be read");
        let slots: Vec<u32> = range.keys.iter().filter_map(|key| self.slots.get(*key as usize)).copied().collect();
        let wanted =
            Wanted { from: range.from, to: range.to, rows_max: range.rows_max, is_descending: range.is_descending };
        let found = rows.range(&slots, &wanted);
        // Positions among the keys asked for, as keys of the call.
        let keys = found.keys.iter().filter_map(|at| range.keys.get(*at as usize)).copied().collect();
        StateRows { keys, columns: found.columns }
    }
}
