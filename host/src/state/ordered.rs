//! A table of state under subkeys: for each key any number of rows, in the order of their subkeys.
//!
//! ```text
//! slot of the key ─► tree: subkey ─► row ─► typed columns of values
//! ```
//!
//! Lists are ordered by a number that the host gives out, maps by arrow-row's format of their subkey columns, whose bytes compare
//! as the values do. A range costs what it returns, whatever else the key has.

mod snapshot;

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Included, Unbounded},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, AsArray, Int64Array},
    datatypes::{Int64Type, SchemaRef},
    row::{RowConverter, SortField},
};

use pelton_core::evolution::Evolution;

pub use self::snapshot::SavedOrdered;
use super::rows::StateRows;

#[derive(Debug)]
pub struct OrderedRows {
    trees: Trees,
    subkey_columns: usize,
    rows: StateRows,
    entries: usize,
    /// Of the subkeys of maps.
    subkey_bytes: usize,
}

/// One tree for each slot that ever had a row.
#[derive(Debug)]
enum Trees {
    List(Vec<BTreeMap<i64, u32>>),
    Map { converter: RowConverter, trees: Vec<BTreeMap<Box<[u8]>, u32>> },
}

/// A change to one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowChange {
    Put,
    Delete,
    /// Under the number after the last: for lists.
    Append,
}

/// A range of rows.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// One row of subkey columns, included; none: from the first.
    pub from: Option<&'a [ArrayRef]>,
    /// One row of subkey columns, excluded; none: to the last.
    pub to: Option<&'a [ArrayRef]>,
    pub rows_max: usize,
    /// Each key's rows from its last subkey to its first.
    pub is_descending: bool,
}

impl Wanted<'_> {
    fn bounds<K>(&self, bound: impl Fn(&[ArrayRef]) -> Option<K>) -> (Option<K>, Option<K>) {
        (self.from.and_then(&bound), self.to.and_then(&bound))
    }
}

/// Rows of a range.
#[derive(Debug, Default)]
pub struct Found {
    /// For each row, the position of its key among those asked for.
    pub keys: Vec<u32>,
    /// Subkey columns, then value columns.
    pub columns: Vec<ArrayRef>,
}

/// Bytes that a tree takes for each row, besides the subkey's own.
const ENTRY_BYTES: usize = 32;

impl OrderedRows {
    /// No rows. A subkey of one `s64` makes lists, any other maps; the types are those that the contract's check allows and
    /// [`holds`](super::rows::holds) takes.
    pub fn new(is_list: bool, subkey: &SchemaRef, values: &SchemaRef) -> Self {
        let trees = if is_list {
            Trees::List(Vec::new())
        } else {
            let sorts = subkey.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
            Trees::Map {
                converter: RowConverter::new(sorts).expect("scalar types have a row format"),
                trees: Vec::new(),
            }
        };
        Self { trees, subkey_columns: subkey.fields().len(), rows: StateRows::new(values), entries: 0, subkey_bytes: 0 }
    }

    /// Applies changes in order: change i is of kind `kinds[i]` to the key at `slots[i]`, and row i of `columns` (subkey, then
    /// values) says which row, and what becomes of it.
    pub fn apply(&mut self, kinds: &[RowChange], slots: &[u32], columns: &[ArrayRef]) {
        let (subkeys, values) = columns.split_at(self.subkey_columns.min(columns.len()));
        // What is deleted may be put again: runs keep the order, and a run of puts writes its values at once.
        let mut start = 0;
        for run in kinds.chunk_by(|left, right| (*left == RowChange::Delete) == (*right == RowChange::Delete)) {
            let rows = start..start + run.len();
            start = rows.end;
            let subkeys: Vec<ArrayRef> = subkeys.iter().map(|column| column.slice(rows.start, rows.len())).collect();
            let slots = slots.get(rows.clone()).unwrap_or_default();
            if run.first() == Some(&RowChange::Delete) {
                self.delete(slots, &subkeys);
            } else {
                let at = self.place(run, slots, &subkeys);
                let values: Vec<ArrayRef> = values.iter().map(|column| column.slice(rows.start, rows.len())).collect();
                self.rows.scatter(&at, &values);
            }
        }
    }

