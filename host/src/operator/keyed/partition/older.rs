//! What an older version of the module has left: its tables, beside the new ones, until each key's rows have been migrated.
//!
//! ```text
//! slot      0  1  2  3  4  5
//! waits     .  x  x  .  x  .      x: the rows are in the older tables, else in the new ones, never in both
//! ```
//!
//! Kept by a partition that has become another version's, and saved with it. Invariant: a key that waits has a number, and what
//! the older tables hold belongs to keys that wait.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use pelton_core::contract::{StateForm, StateTable};

use super::{Table, Tables};
use crate::state::ordered::Wanted;

#[derive(Debug)]
pub(in crate::operator::keyed) struct Older {
    pub(in crate::operator::keyed) version: u32,
    /// The tables as that version declared them.
    pub(in crate::operator::keyed) declared: Arc<[StateTable]>,
    pub(super) tables: Tables,
    /// By slot.
    pub(super) waits: Vec<bool>,
    /// Keys that wait.
    pub(super) left: usize,
    /// How many there were at first.
    all: usize,
    /// No slot below it waits.
    next: usize,
}

/// Rows of one table, of some keys.
pub(in crate::operator::keyed) struct Found {
    /// The slot of each row's key.
    pub(in crate::operator::keyed) slots: Vec<u32>,
    /// The columns of the table's `row`.
    pub(in crate::operator::keyed) rows: RecordBatch,
}

impl Older {
    /// `waits` has the keys to migrate, by slot.
    pub(super) fn new(version: u32, declared: Arc<[StateTable]>, tables: Tables, waits: Vec<bool>) -> Self {
        let left = waits.iter().filter(|waits| **waits).count();
        Self { version, declared, tables, waits, left, all: left, next: 0 }
    }

    pub(in crate::operator::keyed) fn is_empty(&self) -> bool {
        self.left == 0
    }

    pub(super) fn waits(&self, slot: u32) -> bool {
        self.waits.get(slot as usize).copied().unwrap_or_default()
    }

    /// Those of these keys that wait, each once.
    pub(in crate::operator::keyed) fn waiting(&self, slots: &[u32]) -> Vec<u32> {
        slots.iter().copied().filter(|slot| self.waits(*slot)).collect()
    }

    /// The next keys that wait, with about so many rows together; one at least, if there is any.
    pub(in crate::operator::keyed) fn next(&mut self, rows_max: usize) -> Vec<u32> {
        let mut found = Vec::new();
        let mut rows = 0;
        while rows < rows_max
            && let Some(waits) = self.waits.get(self.next)
        {
            if *waits {
                let slot = self.next as u32;
                rows += 1 + self.tables.ordered.iter().map(|ordered| ordered.rows_at(slot)).sum::<usize>();
                found.push(slot);
            }
            self.next += 1;
        }
        found
    }

    /// What a table holds of these keys, key by key.
    pub(in crate::operator::keyed) fn rows(&self, table: usize, slots: &[u32]) -> Option<Found> {
        self.tables.rows(table, self.declared.get(table)?, slots, usize::MAX)
    }

    /// These keys wait no longer, and what the older tables hold of them is gone.
    pub(in crate::operator::keyed) fn done(&mut self, slots: &[u32]) {
        for slot in slots {
            if let Some(waits) = self.waits.get_mut(*slot as usize).filter(|waits| **waits) {
                *waits = false;
                self.left -= 1;
                self.tables.release(*slot);
            }
        }
    }

    /// Bytes of the rows that wait, about. Cheap.
    pub(super) fn held_bytes(&self) -> usize {
        // Columns of fixed width keep their places to the end, but are as good as given back.
        let share = self.left as u128;
        (self.tables.held_bytes() as u128 * share / (self.all.max(1) as u128)) as usize + self.waits.len()
    }
}

