//! How tables with subkeys are saved: the subkeys of all keys in order, and where their rows are; the trees are built anew.

use std::collections::BTreeMap;

use arrow::{array::ArrayRef, datatypes::SchemaRef};
use pelton_core::checkpoint::{Damage, packed::Packed};
use serde::{Deserialize, Serialize};

use super::{OrderedRows, Trees};
use crate::state::{
    picked::Picked,
    rows::{SavedRows, StateRows},
    snapshot::array::SavedArray,
};

/// [`OrderedRows`] as they are saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedOrdered<'a> {
    /// Rows of each slot.
    counts: Packed<'a, u32>,
    subkeys: SavedSubkeys<'a>,
    /// Where the row of each subkey is.
    at: Packed<'a, u32>,
    rows: SavedRows<'a>,
}

/// Slot by slot, in order.
#[derive(Debug, Serialize, Deserialize)]
enum SavedSubkeys<'a> {
    Numbers(Packed<'a, i64>),
    Columns(Vec<SavedArray>),
}

const NOT_IN_ORDER: Damage = Damage("subkeys that are not in order");

impl OrderedRows {
    pub fn save(&self) -> SavedOrdered<'_> {
        let rows = self.rows.save();
        match &self.trees {
            Trees::List(trees) => {
                let subkeys = trees.iter().flat_map(BTreeMap::keys).copied().collect();
                SavedOrdered { counts: counts(trees), subkeys: SavedSubkeys::Numbers(subkeys), at: places(trees), rows }
            }
            Trees::Map { converter, trees } => {
                let parser = converter.parser();
                let subkeys = trees.iter().flat_map(BTreeMap::keys).map(|subkey| parser.parse(subkey));
                let columns = converter.convert_rows(subkeys).expect("these bytes came from this converter");
                let columns = columns.iter().map(|column| SavedArray::of(column.as_ref())).collect();
                SavedOrdered { counts: counts(trees), subkeys: SavedSubkeys::Columns(columns), at: places(trees), rows }
            }
        }
    }

    /// The first three are what [`OrderedRows::new`] was given; keys have slots below `slots`.
    pub fn load(
        is_list: bool,
        subkey: &SchemaRef,
        values: &SchemaRef,
        saved: SavedOrdered<'_>,
        slots: usize,
    ) -> Result<Self, Damage> {
        let mut loaded = Self::new(is_list, subkey, values);
        loaded.rows = StateRows::load(saved.rows, values)?;
        Damage::unless(saved.counts.len() <= slots, "rows of no key")?;
        loaded.rows.check_owners(saved.at.iter())?;
        let places = Places { counts: &saved.counts, at: &saved.at };
        match (&mut loaded.trees, saved.subkeys) {
            (Trees::List(trees), SavedSubkeys::Numbers(numbers)) => *trees = places.trees(numbers.iter())?,
            (Trees::Map { converter, trees }, SavedSubkeys::Columns(columns)) => {
                let fields = subkey.fields();
                Damage::unless(columns.len() == fields.len(), "subkeys of another number of columns")?;
                let is_whole = columns.iter().all(|column| column.rows() == saved.at.len());
                Damage::unless(is_whole, "subkey columns of different lengths")?;
                let columns = columns.into_iter().zip(fields).map(|(column, field)| column.load(field));
                let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
                let rows = converter.convert_columns(&columns).expect("they were loaded as of these types");
                loaded.subkey_bytes = rows.iter().map(|row| row.data().len()).sum();
                *trees = places.trees(rows.iter().map(|row| Box::from(row.data())))?;
            }
            _ => return Err(Damage("subkeys of another form")),
        }
        loaded.entries = saved.at.len();
        Ok(loaded)
    }

    /// Takes the rows of another partition's keys.
    pub fn adopt(&mut self, other: &Self, picked: &Picked) {
        let mut taken = Vec::new();
        let first = self.rows.rows() as u32;
        match (&mut self.trees, &other.trees) {
            (Trees::List(trees), Trees::List(from)) => adopt_trees(trees, from, picked, first, &mut taken),
            (Trees::Map { trees, .. }, Trees::Map { trees: from, .. }) => {
                adopt_trees(trees, from, picked, first, &mut taken);
                let own = picked.old().iter().filter_map(|slot| from.get(*slot as usize));
                self.subkey_bytes += own.flat_map(BTreeMap::keys).map(|subkey| subkey.len()).sum::<usize>();
            }
            _ => unreachable!("both are of one plan"),
        }
        self.entries += taken.len();
        self.rows.append(&other.rows, &taken);
    }
}

/// The trees of these keys; `taken` are the rows that they lead to, which lie from `first` on.
fn adopt_trees<K: Ord + Clone>(
    trees: &mut Vec<BTreeMap<K, u32>>,
    from: &[BTreeMap<K, u32>],
    picked: &Picked,
    first: u32,
    taken: &mut Vec<u32>,
) {
    trees.resize_with(picked.first(), BTreeMap::new);
    for old in picked.old() {
        let rows = from.get(*old as usize).into_iter().flatten();
        trees.push(
            rows.map(|(subkey, row)| {
                taken.push(*row);
                (subkey.clone(), first + taken.len() as u32 - 1)
            })
            .collect(),
        );
    }
}

fn counts<K>(trees: &[BTreeMap<K, u32>]) -> Packed<'static, u32> {
    trees.iter().map(|tree| tree.len() as u32).collect()
}

fn places<K>(trees: &[BTreeMap<K, u32>]) -> Packed<'static, u32> {
    trees.iter().flat_map(BTreeMap::values).copied().collect()
}

/// Where rows are, slot by slot.
struct Places<'a> {
    counts: &'a Packed<'a, u32>,
    at: &'a Packed<'a, u32>,
}

impl Places<'_> {
    fn trees<K: Ord>(&self, subkeys: impl Iterator<Item = K>) -> Result<Vec<BTreeMap<K, u32>>, Damage> {
        let mut rows = subkeys.zip(self.at.iter());
        let tree = |count: u32| {
            let own: Vec<(K, u32)> = rows.by_ref().take(count as usize).collect();
            let is_sorted = own.is_sorted_by(|(left, _), (right, _)| left < right);
            Damage::unless(own.len() == count as usize && is_sorted, NOT_IN_ORDER.0)?;
            Ok(own.into_iter().collect())
        };
        let trees = self.counts.iter().map(tree).collect::<Result<_, Damage>>()?;
        Damage::unless(rows.next().is_none(), "subkeys of no key")?;
        Ok(trees)
    }
}
