//! Rows of an older version of the module become this version's, by the module's own `migrate`.
//!
//! ```text
//!  a call's keys that wait ─┐                                                           ┌─► new tables
//!                           ├─► older rows, in parts ─► migrate (wasm) ─► checked ──────┤
//!  some more, each epoch ───┘                                                           └─► the keys wait no longer
//!  a copy of some rows ─────► the same, before the module takes over ─► an error, with the key
//! ```
//!
//! How many keys an epoch migrates besides those that it touches follows from their number alone, so that an epoch that is computed again
//! leaves the same state. Invariant: a key is migrated as a whole, before the module sees it.

use arrow::{
    array::{ArrayRef, BooleanArray, RecordBatch},
    compute::filter,
    util::display::array_value_to_string,
};
use pelton_core::contract::StateTable;
use pelton_wasm::{CallError, KeyedInstance, MigratedRows, OlderRows};

use super::{
    KeyedPlan,
    partition::{Older, Partition, Table},
};
use crate::state::{keys::KeyCodec, ordered::RowChange};

/// Keys of a partition on whose rows a migration is tried.
const SAMPLED_KEYS: usize = 1_000;
/// Rows of each table with subkeys that are tried.
const SAMPLED_ROWS: usize = 10_000;
/// What an error shows of a key's column.
const SHOWN_CHARS_MAX: usize = 100;

/// A copy of some rows of one state table, with the keys of all of them.
#[derive(Debug)]
pub struct Sample {
    table: StateTable,
    keys: Vec<ArrayRef>,
    rows: RecordBatch,
}

impl Sample {
    /// As the version declared it that kept the rows.
    pub fn table(&self) -> &StateTable {
        &self.table
    }

    /// The key columns, row for row.
    pub fn keys(&self) -> &[ArrayRef] {
        &self.keys
    }

    /// Subkey, then values.
    pub fn rows(&self) -> &RecordBatch {
        &self.rows
    }
}

/// Makes a call of `migrate`. An instance that failed may be gone afterwards.
type Ask<'a> = dyn FnMut(&OlderRows<'_>, &StateTable) -> Result<MigratedRows, CallError> + 'a;

/// Rows of one table, on their way to another version.
struct Part<'a> {
    plan: &'a KeyedPlan,
    version: u32,
    older: &'a StateTable,
    table: &'a StateTable,
}

impl Partition {
    /// Migrates all that older tables hold of these keys.
    pub(super) fn migrate(
        &mut self,
        plan: &KeyedPlan,
        codec: &KeyCodec,
        slots: &[u32],
        ask: &mut Ask<'_>,
    ) -> Result<(), CallError> {
        let Some(mut older) = self.older.take() else { return Ok(()) };
        let slots = older.waiting(slots);
        let migrated = self.migrate_from(&older, plan, codec, &slots, ask);
        older.done(&slots);
        self.older = Some(older).filter(|older| !older.is_empty());
        migrated
    }

    fn migrate_from(
        &mut self,
        older: &Older,
        plan: &KeyedPlan,
        codec: &KeyCodec,
        slots: &[u32],
        ask: &mut Ask<'_>,
    ) -> Result<(), CallError> {
        for (at, table) in plan.signature.state.iter().enumerate() {
            let Some(known) = older.declared.iter().position(|known| known.name == table.name) else { continue };
            let Some((found, declared)) = older.rows(known, slots).zip(older.declared.get(known)) else { continue };
            let part = Part { plan, version: older.version, older: declared, table };
            for start in (0..found.slots.len()).step_by(plan.rows_max) {
                let rows = found.rows.slice(start, plan.rows_max.min(found.slots.len() - start));
                let slots = found.slots.get(start..start + rows.num_rows()).unwrap_or_default();
                let keys = codec.decode(self.keys.keys(), slots);
                let migrated = part.migrate(&keys, &rows, ask)?;
                self.put(at, slots, migrated);
            }
        }
        Ok(())
    }

    /// The next keys that wait, besides those that have work: with the rows of one call, about. The last epoch asks until there are none.
    pub(super) fn next_to_migrate(&mut self, plan: &KeyedPlan) -> Vec<u32> {
        self.older.as_mut().map(|older| older.next(plan.rows_max)).unwrap_or_default()
    }

    fn put(&mut self, table: usize, slots: &[u32], rows: MigratedRows) {
        let MigratedRows { columns, is_kept } = rows;
        match self.tables.all.get_mut(table) {
            // A row of nulls is no row.
            Some(Table::Value(values)) => values.apply(&vec![false; slots.len()], slots, &columns),
            Some(Table::Ordered(at)) => {
                let at = *at;
                let kept = slots.iter().zip(&is_kept).filter(|(_, is_kept)| **is_kept).map(|(slot, _)| *slot);
                let kept: Vec<u32> = kept.collect();
                let is_kept = BooleanArray::from(is_kept);
                let column = |column: &ArrayRef| filter(column, &is_kept).expect("one answer for each row");
                let columns: Vec<ArrayRef> = columns.iter().map(column).collect();
                if let Some(rows) = self.tables.ordered_mut().get_mut(at) {
                    rows.apply(&vec![RowChange::Put; kept.len()], &kept, &columns);
                }
            }
            None => {}
        }
    }

