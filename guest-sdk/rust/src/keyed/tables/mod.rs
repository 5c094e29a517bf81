//! Lists and maps of state: what a keyed function takes as `&mut List<T>` and `&mut Map<K, V>`.
//!
//! ```text
//! engine ◄── get: a part of the key's rows, as of the call's start ── Entries ─┐
//!                                                                              ├─► List, Map: what the function sees
//! this call's changes of the key ──────────────────────────────────────────────┘
//!   └─► when the function returns: Changes, one list for the call
//! ```
//!
//! Nothing comes with the call, so a key costs what its function reads of it. A change is seen by later reads of the same call.
//! Invariant: between two keys a table holds nothing of either but the changes.

mod changes;
mod entries;
mod list;
mod map;
mod source;
mod subkey;

use std::collections::HashSet;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::source::{Stored, serve};
pub use self::{
    list::List,
    map::Map,
    subkey::{Subkey, SubkeyField},
};
use crate::bindings::{StateTable, keyed::Change};

/// One table, as the macro declares it by an argument.
pub trait KeyedTable {
    /// What is declared; `name` is the argument's.
    fn declare(name: &str) -> StateTable;
    /// `index` is the table's place in the contract.
    fn new(index: u32) -> Self;
    /// What follows is about this key.
    fn enter(&mut self, key: u32);
    /// Notes what the function changed of the key.
    fn leave(&mut self);
    /// The changes of all keys; none if there are none.
    fn finish(self) -> Result<Option<Change>, String>;
}

/// All tables of a function: `()`, or the first and the others.
pub trait KeyedTables {
    fn declare(names: &[&str], tables: &mut Vec<StateTable>);
    /// `index` is the place of the first in the contract.
    fn new(index: u32) -> Self;
    fn enter(&mut self, key: u32);
    fn leave(&mut self);
    fn finish(self, changes: &mut Vec<Change>) -> Result<(), String>;
}

impl KeyedTables for () {
    fn declare(_names: &[&str], _tables: &mut Vec<StateTable>) {}

    fn new(_index: u32) {}

    fn enter(&mut self, _key: u32) {}

    fn leave(&mut self) {}

    fn finish(self, _changes: &mut Vec<Change>) -> Result<(), String> {
        Ok(())
    }
}

impl<T: KeyedTable, Rest: KeyedTables> KeyedTables for (T, Rest) {
    fn declare(names: &[&str], tables: &mut Vec<StateTable>) {
        if let Some((name, names)) = names.split_first() {
            tables.push(T::declare(name));
            Rest::declare(names, tables);
        }
    }

    fn new(index: u32) -> Self {
        (T::new(index), Rest::new(index + 1))
    }

    fn enter(&mut self, key: u32) {
        self.0.enter(key);
        self.1.enter(key);
    }

    fn leave(&mut self) {
        self.0.leave();
        self.1.leave();
    }

    fn finish(self, changes: &mut Vec<Change>) -> Result<(), String> {
        changes.extend(self.0.finish()?);
        self.1.finish(changes)
    }
}

/// The tables with these names, as the contract has them.
pub fn declare<T: KeyedTables>(names: &[&str]) -> Vec<StateTable> {
    let mut tables = Vec::new();
    T::declare(names, &mut tables);
    tables
}

/// Subkey and values are columns of one table, so their names differ.
pub fn check(tables: &[StateTable]) -> Result<(), String> {
    for table in tables {
        let mut names = HashSet::new();
        if let Some(twice) = table.subkey.iter().chain(&table.values).find(|field| !names.insert(&field.name)) {
            return Err(format!(
                "state table `{}` would have two columns `{}`, one of its subkey and one of its values: rename a field",
                table.name, twice.name
            ));
        }
    }
    Ok(())
}