    /// The same rows with `new` columns of values.
    pub fn evolve(&mut self, evolution: &Evolution, new: &SchemaRef) {
        self.rows.evolve(evolution, new);
    }

    fn delete(&mut self, slots: &[u32], subkeys: &[ArrayRef]) {
        let mut gone = Vec::new();
        match &mut self.trees {
            Trees::List(trees) => {
                for (slot, number) in slots.iter().zip(numbers(subkeys)) {
                    gone.extend(trees.get_mut(*slot as usize).and_then(|tree| tree.remove(number)));
                }
            }
            Trees::Map { converter, trees } => {
                let encoded = converter.convert_columns(subkeys).expect("the boundary typed the subkeys");
                for (slot, subkey) in slots.iter().zip(&encoded) {
                    let Some(row) = trees.get_mut(*slot as usize).and_then(|tree| tree.remove(subkey.data())) else {
                        continue;
                    };
                    self.subkey_bytes -= subkey.data().len();
                    gone.push(row);
                }
            }
        }
        self.entries -= gone.len();
        self.rows.release(&gone);
    }

    /// The rows where these subkeys are, or now will be.
    fn place(&mut self, kinds: &[RowChange], slots: &[u32], subkeys: &[ArrayRef]) -> Vec<u32> {
        let Self { trees, rows, entries, subkey_bytes, .. } = self;
        trees.reach(slots);
        let mut at = Vec::with_capacity(slots.len());
        match trees {
            Trees::List(trees) => {
                for ((kind, slot), number) in kinds.iter().zip(slots).zip(numbers(subkeys)) {
                    let Some(tree) = trees.get_mut(*slot as usize) else { continue };
                    let number = match kind {
                        RowChange::Append => tree.last_key_value().map_or(0, |(last, _)| last.saturating_add(1)),
                        _ => *number,
                    };
                    at.push(*tree.entry(number).or_insert_with(|| {
                        *entries += 1;
                        rows.allocate()
                    }));
                }
            }
            Trees::Map { converter, trees } => {
                let encoded = converter.convert_columns(subkeys).expect("the boundary typed the subkeys");
                for (slot, subkey) in slots.iter().zip(&encoded) {
                    let Some(tree) = trees.get_mut(*slot as usize) else { continue };
                    at.push(*tree.entry(subkey.data().into()).or_insert_with(|| {
                        *entries += 1;
                        *subkey_bytes += subkey.data().len();
                        rows.allocate()
                    }));
                }
            }
        }
        at
    }

    /// The rows of these keys that are wanted, key by key.
    pub fn range(&self, slots: &[u32], wanted: &Wanted<'_>) -> Found {
        let mut keys = Vec::new();
        let mut at = Vec::new();
        let mut columns: Vec<ArrayRef> = match &self.trees {
            Trees::List(trees) => {
                let bound = |row: &[ArrayRef]| numbers(row).first().copied();
                let mut found = Vec::new();
                walk(trees, slots, wanted.bounds(bound), wanted, |key, number: &i64, row| {
                    keys.push(key);
                    found.push(*number);
                    at.push(row);
                });
                vec![Arc::new(Int64Array::from(found))]
            }
            Trees::Map { converter, trees } => {
                let bound = |row: &[ArrayRef]| -> Option<Box<[u8]>> {
                    let encoded = converter.convert_columns(row).expect("the boundary typed the bounds");
                    Some(encoded.row(0).data().into())
                };
                let mut found: Vec<&Box<[u8]>> = Vec::new();
                walk(trees, slots, wanted.bounds(bound), wanted, |key, subkey, row| {
                    keys.push(key);
                    found.push(subkey);
                    at.push(row);
                });
                let parser = converter.parser();
                let rows = found.into_iter().map(|subkey| parser.parse(subkey));
                converter.convert_rows(rows).expect("these bytes came from this converter")
            }
        };
        columns.extend(self.rows.gather(&at));
        Found { keys, columns }
    }

