//! How the rows of an interval join are saved: by the time at which they go; by key they are ordered anew.

use std::collections::BTreeMap;

use pelton_core::checkpoint::{Damage, packed::Packed};
use serde::{Deserialize, Serialize};

use super::{BUCKET_BITS, IntervalStore};
use crate::operator::join::side::{Moved, Rows, Side};

/// An [`IntervalStore`] as it is saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedIntervals<'a> {
    left: SavedTimes<'a>,
    right: SavedTimes<'a>,
}

/// The rows of one side: step by step, and in each in the order of their arrival.
#[derive(Debug, Serialize, Deserialize)]
struct SavedTimes<'a> {
    steps: Packed<'a, i64>,
    counts: Packed<'a, u32>,
    numbers: Packed<'a, u32>,
}

impl IntervalStore {
    pub(in super::super) fn save(&self) -> SavedIntervals<'_> {
        let [left, right] = [0, 1].map(|side| SavedTimes::of(self.by_time.get(side)));
        SavedIntervals { left, right }
    }

    pub(in super::super) fn load(saved: &SavedIntervals<'_>, rows: &Rows) -> Result<Self, Damage> {
        let mut store = Self::default();
        store.by_key.resize_with(rows.keys.numbers(), Default::default);
        for (index, (saved, side)) in [&saved.left, &saved.right].into_iter().zip(&rows.sides).enumerate() {
            let by_time = saved.load(side)?;
            for numbers in by_time.values() {
                store.order(index, side, numbers);
            }
            if let Some(own) = store.by_time.get_mut(index) {
                *own = by_time;
            }
        }
        Ok(store)
    }

    /// Takes the rows of another partition that came to `rows`; [`Self::settle`] comes after the last one.
    pub(in super::super) fn adopt(&mut self, other: &Self, moved: &Moved) {
        for (side, (to, from)) in self.by_time.iter_mut().zip(&other.by_time).enumerate() {
            for (step, old) in from {
                let mut own = moved.numbers(side, old).peekable();
                if own.peek().is_some() {
                    to.entry(*step).or_default().extend(own);
                }
            }
        }
    }

    /// Orders by key what was taken.
    pub(in super::super) fn settle(&mut self, rows: &Rows) {
        self.by_key.resize_with(rows.keys.numbers(), Default::default);
        let by_time = std::mem::take(&mut self.by_time);
        for (index, (by_time, side)) in by_time.iter().zip(&rows.sides).enumerate() {
            by_time.values().for_each(|numbers| self.order(index, side, numbers));
        }
        self.by_time = by_time;
    }

    /// Appends a step's rows to those of their keys, in order of time and then of arrival.
    fn order(&mut self, index: usize, side: &Side, numbers: &[u32]) {
        let kept = |number: &u32| side.get(*number).map(|kept| (kept.time, kept.key, *number));
        let mut rows: Vec<(i64, u32, u32)> = numbers.iter().filter_map(kept).collect();
        rows.sort_by_key(|(time, ..)| *time);
        for (time, key, number) in rows {
            if let Some(own) = self.by_key.get_mut(key as usize).and_then(|sides| sides.get_mut(index)) {
                own.push_back((time, number));
                self.entries += 1;
            }
        }
    }
}

impl SavedTimes<'_> {
    fn of(by_time: Option<&BTreeMap<i64, Vec<u32>>>) -> Self {
        let steps = || by_time.into_iter().flatten();
        Self {
            steps: steps().map(|(step, _)| *step).collect(),
            counts: steps().map(|(_, numbers)| numbers.len() as u32).collect(),
            numbers: steps().flat_map(|(_, numbers)| numbers).copied().collect(),
        }
    }

    fn load(&self, side: &Side) -> Result<BTreeMap<i64, Vec<u32>>, Damage> {
        Damage::unless(self.steps.len() == self.counts.len(), "steps of time without rows")?;
        Damage::unless(side.are_all(self.numbers.iter()), "rows that are in no step of time, or in two")?;
        let mut numbers = self.numbers.iter();
        let mut by_time = BTreeMap::new();
        for (step, count) in self.steps.iter().zip(self.counts.iter()) {
            let own: Vec<u32> = numbers.by_ref().take(count as usize).collect();
            let is_in = |number: &u32| side.get(*number).is_some_and(|kept| kept.time >> BUCKET_BITS == step);
            let is_whole = own.len() == count as usize && own.iter().all(is_in);
            Damage::unless(is_whole && by_time.insert(step, own).is_none(), "rows in a step of another time")?;
        }
        Damage::unless(numbers.next().is_none(), "rows in no step of time")?;
        Ok(by_time)
    }
}
