//! The work of an epoch: its rows grouped by key, and the calls that are made of them.
//!
//! Nothing is called here. Invariant: each row, each timer and each end is in exactly one call; a key is in a call once; the rows
//! of a key come in canonical order, and its timers not before its last row.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use pelton_core::window::Clock;

use super::partition::Partition;
use crate::{
    operator::shuffle::{Piece, ShuffledRows},
    state::{
        table::{CHUNK, load},
        timers::Timer,
    },
};

/// The rows of an epoch for one partition.
#[derive(Default)]
pub(super) struct Grouped<'a> {
    pub(super) pieces: Vec<&'a ShuffledRows>,
    /// The slot of each key, in the order of their first rows.
    pub(super) slots: Vec<u32>,
    /// Where the rows of each key end.
    ends: Vec<usize>,
    /// (piece, row in it) of each row, key by key.
    pub(super) rows: Vec<(usize, usize)>,
}

/// What one call is made with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Call {
    /// The slot of each key.
    pub(super) slots: Vec<u32>,
    /// Where the rows of each key end, within the call.
    pub(super) ends: Vec<u32>,
    /// Which of the epoch's rows, as they are grouped.
    pub(super) rows: Range<usize>,
    /// In order of time.
    pub(super) due: Vec<Due>,
    /// For each key, whether it ends (1) or not (0).
    pub(super) ending: Vec<u8>,
    /// It has one key, whose earlier calls in this epoch may have left nothing of its timers.
    pub(super) is_continued: bool,
}

/// A timer of a key of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) key: u32,
    pub(super) clock: Clock,
    pub(super) timer: Timer,
}

impl<'a> Grouped<'a> {
    /// Groups what the pieces have for this partition, and gives slots to keys that have none.
    pub(super) fn of(state: &mut Partition, pieces: &'a [Piece]) -> Self {
        let partition = usize::from(state.number);
        let pieces: Vec<&ShuffledRows> = pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Rows(rows) => Some(rows.as_ref()),
                Piece::Partial(_) | Piece::Batch(_) | Piece::Run(_) => None,
            })
            .collect();
        let of = |piece: &&'a ShuffledRows| piece.by_partition.get(partition).map(Vec::as_slice).unwrap_or_default();
        let mut row_slots = Vec::with_capacity(pieces.iter().map(|piece| of(piece).len()).sum());
        for piece in &pieces {
            state.keys.assign(&piece.keys, &piece.hashes, of(piece), &mut row_slots);
        }
        let places = state.places.number(&row_slots, state.keys.numbers());
        let mut ends = vec![0_usize; places.slots.len()];
        for place in &places.of_rows {
            if let Some(count) = ends.get_mut(*place as usize) {
                *count += 1;
            }
        }
        let mut next: Vec<usize> = ends
            .iter_mut()
            .scan(0, |sum, end| {
                let start = *sum;
                *sum += *end;
                *end = *sum;
                Some(start)
            })
            .collect();
        let mut rows = vec![(0, 0); row_slots.len()];
        let all = pieces.iter().enumerate().flat_map(|(index, piece)| of(piece).iter().map(move |row| (index, *row)));
        for ((piece, row), place) in all.zip(&places.of_rows) {
            if let Some(next) = next.get_mut(*place as usize) {
                if let Some(at) = rows.get_mut(*next) {
                    *at = (piece, row as usize);
                }
                *next += 1;
            }
        }
        Self { pieces, slots: places.slots, ends, rows }
    }

    /// The same pieces, with rows for one call.
    pub(super) fn with_rows(&self, rows: Vec<(usize, usize)>) -> Self {
        Self { pieces: self.pieces.clone(), slots: Vec::new(), ends: Vec::new(), rows }
    }

    /// The event time of a row, in µs.
    pub(super) fn time(&self, row: usize) -> Option<i64> {
        let (piece, row) = self.rows.get(row)?;
        self.pieces.get(*piece)?.times.get(*row).copied()
    }

    /// The rows of each key.
    fn keys(&self) -> impl Iterator<Item = (u32, usize)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        self.slots.iter().zip(self.ends.iter().zip(starts)).map(|(slot, (end, start))| (*slot, end - start))
    }
}

/// Numbers slots in the order of their appearance. Keeps its table between epochs, so that a small epoch over many keys is cheap.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// By slot: its place in the epoch that saw it last, plus that epoch's `base`; nothing has to be cleared between epochs.
    of_slots: Vec<u32>,
    /// What is below it is of an earlier epoch.
    base: u32,
}

