//! The rows of a key in a list or map, in order, read part by part from either end.
//!
//! ```text
//! front: read, not given yet │ rest: not read yet, [from, to) │ back: read, not given yet
//!        next() takes here ──┘                                └── next_back() takes here
//! ```
//!
//! Parts begin small, since a function may want few, and grow to a size in bytes, so that a list of any length can be gone through in
//! the memory of an instance. What this call has changed is merged into each part as it comes.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, VecDeque},
    ops::Bound::{self, Excluded, Included, Unbounded},
};

use super::{
    super::state::State,
    source::{self, Found, Part, Place},
    subkey::Subkey,
};

/// A subkey in the engine's order.
#[derive(Debug, Clone)]
pub struct Ordered<K>(pub K);

impl<K: Subkey> Ord for Ordered<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.compare(&other.0)
    }
}

impl<K: Subkey> PartialOrd for Ordered<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Subkey> PartialEq for Ordered<K> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<K: Subkey> Eq for Ordered<K> {}

/// What a call has changed of a key: rows put, and rows (none) deleted.
pub type Changed<K, V> = BTreeMap<Ordered<K>, Option<V>>;

/// Subkeys from the first to below the second; none: without end.
pub type Range<K> = (Option<K>, Option<K>);

/// Rows of a key in the order of their subkeys.
pub struct Entries<'a, K, V> {
    place: Place,
    /// None: nothing is changed in place.
    changed: Option<&'a Changed<K, V>>,
    front: VecDeque<(K, V)>,
    /// None: all is read.
    rest: Option<Range<K>>,
    back: VecDeque<(K, V)>,
    /// Rows of the next part.
    rows_max: u32,
}

/// Rows of the first part.
const FIRST_ROWS: u32 = 16;
const ROWS_MAX: u32 = 4_096;
/// Bytes of a part, about.
const PART_BYTES: usize = 128 << 10;
/// Changes of a part.
const CHANGES_MAX: usize = 64;

impl<'a, K: Subkey, V: State + Clone> Entries<'a, K, V> {
    /// Of an empty range: nothing.
    pub fn new(place: Place, changed: Option<&'a Changed<K, V>>, range: Range<K>) -> Self {
        let is_empty = matches!(&range, (Some(from), Some(to)) if from.compare(to) != Ordering::Less);
        let rest = (!is_empty).then_some(range);
        Self { place, changed, front: VecDeque::new(), rest, back: VecDeque::new(), rows_max: FIRST_ROWS }
    }

    /// Begins with a part of one row, for who wants no more.
    pub fn one(place: Place, changed: Option<&'a Changed<K, V>>, range: Range<K>) -> Self {
        Self { rows_max: 1, ..Self::new(place, changed, range) }
    }

    /// What has been read of the front and was not given.
    pub fn into_front(self) -> VecDeque<(K, V)> {
        self.front
    }

    /// Reads the next part from the front of what is left, or its back; false if nothing was left.
    fn read(&mut self, is_descending: bool) -> bool {
        let Some((from, to)) = self.rest.take() else { return false };
        let part = Part { from: from.as_ref(), to: to.as_ref(), rows_max: self.rows_max, is_descending };
        let Found { mut rows, bytes } = source::read::<K, V>(self.place, &part);
        let is_last = rows.len() < self.rows_max as usize;
        self.grow(rows.len(), bytes);
        let outermost = rows.last().map(|(key, _)| key).filter(|_| !is_last);
        let read_to = if is_descending { outermost.cloned() } else { outermost.and_then(Subkey::after) };
        let within = match (&read_to, is_descending) {
            (None, _) => (from.clone(), to.clone()),
            (Some(read_to), true) => (Some(read_to.clone()), to.clone()),
            (Some(read_to), false) => (from.clone(), Some(read_to.clone())),
        };
        // Where the part ends and the rest begins; none: there is no rest.
        let cut = self.changed_to(&within, is_descending).or(read_to);
        if let Some(cut) = &cut {
            // What is beyond is read again.
            rows.retain(|(key, _)| (key.compare(cut) == Ordering::Less) != is_descending);
        }
        let (part, rest) = match cut {
            None => ((from, to), None),
            Some(cut) if is_descending => ((Some(cut.clone()), to), Some((from, Some(cut)))),
            Some(cut) => ((from, Some(cut.clone())), Some((Some(cut), to))),
        };
        self.rest = rest;
        if is_descending {
            self.back = self.merged(rows.into_iter().rev(), &part);
        } else {
            self.front = self.merged(rows.into_iter(), &part);
        }
        true
    }

    fn grow(&mut self, rows: usize, bytes: usize) {
        let a_row = bytes.div_ceil(rows.max(1)).max(1);
        let fit = u32::try_from(PART_BYTES / a_row).unwrap_or(ROWS_MAX);
        self.rows_max = self.rows_max.saturating_mul(8).min(fit).clamp(1, ROWS_MAX);
    }

    /// Where a range is cut in which more was changed than is taken in at once.
    fn changed_to(&self, range: &Range<K>, is_descending: bool) -> Option<K> {
        let mut changes = self.changed.filter(|changed| changed.len() > CHANGES_MAX)?.range(bounds(range));
        let outermost = if is_descending { changes.nth_back(CHANGES_MAX) } else { changes.nth(CHANGES_MAX) };
        outermost.map(|(key, _)| key.0.clone())
    }

    /// These rows, which ascend, with what was changed within their range.
    fn merged(&self, rows: impl ExactSizeIterator<Item = (K, V)>, range: &Range<K>) -> VecDeque<(K, V)> {
        let Some(changed) = self.changed.filter(|changed| !changed.is_empty()) else { return rows.collect() };
        let mut changes = changed.range(bounds(range)).peekable();
        let mut merged = VecDeque::with_capacity(rows.len());
        let take = |merged: &mut VecDeque<(K, V)>, (key, value): (&Ordered<K>, &Option<V>)| {
            merged.extend(value.clone().map(|value| (key.0.clone(), value)));
        };
        for row in rows {
            while let Some(change) = changes.next_if(|(key, _)| key.0.compare(&row.0) == Ordering::Less) {
                take(&mut merged, change);
            }
            match changes.next_if(|(key, _)| key.0.compare(&row.0) == Ordering::Equal) {
                Some(change) => take(&mut merged, change),
                None => merged.push_back(row),
            }
        }
        changes.for_each(|change| take(&mut merged, change));
        merged
    }
}

fn bounds<K: Subkey>((from, to): &Range<K>) -> (Bound<Ordered<K>>, Bound<Ordered<K>>) {
    let ordered = |key: &Option<K>| key.clone().map(Ordered);
    (ordered(from).map_or(Unbounded, Included), ordered(to).map_or(Unbounded, Excluded))
}

impl<K: Subkey, V: State + Clone> Iterator for Entries<'_, K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        loop {
            match self.front.pop_front() {
                Some(entry) => return Some(entry),
                None if self.read(false) => {}
                None => return self.back.pop_front(),
            }
        }
    }
}

impl<K: Subkey, V: State + Clone> DoubleEndedIterator for Entries<'_, K, V> {
    fn next_back(&mut self) -> Option<(K, V)> {
        loop {
            match self.back.pop_back() {
                Some(entry) => return Some(entry),
                None if self.read(true) => {}
                None => return self.front.pop_back(),
            }
        }
    }
}