    /// Whether a key has no row.
    pub fn is_empty_at(&self, slot: u32) -> bool {
        match &self.trees {
            Trees::List(trees) => trees.get(slot as usize).is_none_or(BTreeMap::is_empty),
            Trees::Map { trees, .. } => trees.get(slot as usize).is_none_or(BTreeMap::is_empty),
        }
    }

    /// How many rows a key has.
    pub fn rows_at(&self, slot: u32) -> usize {
        match &self.trees {
            Trees::List(trees) => trees.get(slot as usize).map_or(0, BTreeMap::len),
            Trees::Map { trees, .. } => trees.get(slot as usize).map_or(0, BTreeMap::len),
        }
    }

    /// Drops all rows of a key.
    pub fn release(&mut self, slot: u32) {
        let gone: Vec<u32> = match &mut self.trees {
            Trees::List(trees) => {
                trees.get_mut(slot as usize).map(std::mem::take).unwrap_or_default().into_values().collect()
            }
            Trees::Map { trees, .. } => {
                let tree = trees.get_mut(slot as usize).map(std::mem::take).unwrap_or_default();
                self.subkey_bytes -= tree.keys().map(|subkey| subkey.len()).sum::<usize>();
                tree.into_values().collect()
            }
        };
        self.entries -= gone.len();
        self.rows.release(&gone);
    }

    /// Bytes held, about. Cheap.
    pub fn held_bytes(&self) -> usize {
        self.rows.held_bytes() + self.entries * ENTRY_BYTES + self.subkey_bytes + self.trees.slots() * 24
    }
}

impl Trees {
    fn slots(&self) -> usize {
        match self {
            Self::List(trees) => trees.len(),
            Self::Map { trees, .. } => trees.len(),
        }
    }

    /// Makes sure that each of these slots has a tree.
    fn reach(&mut self, slots: &[u32]) {
        let slots = slots.iter().max().map_or(0, |slot| *slot as usize + 1).max(self.slots());
        match self {
            Self::List(trees) => trees.resize_with(slots, BTreeMap::new),
            Self::Map { trees, .. } => trees.resize_with(slots, BTreeMap::new),
        }
    }
}

/// The numbers of list rows.
fn numbers(subkeys: &[ArrayRef]) -> &[i64] {
    subkeys.first().map_or(&[], |column| column.as_primitive::<Int64Type>().values())
}