impl Tables {
    /// What a table holds of these keys, key by key, and of each table with subkeys so many rows at most. None: there is no such table.
    pub(in crate::operator::keyed) fn rows(
        &self,
        table: usize,
        declared: &StateTable,
        slots: &[u32],
        rows_max: usize,
    ) -> Option<Found> {
        let (slots, columns) = match (self.all.get(table)?, declared.form) {
            (Table::Value(rows), StateForm::Value) => {
                let there: Vec<u32> = slots.iter().copied().filter(|slot| !rows.is_empty_at(*slot)).collect();
                let columns = rows.gather(&there);
                (there, columns)
            }
            (Table::Ordered(at), StateForm::Map | StateForm::List) => {
                let wanted = Wanted { from: None, to: None, rows_max, is_descending: false };
                let found = self.ordered.get(*at)?.range(slots, &wanted);
                let slots = found.keys.iter().filter_map(|key| slots.get(*key as usize)).copied().collect();
                (slots, found.columns)
            }
            _ => return None,
        };
        Some(Found { rows: batch(declared, columns, slots.len()), slots })
    }

    /// Drops what is held of a key.
    pub(super) fn release(&mut self, slot: u32) {
        for table in &mut self.all {
            if let Table::Value(rows) = table {
                rows.release(slot);
            }
        }
        for rows in self.ordered_mut() {
            rows.release(slot);
        }
    }
}

/// A table may have no column at all.
fn batch(declared: &StateTable, columns: Vec<ArrayRef>, rows: usize) -> RecordBatch {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(&declared.row), columns, &options)
        .expect("tables keep the columns that were declared")
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray, Int64Array};
    use pelton_core::{contract::ContractState, types::FlatField};

    use super::*;
    use crate::state::ordered::RowChange;

    fn flat(name: &str, nullable: bool) -> FlatField {
        FlatField { name: name.into(), format: "l".into(), nullable, children: 0 }
    }

    fn numbers(values: &[i64]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    /// A value of each key, and a list: slot 0 has no element, slot 1 one, slot 3 three. Slot 2 is free.
    fn older() -> Older {
        let value = ContractState { name: "value".into(), subkey: vec![], values: vec![flat("v", true)] };
        let list =
            ContractState { name: "list".into(), subkey: vec![flat("at", false)], values: vec![flat("e", false)] };
        let declared: Arc<[StateTable]> = [value, list].iter().map(|table| table.keyed_table().unwrap()).collect();
        let mut tables = Tables::new(&declared);
        if let Some(Table::Value(rows)) = tables.all.first_mut() {
            rows.apply(&[false; 3], &[0, 1, 3], &[numbers(&[10, 11, 13])]);
        }
        let lists = tables.ordered_mut().first_mut().unwrap();
        lists.apply(&[RowChange::Append; 4], &[1, 3, 3, 3], &[numbers(&[0; 4]), numbers(&[1, 2, 3, 4])]);
        Older::new(1, declared, tables, vec![true, true, false, true])
    }

    #[test]
    fn keys_come_in_order_and_few_at_a_time() {
        let mut older = older();
        assert_eq!(older.next(3), [0, 1], "one row, and two");
        older.done(&[0, 1]);
        assert_eq!(older.next(3), [3], "one is too many already, but it must come");
        assert!(!older.is_empty());
        older.done(&[3, 3]);
        assert!(older.is_empty() && older.next(3).is_empty());
        assert!(older.tables.is_empty_at(0) && older.tables.is_empty_at(3), "what is migrated is held no longer");
    }

    #[test]
    fn rows_come_with_their_keys() {
        let mut older = older();
        assert_eq!(older.waiting(&[3, 2, 9, 0]), [3, 0]);
        let values = older.rows(0, &[3, 0]).unwrap();
        assert_eq!((values.slots, values.rows.columns().to_vec()), (vec![3, 0], vec![numbers(&[13, 10])]));
        let list = older.rows(1, &[3, 1]).unwrap();
        assert_eq!(list.slots, [3, 3, 3, 1]);
        assert_eq!(list.rows.column(1).as_primitive::<arrow::datatypes::Int64Type>().values(), &[2, 3, 4, 1]);
        older.done(&[3]);
        assert_eq!(older.rows(0, &[3]).unwrap().rows.column(0).len(), 0);
    }
}
