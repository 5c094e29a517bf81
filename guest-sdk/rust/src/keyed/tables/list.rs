//! A list for each key: appended to at its end, taken from at its front, read anywhere.
//!
//! The engine numbers what is appended, and the function sees positions from the front. Numbers have no gaps, since only the front is
//! taken away; where another table of the module left some, reading in order is still right.

use std::{
    cell::OnceCell,
    collections::VecDeque,
    ops::{Bound, Range, RangeBounds},
};

use super::{super::state::State, KeyedTable, changes::Changes, entries::Entries, source::Place};
use crate::{
    bindings::{Field, StateTable, keyed::Change},
    kept::StateColumn,
    output::OutputField,
};

/// A list that the engine keeps for each key: an argument `recent: &mut List<Item>` of a keyed function, whose name is the table's.
///
/// Its elements are structs with `#[derive(State, Clone)]`, or single values. A list may be longer than the memory of an instance:
/// nothing of it comes with the call, and reading costs what is read. What the function changes, it sees at once.
///
/// ```
/// use pelton_guest::prelude::*;
///
/// #[derive(Row)]
/// struct Sensor<'a> { sensor: &'a str }
///
/// #[derive(Row)]
/// struct Reading { celsius: f64 }
///
/// #[derive(Row)]
/// struct Mean { mean: f64 }
///
/// /// The mean of the last three readings of each sensor.
/// #[keyed]
/// fn smooth(_sensor: Sensor<'_>, readings: Group<Reading>, last: &mut List<f64>, out: &mut Out<Mean>) {
///     for reading in readings {
///         last.push(reading.celsius);
///         last.truncate_front(3);
///         out.emit_from(&reading, Mean { mean: last.iter().sum::<f64>() / last.len() as f64 });
///     }
/// }
///
/// let mut test = smooth.key(["sensor"]).start();
/// test.rows(rows! { sensor: ["a", "a"], celsius: [10.0, 20.0] });
/// let out = test.rows(rows! { sensor: ["a", "a"], celsius: [30.0, 40.0] });
/// assert_eq!(out.main(), &rows! { sensor: ["a", "a"], mean: [20.0, 30.0] });
/// assert_eq!(test.table("last"), rows! { sensor: ["a", "a", "a"], position: [1, 2, 3], value: [20.0, 30.0, 40.0] });
/// ```
pub struct List<T: State + Clone> {
    place: Place,
    /// The numbers that the engine had when the call began, read when they are needed.
    held: OnceCell<Range<i64>>,
    /// What this call takes away of them, in order.
    gone: Vec<i64>,
    /// Elements of the front that have been read to be taken away.
    ahead: VecDeque<(i64, T)>,
    /// The engine has no more of them.
    is_drained: bool,
    /// What this call appends.
    pushed: VecDeque<T>,
    changes: Changes<i64, T>,
}

/// The column with an element's number.
const POSITION: &str = "position";

impl<T: State + Clone> List<T> {
    /// Appends an element.
    pub fn push(&mut self, element: T) {
        self.pushed.push_back(element);
    }

