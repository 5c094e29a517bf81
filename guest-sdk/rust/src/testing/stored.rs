//! The lists and maps of a test's run: kept between its calls, read and changed as the host does.

use std::{cmp::Ordering, collections::BTreeMap, rc::Rc};

use super::{
    cell::{self, Cell},
    rows::Rows,
};
use crate::{
    bindings::{Field, Node, StateTable, Table, keyed::Change},
    keyed::{Stored, serve},
};

/// A list or map.
#[derive(Debug)]
pub struct StoredTable {
    declared: StateTable,
    /// By key, of those that the run numbers.
    keys: BTreeMap<u32, BTreeMap<Subkey, Vec<Cell>>>,
}

#[derive(Debug, Clone)]
struct Subkey(Vec<Cell>);

impl Ord for Subkey {
    fn cmp(&self, other: &Self) -> Ordering {
        let mut fields = self.0.iter().zip(&other.0).map(|(left, right)| left.compare(right));
        fields.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Subkey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Subkey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Subkey {}

impl StoredTable {
    pub fn new(declared: StateTable) -> Self {
        Self { declared, keys: BTreeMap::new() }
    }

    pub fn name(&self) -> &str {
        &self.declared.name
    }

    pub fn has(&self, key: u32) -> bool {
        self.keys.get(&key).is_some_and(|rows| !rows.is_empty())
    }

    pub fn drop_key(&mut self, key: u32) {
        self.keys.remove(&key);
    }

    /// All rows, and the key of each.
    pub fn rows(&self) -> (Vec<u32>, Rows) {
        let all =
            self.keys.iter().flat_map(|(key, rows)| rows.iter().map(move |(subkey, values)| (*key, subkey, values)));
        let all: Vec<_> = all.collect();
        let cells: Vec<Vec<Cell>> =
            all.iter().map(|(_, subkey, values)| [subkey.0.as_slice(), values].concat()).collect();
        let columns = self.fields().cloned().zip(self.nodes(&cells)).collect();
        (all.iter().map(|(key, ..)| *key).collect(), Rows::from_columns(cells.len(), columns))
    }

    /// Applies the changes of a call with these keys, in order.
    pub fn apply(&mut self, change: &Change, called: &[u32]) -> Result<(), String> {
        let columns = self.fields().zip(&change.rows.nodes).map(|(field, node)| cell::cells(field, node));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let (keys, _) = change.key.as_chunks::<4>();
        for (row, (key, kind)) in keys.iter().zip(&change.kind).enumerate() {
            let key = u32::from_le_bytes(*key);
            let key = *called.get(key as usize).ok_or_else(|| format!("there is no key {key}"))?;
            let rows = self.keys.entry(key).or_default();
            let mut cells: Vec<Cell> = columns.iter().filter_map(|column| column.get(row).cloned()).collect();
            let values = cells.split_off(self.declared.subkey.len().min(cells.len()));
            match kind {
                0 => {
                    rows.insert(Subkey(cells), values);
                }
                1 => {
                    rows.remove(&Subkey(cells));
                }
                2 => {
                    let last = rows.last_key_value().and_then(|(Subkey(cells), _)| cells.first());
                    let next = if let Some(Cell::Integer(last)) = last { last + 1 } else { 0 };
                    rows.insert(Subkey(vec![Cell::Integer(next)]), values);
                }
                other => return Err(format!("there is no kind of change {other}")),
            }
        }
        Ok(())
    }

    fn fields(&self) -> impl Iterator<Item = &Field> {
        self.declared.subkey.iter().chain(&self.declared.values)
    }

    /// Rows as columns.
    fn nodes(&self, rows: &[Vec<Cell>]) -> Vec<Node> {
        let column = |(at, field): (usize, &Field)| {
            let cells: Vec<Cell> = rows.iter().filter_map(|row| row.get(at).cloned()).collect();
            cell::node(field, &cells).unwrap_or_else(|why| panic!("{why}"))
        };
        self.fields().enumerate().map(column).collect()
    }

    fn bound(&self, bound: &Table) -> Subkey {
        let cells = self.declared.subkey.iter().zip(&bound.nodes).map(|(field, node)| cell::cells(field, node));
        Subkey(cells.flat_map(|cells| cells.unwrap_or_else(|why| panic!("{why}"))).collect())
    }
}

/// The tables for as long as a call lasts.
#[derive(Debug)]
pub struct Serving {
    /// Tables in the contract before these.
    pub own: usize,
    pub tables: Vec<StoredTable>,
    /// The keys of the call, as the run numbers them.
    pub called: Vec<u32>,
}

impl Serving {
    /// Calls `function`, whose reads are served.
    pub fn during<T>(self, function: impl FnOnce() -> T) -> (T, Self) {
        let this = Rc::new(self);
        let answer = serve(Rc::clone(&this) as Rc<dyn Stored>, function);
        (answer, Rc::into_inner(this).expect("reading has ended with the call"))
    }
}

impl Stored for Serving {
    fn get(
        &self,
        table: u32,
        key: u32,
        from: Option<&Table>,
        to: Option<&Table>,
        limit: u32,
        is_descending: bool,
    ) -> Table {
        let table = (table as usize).checked_sub(self.own).and_then(|table| self.tables.get(table));
        let table = table.unwrap_or_else(|| panic!("only lists and maps are read in parts"));
        let (from, to) = (from.map(|from| table.bound(from)), to.map(|to| table.bound(to)));
        let of_key = self.called.get(key as usize).and_then(|key| table.keys.get(key));
        let mut rows: Vec<Vec<Cell>> = of_key
            .into_iter()
            .flatten()
            .filter(|(subkey, _)| from.as_ref().is_none_or(|from| *subkey >= from))
            .filter(|(subkey, _)| to.as_ref().is_none_or(|to| *subkey < to))
            .map(|(subkey, values)| [subkey.0.as_slice(), values].concat())
            .collect();
        if is_descending {
            rows.reverse();
        }
        rows.truncate(limit as usize);
        let keys = Node { rows: rows.len() as u32, buffers: vec![Vec::new(), key.to_le_bytes().repeat(rows.len())] };
        let nodes = std::iter::once(keys).chain(table.nodes(&rows)).collect();
        Table { rows: rows.len() as u32, nodes }
    }
}