    /// Copies of some keys' rows, of every table.
    pub fn sample(&self, plan: &KeyedPlan) -> Vec<Sample> {
        let codec = KeyCodec::new(&plan.shuffle.key_fields).expect("the plan checked the key");
        let slots = self.keys.some(SAMPLED_KEYS);
        let tables = plan.signature.state.iter().enumerate();
        let tables = tables.filter_map(|(at, table)| {
            let found = self.tables.rows(at, table, &slots, SAMPLED_ROWS)?;
            Some(Sample { table: table.clone(), keys: codec.decode(self.keys.keys(), &found.slots), rows: found.rows })
        });
        tables.collect()
    }
}

/// Has the module of `new` migrate copies of rows of `old`, and answers how many rows there were.
pub fn try_out(old: &KeyedPlan, new: &KeyedPlan, samples: &[Sample]) -> Result<usize, CallError> {
    let mut instance: Option<KeyedInstance> = None;
    let mut ask = |older: &OlderRows<'_>, table: &StateTable| {
        let live = match instance.take() {
            Some(live) => instance.insert(live),
            None => {
                let mut live = KeyedInstance::new(&new.module, &new.limits)?;
                live.open_as(&new.input, &new.offered, &new.options, &new.signature)?;
                instance.insert(live)
            }
        };
        let migrated = live.migrate(older, &new.options, table);
        if migrated.is_err() {
            instance = None;
        }
        migrated
    };
    let mut tried = 0;
    for sample in samples {
        let Some(table) = new.signature.state.iter().find(|table| table.name == sample.table.name) else { continue };
        let part = Part { plan: new, version: old.signature.state_version, older: &sample.table, table };
        for start in (0..sample.rows.num_rows()).step_by(new.rows_max) {
            let rows = sample.rows.slice(start, new.rows_max.min(sample.rows.num_rows() - start));
            let keys: Vec<ArrayRef> = sample.keys.iter().map(|key| key.slice(start, rows.num_rows())).collect();
            part.migrate(&keys, &rows, &mut ask)?;
            tried += rows.num_rows();
        }
    }
    Ok(tried)
}

/// Why the version after `to` cannot come yet.
pub fn still_older(left: usize, to: u32) -> String {
    format!("its state is still being migrated to version {to}: {left} keys are left")
}

impl Part<'_> {
    fn migrate(&self, keys: &[ArrayRef], rows: &RecordBatch, ask: &mut Ask<'_>) -> Result<MigratedRows, CallError> {
        match self.ask(keys, rows, ask) {
            Err(error) => Err(self.blamed(keys, rows, error, ask)),
            migrated => migrated,
        }
    }

    fn ask(&self, keys: &[ArrayRef], rows: &RecordBatch, ask: &mut Ask<'_>) -> Result<MigratedRows, CallError> {
        let (table, version) = (self.older, self.version);
        ask(&OlderRows { table, version, rows: rows.num_rows(), keys, columns: rows.columns() }, self.table)
    }

    /// The error of the first row that fails by itself, with its key: halves are tried until it stands alone.
    fn blamed(&self, keys: &[ArrayRef], rows: &RecordBatch, error: CallError, ask: &mut Ask<'_>) -> CallError {
        let (mut first, mut count, mut error) = (0, rows.num_rows(), error);
        while count > 1 {
            let half = count / 2;
            let keys: Vec<ArrayRef> = keys.iter().map(|key| key.slice(first, half)).collect();
            match self.ask(&keys, &rows.slice(first, half), ask) {
                Err(earlier) => (count, error) = (half, earlier),
                Ok(_) => (first, count) = (first + half, count - half),
            }
        }
        let key = keys.iter().zip(&self.plan.shuffle.key_fields);
        let key: Vec<String> = key.map(|(column, field)| shown(field.name(), column, first)).collect();
        let key = if key.is_empty() { "()".to_owned() } else { key.join(", ") };
        CallError::Migrate { table: self.table.name.clone(), version: self.version, key, error: Box::new(error) }
    }
}

/// `user="ada"`; no more of it than fits a line.
fn shown(name: &str, column: &ArrayRef, row: usize) -> String {
    let value = array_value_to_string(column, row).unwrap_or_else(|_| "?".into());
    let cut: String = value.chars().take(SHOWN_CHARS_MAX).collect();
    let rest = if cut.len() < value.len() { "…" } else { "" };
    format!("{name}={cut:?}{rest}")
}