struct Numbered {
    of_rows: Vec<u32>,
    slots: Vec<u32>,
}

impl Places {
    fn number(&mut self, row_slots: &[u32], slots: usize) -> Numbered {
        if self.of_slots.len() < slots {
            self.of_slots.resize(slots, 0);
        }
        // 0 is of no epoch.
        if self.base == 0 || row_slots.len() >= (u32::MAX - self.base) as usize {
            self.of_slots.fill(0);
            self.base = 1;
        }
        let mut numbered = Numbered { of_rows: Vec::with_capacity(row_slots.len()), slots: Vec::new() };
        for chunk in row_slots.chunks(CHUNK) {
            load(&self.of_slots, chunk.iter().map(|slot| *slot as usize));
            for slot in chunk {
                let Some(place) = self.of_slots.get_mut(*slot as usize) else { continue };
                if *place < self.base {
                    *place = self.base + numbered.slots.len() as u32;
                    numbered.slots.push(*slot);
                }
                numbered.of_rows.push(*place - self.base);
            }
        }
        self.base += numbered.slots.len() as u32;
        numbered
    }
}

/// What is due besides rows.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    /// In order of time.
    pub(super) due: Vec<(Clock, Timer)>,
    /// Keys that end, in order of their deadlines.
    pub(super) ended: Vec<u32>,
    /// Keys that are called for no other reason.
    pub(super) idle: Vec<u32>,
}

/// Cuts an epoch into calls of at most `rows_max` rows and timers.
pub(super) fn calls(grouped: &Grouped<'_>, reasons: Reasons, rows_max: usize) -> Vec<Call> {
    let mut due: HashMap<u32, Vec<(Clock, Timer)>> = HashMap::new();
    let mut due_slots = Vec::new();
    for (clock, timer) in reasons.due {
        let timers = due.entry(timer.slot).or_insert_with(|| {
            due_slots.push(timer.slot);
            Vec::new()
        });
        timers.push((clock, timer));
    }
    let mut calls = Calls { rows_max: rows_max.max(1), all: Vec::new(), weight: 0, rows: 0 };
    for (slot, rows) in grouped.keys() {
        // Mostly no timer is due: then no key is looked up.
        let timers = if due.is_empty() { Vec::new() } else { due.remove(&slot).unwrap_or_default() };
        calls.key(slot, rows, &timers, false);
    }
    // What a row has just touched neither ends nor is idle.
    let mut called: HashSet<u32> = HashSet::new();
    if due_slots.len() + reasons.ended.len() + reasons.idle.len() > 0 {
        called.extend(&grouped.slots);
    }
    let ended: HashSet<u32> = reasons.ended.iter().copied().collect();
    for slot in due_slots.into_iter().chain(reasons.ended).chain(reasons.idle) {
        if called.insert(slot) {
            calls.key(slot, 0, &due.remove(&slot).unwrap_or_default(), ended.contains(&slot));
        }
    }
    calls.all.iter_mut().for_each(|call| call.due.sort_by_key(|due| due.timer.at));
    calls.all
}

struct Calls {
    rows_max: usize,
    all: Vec<Call>,
    /// Rows and timers of the last call.
    weight: usize,
    /// Rows in all calls.
    rows: usize,
}

impl Calls {
    /// A key with all its rows, then its timers, then its end.
    fn key(&mut self, slot: u32, mut rows: usize, due: &[(Clock, Timer)], is_ending: bool) {
        while rows > self.rows_max {
            self.push(slot, self.rows_max, &[], false);
            rows -= self.rows_max;
        }
        let (now, mut later) = due.split_at(due.len().min(self.rows_max - rows));
        self.push(slot, rows, now, is_ending && later.is_empty());
        while !later.is_empty() {
            let (part, rest) = later.split_at(later.len().min(self.rows_max));
            later = rest;
            self.push(slot, 0, part, is_ending && later.is_empty());
            if let Some(call) = self.all.last_mut() {
                call.is_continued = true;
            }
        }
    }

