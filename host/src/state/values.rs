//! A table of state with at most one row for each key: typed columns by the key's slot.
//!
//! A row of nulls and no row are the same, as the contract has it.

mod snapshot;

use arrow::{
    array::{Array, ArrayRef},
    datatypes::SchemaRef,
};

use pelton_core::evolution::Evolution;

use super::rows::StateRows;

#[derive(Debug)]
pub struct ValueRows {
    rows: StateRows,
    /// By slot, whether some column is not null.
    is_there: Vec<bool>,
}

impl ValueRows {
    /// No rows; the types are those that [`holds`](super::rows::holds) takes.
    pub fn new(values: &SchemaRef) -> Self {
        Self { rows: StateRows::new(values), is_there: Vec::new() }
    }

    /// The rows of these slots, null where a key has none.
    pub fn gather(&self, slots: &[u32]) -> Vec<ArrayRef> {
        self.rows.gather(slots)
    }

    /// Applies changes in order: row i of `columns` becomes the row of `slots[i]`, or that row goes if `deletes[i]`.
    pub fn apply(&mut self, deletes: &[bool], slots: &[u32], columns: &[ArrayRef]) {
        self.grow(slots);
        let mut start = 0;
        for run in deletes.chunk_by(|left, right| left == right) {
            let rows = start..start + run.len();
            start = rows.end;
            let slots = slots.get(rows.clone()).unwrap_or_default();
            if run.first() == Some(&true) {
                self.clear(slots);
                continue;
            }
            let columns: Vec<ArrayRef> = columns.iter().map(|column| column.slice(rows.start, rows.len())).collect();
            self.rows.scatter(slots, &columns);
            let always = columns.iter().any(|column| column.null_count() == 0);
            for (row, slot) in slots.iter().enumerate() {
                if let Some(is_there) = self.is_there.get_mut(*slot as usize) {
                    *is_there = always || columns.iter().any(|column| column.is_valid(row));
                }
            }
        }
    }

    pub fn is_empty_at(&self, slot: u32) -> bool {
        !self.is_there.get(slot as usize).copied().unwrap_or_default()
    }

    /// Drops the row of a key.
    pub fn release(&mut self, slot: u32) {
        if !self.is_empty_at(slot) {
            self.clear(&[slot]);
        }
    }

    /// Bytes held, about. Cheap.
    pub fn held_bytes(&self) -> usize {
        self.rows.held_bytes() + self.is_there.len()
    }

    /// The same rows under `new` columns.
    pub fn evolve(&mut self, evolution: &Evolution, new: &SchemaRef) {
        self.rows.evolve(evolution, new);
        // Of a row that loses columns nothing may be left.
        self.is_there = self.rows.have_values();
    }

    fn clear(&mut self, slots: &[u32]) {
        self.rows.clear(slots);
        for slot in slots {
            if let Some(is_there) = self.is_there.get_mut(*slot as usize) {
                *is_there = false;
            }
        }
    }

    fn grow(&mut self, slots: &[u32]) {
        let slots = slots.iter().max().map_or(0, |slot| *slot as usize + 1);
        if self.is_there.len() < slots {
            self.is_there.resize(slots, false);
            self.rows.grow_to(slots);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{array::Int64Array, datatypes::Schema};
    use pelton_core::types::parse_column;

    use super::*;

    fn numbers(values: &[Option<i64>]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    #[test]
    fn changes_apply_in_order_and_nulls_are_no_row() {
        let fields: Vec<_> = ["a", "b"].iter().map(|name| parse_column(name, "s64?").unwrap()).collect();
        let mut table = ValueRows::new(&Schema::new(fields).into());
        let deletes = [false, false, true, false, false];
        let a = numbers(&[Some(1), Some(2), None, None, None]);
        let b = numbers(&[None, Some(3), None, Some(4), None]);
        table.apply(&deletes, &[6, 2, 2, 3, 1], &[a, b]);
        let there: Vec<bool> = (0..9).map(|slot| !table.is_empty_at(slot)).collect();
        assert_eq!(there, [false, false, false, true, false, false, true, false, false]);
        assert_eq!(table.gather(&[6, 2, 70]), [numbers(&[Some(1), None, None]), numbers(&[None, None, None])]);
        table.release(6);
        assert!(table.is_empty_at(6));
        assert_eq!(&table.gather(&[6])[0], &numbers(&[None]));
    }
}