/// Visits the rows of these keys that lie within the bounds, as they are wanted.
fn walk<'a, K: Ord>(
    trees: &'a [BTreeMap<K, u32>],
    slots: &[u32],
    (from, to): (Option<K>, Option<K>),
    wanted: &Wanted<'_>,
    mut visit: impl FnMut(u32, &'a K, u32),
) {
    if let (Some(from), Some(to)) = (&from, &to)
        && from >= to
    {
        return;
    }
    let bounds = (from.as_ref().map_or(Unbounded, Included), to.as_ref().map_or(Unbounded, Excluded));
    let of_keys = slots.iter().zip(0..).filter_map(|(slot, key)| Some((key, trees.get(*slot as usize)?)));
    let mut left = wanted.rows_max;
    for (key, tree) in of_keys {
        let mut rows = tree.range::<K, _>(bounds);
        while left > 0
            && let Some((subkey, row)) = if wanted.is_descending { rows.next_back() } else { rows.next() }
        {
            visit(key, subkey, *row);
            left -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{StringArray, UInt32Array},
        datatypes::Schema,
    };
    use pelton_core::types::parse_column;

    use super::{RowChange::*, *};

    fn schema(columns: &[(&str, &str)]) -> SchemaRef {
        let fields: Vec<_> = columns.iter().map(|(name, ty)| parse_column(name, ty).unwrap()).collect();
        Schema::new(fields).into()
    }

    fn numbers(values: &[i64]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    fn texts(values: &[&str]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    fn list() -> OrderedRows {
        OrderedRows::new(true, &schema(&[("at", "s64")]), &schema(&[("page", "utf8")]))
    }

    fn rows_of(table: &OrderedRows, slots: &[u32], from: Option<&[ArrayRef]>, to: Option<&[ArrayRef]>) -> Found {
        table.range(slots, &Wanted { from, to, rows_max: 100, is_descending: false })
    }

    fn shown(found: &Found) -> Vec<(u32, i64, String)> {
        let pages = found.columns[1].as_string::<i32>();
        let rows = found.keys.iter().zip(super::numbers(&found.columns)).zip(pages);
        rows.map(|((key, number), page)| (*key, *number, page.unwrap().to_owned())).collect()
    }

    #[test]
    fn lists_number_what_is_appended_and_serve_ranges() {
        let mut list = list();
        list.apply(&[Append, Append, Append], &[5, 0, 5], &[numbers(&[9, 9, 9]), texts(&["a", "b", "c"])]);
        list.apply(&[Put, Delete, Append, Put], &[5, 5, 5, 5], &[numbers(&[7, 0, 0, 1]), texts(&["x", "", "y", "z"])]);
        let all = rows_of(&list, &[0, 5, 3], None, None);
        let row = |key, number, page: &str| (key, number, page.to_owned());
        assert_eq!(shown(&all), [row(0, 0, "b"), row(1, 1, "z"), row(1, 7, "x"), row(1, 8, "y")]);
        let some = rows_of(&list, &[5], Some(&[numbers(&[2])]), Some(&[numbers(&[8])]));
        assert_eq!(shown(&some), [row(0, 7, "x")]);
        assert!(rows_of(&list, &[5], Some(&[numbers(&[8])]), Some(&[numbers(&[2])])).keys.is_empty());
        let first = |rows_max, is_descending| {
            shown(&list.range(&[5, 0], &Wanted { from: None, to: None, rows_max, is_descending }))
        };
        assert_eq!(first(2, false), [row(0, 1, "z"), row(0, 7, "x")], "no more than were asked for");
        assert_eq!(first(4, true), [row(0, 8, "y"), row(0, 7, "x"), row(0, 1, "z"), row(1, 0, "b")]);
        assert_eq!(first(0, true), []);
        list.release(5);
        assert!(list.is_empty_at(5) && !list.is_empty_at(0) && list.is_empty_at(77));
        assert_eq!(list.entries, 1);
    }

    #[test]
    fn maps_are_ordered_by_value_and_replace_rows() {
        let subkey = schema(&[("a", "u32"), ("b", "utf8")]);
        let mut map = OrderedRows::new(false, &subkey, &schema(&[("n", "s64?")]));
        let row = |a: u32, b: &str, n: i64| -> Vec<ArrayRef> {
            vec![Arc::new(UInt32Array::from(vec![a])), texts(&[b]), numbers(&[n])]
        };
        for (a, b, n) in [(300, "", 1), (2, "z", 2), (2, "a", 3), (2, "z", 4)] {
            map.apply(&[Put], &[1], &row(a, b, n));
        }
        let values = |found: &Found| found.columns[2].as_primitive::<Int64Type>().values().to_vec();
        let empty = map.held_bytes();
        assert_eq!(values(&rows_of(&map, &[1], None, None)), [3, 4, 1], "300 comes after 2");
        let from = row(2, "b", 0);
        assert_eq!(values(&rows_of(&map, &[1], Some(&from[..2]), None)), [4, 1]);
        map.apply(&[Delete], &[1], &row(2, "z", 0));
        map.apply(&[Delete], &[1], &row(2, "q", 0));
        assert_eq!(values(&rows_of(&map, &[0, 1], None, None)), [3, 1]);
        assert!(map.held_bytes() < empty);
        map.release(1);
        assert_eq!((map.entries, map.subkey_bytes), (0, 0));
    }

    #[test]
    fn a_row_deleted_and_put_again_in_one_list_of_changes_is_there() {
        let mut list = list();
        list.apply(
            &[Put, Delete, Put, Put, Delete],
            &[0; 5],
            &[numbers(&[1, 1, 1, 2, 2]), texts(&["a", "b", "c", "d", "e"])],
        );
        assert_eq!(shown(&rows_of(&list, &[0], None, None)), [(0, 1, "c".to_owned())]);
    }
}
