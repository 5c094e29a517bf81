//! Where rows of lists and maps are read from: the import `state`, or in tests what the test's run has stored.

use super::{super::state::State, subkey::Subkey};
use crate::{
    bindings::{Node, Table},
    kept::StateColumn,
    loaded::{Conversion, Layout, Loaded},
};

/// Whose rows: the table's place in the contract, and the key's among those of the call.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub table: u32,
    pub key: u32,
}

/// The rows that are wanted of a place.
#[derive(Debug, Clone)]
pub struct Part<'a, K> {
    /// Included; none: from the first.
    pub from: Option<&'a K>,
    /// Excluded; none: to the last.
    pub to: Option<&'a K>,
    pub rows_max: u32,
    pub is_descending: bool,
}

/// Rows, and how many bytes they came in.
#[derive(Debug)]
pub struct Found<K, V> {
    pub rows: Vec<(K, V)>,
    pub bytes: usize,
}

/// Reads rows as they were when the call began.
pub fn read<K: Subkey, V: State>(place: Place, part: &Part<'_, K>) -> Found<K, V> {
    let bound = |key: Option<&K>| key.map(|key| Table { rows: 1, nodes: key.bound() });
    let (from, to) = (bound(part.from), bound(part.to));
    let key = place.key.to_le_bytes();
    let table = get(place.table, &key, from.as_ref(), to.as_ref(), part.rows_max, part.is_descending);
    let bytes = table.nodes.iter().flat_map(|node| &node.buffers).map(Vec::len).sum();
    match rows(table) {
        Ok(rows) => Found { rows, bytes },
        // The host checks what it sends; an instance that understands something else is of no more use.
        Err(why) => panic!("state table {} cannot be read: {why}", place.table),
    }
}

fn rows<K: Subkey, V: State>(table: Table) -> Result<Vec<(K, V)>, String> {
    let count = table.rows as usize;
    // The first says which key each row is of: the only one that was asked for.
    let mut nodes = table.nodes.into_iter().skip(1);
    let subkeys = load(&K::columns(), &mut nodes, count)?;
    let values = load(&V::columns(), &mut nodes, count)?;
    let (keys, columns) = (K::view(&subkeys)?, V::view(&values)?);
    (0..count)
        .map(|row| {
            let value = V::read(columns, row).and_then(|value| value.ok_or("all of it"));
            Ok((K::read(keys, row), value.map_err(|field| format!("{field} is null, and is no Option"))?))
        })
        .collect()
}

fn load(columns: &[StateColumn], nodes: &mut impl Iterator<Item = Node>, rows: usize) -> Result<Vec<Loaded>, String> {
    let loaded = columns.iter().map(|column| {
        let node = nodes.next().ok_or_else(|| format!("column `{}` did not come", column.name))?;
        let layout = Layout::of(&column.format).ok_or_else(|| format!("`{}` cannot be kept", column.name))?;
        Loaded::whole(&column.name, node, rows, Conversion::Same(layout))
    });
    loaded.collect()
}

#[cfg(target_arch = "wasm32")]
use crate::bindings::keyed::pelton::operator::state::get;

#[cfg(not(target_arch = "wasm32"))]
use self::stored::get;
#[cfg(not(target_arch = "wasm32"))]
pub use self::stored::{Stored, serve};

#[cfg(not(target_arch = "wasm32"))]
mod stored {
    //! Outside of a module: a run of a test serves its rows to the call that it makes on this thread.

    use std::{cell::RefCell, rc::Rc};

    use crate::bindings::Table;

    /// Serves rows as the import `state` does.
    pub trait Stored {
        fn get(
            &self,
            table: u32,
            key: u32,
            from: Option<&Table>,
            to: Option<&Table>,
            limit: u32,
            is_descending: bool,
        ) -> Table;
    }

    thread_local! {
        static STORED: RefCell<Option<Rc<dyn Stored>>> = const { RefCell::new(None) };
    }

    /// Calls `function`, for which this is the state.
    pub fn serve<T>(stored: Rc<dyn Stored>, function: impl FnOnce() -> T) -> T {
        STORED.set(Some(stored));
        let answer = function();
        STORED.set(None);
        answer
    }

    pub fn get(
        table: u32,
        keys: &[u8],
        from: Option<&Table>,
        to: Option<&Table>,
        limit: u32,
        is_descending: bool,
    ) -> Table {
        let key = keys.first_chunk().map_or(0, |key| u32::from_le_bytes(*key));
        let stored = STORED.with_borrow(Clone::clone);
        let stored = stored.expect("lists and maps are read in calls that the engine or `start()` of a test makes");
        stored.get(table, key, from, to, limit, is_descending)
    }
}