    /// All elements in order; `.rev()` begins at the last. It reads as far as it is taken: `list.iter().rev().take(10)` costs ten.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = T> + '_ {
        self.entries(self.start(), None).map(|(_, element)| element).chain(self.pushed.iter().cloned())
    }

    /// Elements by position, from 0 for the first: `list.range(10..20)`. Positions that the list does not have are left out.
    pub fn range(&self, positions: impl RangeBounds<usize>) -> impl DoubleEndedIterator<Item = T> + '_ {
        let start = match positions.start_bound() {
            Bound::Unbounded => 0,
            Bound::Included(start) => *start,
            Bound::Excluded(start) => start.saturating_add(1),
        };
        let end = match positions.end_bound() {
            Bound::Unbounded => usize::MAX,
            Bound::Included(end) => end.saturating_add(1),
            Bound::Excluded(end) => *end,
        };
        let held = self.numbers();
        let count = length(&held);
        let number = |position: usize| held.start.saturating_add_unsigned(position.min(count) as u64);
        let entries = self.entries(Some(number(start)), Some(number(end)));
        let of_pushed = |position: usize| position.saturating_sub(count).min(self.pushed.len());
        let pushed = self.pushed.range(of_pushed(start)..of_pushed(end).max(of_pushed(start)));
        entries.map(|(_, element)| element).chain(pushed.cloned())
    }

    /// The element at a position, from 0 for the first.
    pub fn get(&self, position: usize) -> Option<T> {
        self.range(position..=position).next()
    }

    /// The first element.
    pub fn first(&self) -> Option<T> {
        self.one_of_held().next().map(|(_, element)| element).or_else(|| self.pushed.front().cloned())
    }

    /// The last element.
    pub fn last(&self) -> Option<T> {
        let held = || self.one_of_held().next_back().map(|(_, element)| element);
        self.pushed.back().cloned().or_else(held)
    }

    pub fn len(&self) -> usize {
        length(&self.numbers()) + self.pushed.len()
    }

    pub fn is_empty(&self) -> bool {
        self.pushed.is_empty() && self.one_of_held().next().is_none()
    }

    /// Takes the first element away.
    pub fn pop_front(&mut self) -> Option<T> {
        self.pop_front_if(|_| true)
    }

    /// Takes the first element away if it is one that `is_gone` names: `while list.pop_front_if(|item| item.at < limit).is_some() {}`.
    pub fn pop_front_if(&mut self, is_gone: impl FnOnce(&T) -> bool) -> Option<T> {
        if self.ahead.is_empty() {
            self.read_ahead();
        }
        let front = self.ahead.front().map(|(_, element)| element).or(self.pushed.front())?;
        if !is_gone(front) {
            return None;
        }
        let Some((number, element)) = self.ahead.pop_front() else { return self.pushed.pop_front() };
        self.gone.push(number);
        Some(element)
    }

    /// Takes elements away from the front until at most `length` are left, the last ones.
    pub fn truncate_front(&mut self, length: usize) {
        for _ in length..self.len() {
            self.pop_front();
        }
    }

    /// Takes all elements away.
    pub fn clear(&mut self) {
        while self.pop_front().is_some() {}
    }

    fn read_ahead(&mut self) {
        if !self.is_drained {
            let mut entries = self.entries(self.start(), None);
            self.ahead.extend(entries.next());
            self.ahead.extend(entries.into_front());
            self.is_drained = self.ahead.is_empty();
        }
    }

    /// Where the elements that the engine still has begin; none: nothing was taken away.
    fn start(&self) -> Option<i64> {
        self.gone.last().map(|number| number.saturating_add(1))
    }

    fn entries<'e>(&self, from: Option<i64>, to: Option<i64>) -> Entries<'e, i64, T>
    where
        T: 'e,
    {
        Entries::new(self.place, None, (from, to))
    }

    /// Elements that the engine still has, for who wants one of them.
    fn one_of_held(&self) -> Entries<'_, i64, T> {
        Entries::one(self.place, None, (self.start(), None))
    }

    /// The numbers of the elements that the engine still has.
    fn numbers(&self) -> Range<i64> {
        let held = self.held.get_or_init(|| {
            let mut all = Entries::<i64, T>::one(self.place, None, (None, None));
            let first = all.next().map(|(number, _)| number);
            let last = Entries::<i64, T>::one(self.place, None, (first, None)).next_back().map(|(number, _)| number);
            first.zip(last).map_or(0..0, |(first, last)| first..last.saturating_add(1))
        });
        self.start().map_or(held.start, |start| start.min(held.end))..held.end
    }
}

fn length(numbers: &Range<i64>) -> usize {
    usize::try_from(numbers.end.abs_diff(numbers.start)).unwrap_or(usize::MAX)
}

impl<T: State + Clone> KeyedTable for List<T> {
    fn declare(name: &str) -> StateTable {
        StateTable {
            name: name.to_owned(),
            subkey: vec![Field { name: POSITION.to_owned(), format: i64::format(), nullable: false, children: 0 }],
            values: T::columns().into_iter().map(StateColumn::into_strict_field).collect(),
        }
    }

    fn new(index: u32) -> Self {
        Self {
            place: Place { table: index, key: 0 },
            held: OnceCell::new(),
            gone: Vec::new(),
            ahead: VecDeque::new(),
            is_drained: false,
            pushed: VecDeque::new(),
            changes: Changes::new(),
        }
    }

    fn enter(&mut self, key: u32) {
        self.place.key = key;
    }

    fn leave(&mut self) {
        let key = self.place.key;
        self.gone.drain(..).for_each(|number| self.changes.delete(key, number));
        self.pushed.drain(..).for_each(|element| self.changes.append(key, element));
        self.ahead.clear();
        self.is_drained = false;
        self.held.take();
    }

    fn finish(self) -> Result<Option<Change>, String> {
        self.changes.finish(self.place.table)
    }
}

impl<T: State + Clone> std::fmt::Debug for List<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (gone, pushed) = (self.gone.len(), self.pushed.len());
        f.debug_struct("List").field("gone", &gone).field("pushed", &pushed).finish_non_exhaustive()
    }
}