    fn push(&mut self, slot: u32, rows: usize, due: &[(Clock, Timer)], is_ending: bool) {
        let weight = (rows + due.len()).max(1);
        let fits = |call: &Call| {
            self.weight + weight <= self.rows_max && call.slots.last() != Some(&slot) && !call.is_continued
        };
        if !self.all.last().is_some_and(fits) {
            self.all.push(Call { rows: self.rows..self.rows, ..Call::default() });
            self.weight = 0;
        }
        let Some(call) = self.all.last_mut() else { return };
        let key = call.slots.len() as u32;
        call.slots.push(slot);
        call.rows.end += rows;
        call.ends.push(call.rows.len() as u32);
        call.due.extend(due.iter().map(|(clock, timer)| Due { key, clock: *clock, timer: *timer }));
        call.ending.push(u8::from(is_ending));
        self.weight += weight;
        self.rows += rows;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grouped(keys: &[(u32, usize)]) -> Grouped<'static> {
        let ends = keys.iter().scan(0, |sum, (_, rows)| {
            *sum += rows;
            Some(*sum)
        });
        let slots = keys.iter().map(|(slot, _)| *slot).collect();
        Grouped { pieces: Vec::new(), slots, ends: ends.collect(), rows: Vec::new() }
    }

    fn timer(slot: u32, at: i64) -> (Clock, Timer) {
        (Clock::Event, Timer { at, slot, id: 0 })
    }

    /// (slot, rows, timers, ending) of each key of each call.
    fn shown(calls: &[Call]) -> Vec<Vec<(u32, u32, usize, u8)>> {
        let of = |call: &Call| {
            let starts = std::iter::once(0).chain(call.ends.iter().copied());
            let keys = call.slots.iter().zip(&call.ends).zip(starts).zip(&call.ending).enumerate();
            keys.map(|(key, (((slot, end), start), ending))| {
                let due = call.due.iter().filter(|due| due.key as usize == key).count();
                (*slot, end - start, due, *ending)
            })
            .collect()
        };
        calls.iter().map(of).collect()
    }

    #[test]
    fn keys_are_packed_whole_and_cut_only_when_they_are_larger_than_a_call() {
        let made = calls(&grouped(&[(7, 3), (2, 4), (9, 25), (1, 1)]), Reasons::default(), 10);
        let expected: Vec<Vec<_>> = vec![
            vec![(7, 3, 0, 0), (2, 4, 0, 0)],
            vec![(9, 10, 0, 0)],
            vec![(9, 10, 0, 0)],
            vec![(9, 5, 0, 0), (1, 1, 0, 0)],
        ];
        assert_eq!(shown(&made), expected);
        let rows: Vec<_> = made.iter().map(|call| call.rows.clone()).collect();
        assert_eq!(rows, [0..7, 7..17, 17..27, 27..33]);
    }

    #[test]
    fn timers_come_with_the_last_rows_of_their_key_and_then_in_order_of_time() {
        let due = vec![timer(4, 1), timer(7, 2), timer(5, 3), timer(4, 4)];
        let reasons = Reasons { due, ended: vec![7, 8, 4], idle: vec![5, 6, 7, 8] };
        let made = calls(&grouped(&[(7, 12)]), reasons, 10);
        let expected: Vec<Vec<_>> =
            vec![vec![(7, 10, 0, 0)], vec![(7, 2, 1, 0), (4, 0, 2, 1), (5, 0, 1, 0), (8, 0, 0, 1), (6, 0, 0, 0)]];
        assert_eq!(shown(&made), expected, "7 was touched, so it does not end");
        let at: Vec<_> = made[1].due.iter().map(|due| due.timer.at).collect();
        assert_eq!(at, [1, 2, 3, 4]);
    }

    #[test]
    fn a_key_with_more_timers_than_a_call_takes_ends_with_the_last_of_them() {
        let due = (0..7).map(|at| timer(3, at)).collect();
        let made = calls(&grouped(&[]), Reasons { due, ended: vec![3], idle: vec![] }, 3);
        let expected: Vec<Vec<_>> = vec![vec![(3, 0, 3, 0)], vec![(3, 0, 3, 0)], vec![(3, 0, 1, 1)]];
        assert_eq!(shown(&made), expected);
    }

    #[test]
    fn places_are_numbered_by_first_appearance_and_forgotten() {
        let mut places = Places::default();
        for base in [0, 1, u32::MAX - 9, u32::MAX - 4, u32::MAX] {
            places.base = places.base.max(base);
            for _ in 0..3 {
                let numbered = places.number(&[5, 2, 5, 0], 6);
                assert_eq!((numbered.of_rows, numbered.slots), (vec![0, 1, 0, 2], vec![5, 2, 0]));
            }
            let numbered = places.number(&[4, 7, 4], 8);
            assert_eq!((numbered.of_rows, numbered.slots), (vec![0, 1, 0], vec![4, 7]));
        }
    }
}
