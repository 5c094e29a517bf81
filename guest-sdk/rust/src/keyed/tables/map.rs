//! A map for each key: rows found by a subkey, and gone through in its order.

use std::{
    borrow::Borrow,
    collections::BTreeMap,
    ops::{Bound, RangeBounds},
};

use super::{
    super::state::State,
    KeyedTable,
    changes::Changes,
    entries::{Changed, Entries, Ordered, Range},
    source::{self, Part, Place},
    subkey::Subkey,
};
use crate::{
    bindings::{StateTable, keyed::Change},
    kept::StateColumn,
};

/// A map that the engine keeps for each key: an argument `counts: &mut Map<String, i64>` of a keyed function, whose name is the table's.
///
/// Its subkeys are integers, `bool`, `String`, `Vec<u8>`, `Date`, `Timestamp`, `Decimal<P, S>` or a struct of these with
/// `#[derive(Subkey, Clone)]`; its values are structs with `#[derive(State, Clone)]`, or single values. A map may be larger than the
/// memory of an instance: nothing of it comes with the call, and reading costs what is read. What the function changes, it sees at once.
///
/// ```
/// use pelton_guest::prelude::*;
///
/// #[derive(Row)]
/// struct User<'a> { user: &'a str }
///
/// #[derive(Row)]
/// struct Click<'a> { page: &'a str }
///
/// #[derive(Row)]
/// struct Count { times: i64 }
///
/// /// How often each user has seen a page.
/// #[keyed(pass = ["user", "page"])]
/// fn seen(_user: User<'_>, clicks: Group<Click<'_>>, pages: &mut Map<String, i64>, out: &mut Out<Count>) {
///     for click in clicks {
///         let times = pages.get(click.page).unwrap_or_default() + 1;
///         pages.put(click.page.to_owned(), times);
///         out.emit_from(&click, Count { times });
///     }
/// }
///
/// let mut test = seen.key(["user"]).start();
/// let out = test.rows(rows! { user: ["a", "a", "b"], page: ["/x", "/x", "/x"] });
/// assert_eq!(out.main().column::<i64>("times"), [1, 2, 1]);
/// assert_eq!(test.table("pages"), rows! { user: ["a", "b"], key: ["/x", "/x"], value: [2, 1] });
/// ```
pub struct Map<K: Subkey, V: State + Clone> {
    place: Place,
    /// What this call has changed of the key.
    changed: Changed<K, V>,
    changes: Changes<K, V>,
}

impl<K: Subkey, V: State + Clone> Map<K, V> {
    /// The value under a subkey: `map.get("de")`, `map.get(&7)`.
    pub fn get<Q: ToOwned<Owned = K> + ?Sized>(&self, subkey: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let subkey = Ordered(subkey.to_owned());
        if let Some(changed) = self.changed.get(&subkey) {
            return changed.clone();
        }
        let Ordered(subkey) = subkey;
        let to = subkey.after();
        let part = Part { from: Some(&subkey), to: to.as_ref(), rows_max: 1, is_descending: false };
        source::read(self.place, &part).rows.pop().map(|(_, value)| value)
    }

    /// Whether there is a value under a subkey.
    pub fn contains_key<Q: ToOwned<Owned = K> + ?Sized>(&self, subkey: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(subkey).is_some()
    }

    /// Puts a value under a subkey, in the place of the one that may be there, which is not read.
    pub fn put(&mut self, subkey: K, value: V) {
        self.changed.insert(Ordered(subkey), Some(value));
    }

    /// Takes away what may be under a subkey, which is not read.
    pub fn remove<Q: ToOwned<Owned = K> + ?Sized>(&mut self, subkey: &Q)
    where
        K: Borrow<Q>,
    {
        self.changed.insert(Ordered(subkey.to_owned()), None);
    }

    /// All subkeys and their values, in order; `.rev()` begins at the last. It reads as far as it is taken: `map.iter().next_back()`
    /// is the last row, and costs one.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (K, V)> + '_ {
        self.range(..)
    }

    /// A range of subkeys and their values, in order: `map.range(10..20)`.
    pub fn range(&self, subkeys: impl RangeBounds<K>) -> impl DoubleEndedIterator<Item = (K, V)> + '_ {
        // A range from beyond the last subkey that there can be, which is a range of nothing.
        let nothing = || (Some(K::least()), Some(K::least()));
        let to = match subkeys.end_bound() {
            Bound::Unbounded => None,
            Bound::Included(to) => to.after(),
            Bound::Excluded(to) => Some(to.clone()),
        };
        let range: Range<K> = match subkeys.start_bound() {
            Bound::Unbounded => (None, to),
            Bound::Included(from) => (Some(from.clone()), to),
            Bound::Excluded(from) => from.after().map_or_else(nothing, |from| (Some(from), to)),
        };
        Entries::new(self.place, Some(&self.changed), range)
    }

    pub fn is_empty(&self) -> bool {
        Entries::one(self.place, Some(&self.changed), (None, None)).next().is_none()
    }

    /// Takes all rows away. Costs what reading their subkeys and values does.
    pub fn clear(&mut self) {
        let held: Vec<K> = Entries::<K, V>::new(self.place, None, (None, None)).map(|(subkey, _)| subkey).collect();
        // What was put in this call and was not there before needs no change.
        self.changed = held.into_iter().map(|subkey| (Ordered(subkey), None)).collect();
    }
}

impl<K: Subkey, V: State + Clone> KeyedTable for Map<K, V> {
    fn declare(name: &str) -> StateTable {
        let fields = |columns: Vec<StateColumn>| columns.into_iter().map(StateColumn::into_strict_field).collect();
        StateTable { name: name.to_owned(), subkey: fields(K::columns()), values: fields(V::columns()) }
    }

    fn new(index: u32) -> Self {
        Self { place: Place { table: index, key: 0 }, changed: BTreeMap::new(), changes: Changes::new() }
    }

    fn enter(&mut self, key: u32) {
        self.place.key = key;
    }

    fn leave(&mut self) {
        let key = self.place.key;
        for (Ordered(subkey), value) in std::mem::take(&mut self.changed) {
            match value {
                Some(value) => self.changes.put(key, subkey, value),
                None => self.changes.delete(key, subkey),
            }
        }
    }

    fn finish(self) -> Result<Option<Change>, String> {
        self.changes.finish(self.place.table)
    }
}

impl<K: Subkey, V: State + Clone> std::fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Map").field("changed", &self.changed.len()).finish_non_exhaustive()
    }
}
