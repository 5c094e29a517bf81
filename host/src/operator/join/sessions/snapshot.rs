//! How the rows of a join within sessions are saved: key by key in the order of their arrival; sessions follow from their times.

use std::collections::BTreeMap;

use pelton_core::checkpoint::{Damage, packed::Packed};
use serde::{Deserialize, Serialize};

use super::{KeySessions, NEVER, SessionStore, place};
use crate::operator::join::side::{Moved, NONE, Rows};

/// A [`SessionStore`] as it is saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedSessions<'a> {
    left: SavedSide<'a>,
    right: SavedSide<'a>,
    queued: Packed<'a, i64>,
    closed: i64,
}

/// The rows of one side.
#[derive(Debug, Serialize, Deserialize)]
struct SavedSide<'a> {
    /// How many each key has.
    counts: Packed<'a, u32>,
    /// Of all keys.
    numbers: Packed<'a, u32>,
    /// Those with a null in their key, in order of time and then of arrival.
    alone: Packed<'a, u32>,
}

impl SessionStore {
    pub(in super::super) fn save(&self) -> SavedSessions<'_> {
        let [left, right] = [0, 1].map(|side| {
            let own = || self.keys.iter().filter_map(move |own| own.rows.get(side));
            SavedSide {
                counts: own().map(|numbers| numbers.len() as u32).collect(),
                numbers: own().flatten().copied().collect(),
                alone: self.alone.get(side).into_iter().flat_map(BTreeMap::values).flatten().copied().collect(),
            }
        });
        SavedSessions { left, right, queued: self.queued.as_slice().into(), closed: self.closed }
    }

    /// `gap` and `lateness` are what [`SessionStore::new`] was given.
    pub(in super::super) fn load(
        (gap, lateness): (i64, i64),
        saved: SavedSessions<'_>,
        rows: &Rows,
    ) -> Result<Self, Damage> {
        let mut store = Self { closed: saved.closed, ..Self::new(gap, lateness) };
        store.keys.resize_with(rows.keys.numbers(), KeySessions::default);
        for (side, saved) in [saved.left, saved.right].iter().enumerate() {
            store.load_side(side, saved, rows)?;
        }
        store.queued = saved.queued.into_vec();
        Damage::unless(store.queued.len() == store.keys.len(), "keys without an end")?;
        for (key, queued) in (0..).zip(&store.queued) {
            let deadline = store.deadline(key);
            let is_sound = *queued <= deadline && (*queued == NEVER) == (deadline == NEVER);
            Damage::unless(is_sound, "a session that ends before it is looked at")?;
        }
        let waiting = store.queued.iter().copied().zip(0..).filter(|(time, _)| *time != NEVER);
        store.queue = waiting.collect();
        Ok(store)
    }

    fn load_side(&mut self, side: usize, saved: &SavedSide<'_>, rows: &Rows) -> Result<(), Damage> {
        let all = saved.numbers.iter().chain(saved.alone.iter());
        let is_whole = rows.sides.get(side).is_some_and(|side| side.are_all(all));
        Damage::unless(is_whole, "rows that are in no session, or in two")?;
        Damage::unless(saved.counts.len() == self.keys.len(), "sessions of no key")?;
        let mut numbers = saved.numbers.iter();
        for ((key, own), count) in (0..).zip(&mut self.keys).zip(saved.counts.iter()) {
            let taken: Vec<u32> = numbers.by_ref().take(count as usize).collect();
            Damage::unless(taken.len() == count as usize, "sessions without their rows")?;
            for number in &taken {
                let (time, of) = place(rows, side, *number);
                Damage::unless(of == key, "rows in a session of another key")?;
                own.sessions.insert(time, time, 0, self.gap);
            }
            self.rows += taken.len();
            if let Some(own) = own.rows.get_mut(side) {
                *own = taken;
            }
        }
        Damage::unless(numbers.next().is_none(), "rows in no session")?;
        for number in saved.alone.iter() {
            let (time, of) = place(rows, side, number);
            Damage::unless(of == NONE, "a row with a key that is alone")?;
            if let Some(alone) = self.alone.get_mut(side) {
                alone.entry(time).or_default().push(number);
            }
        }
        Ok(())
    }

    /// Takes the rows of another partition that came here, with the sessions of their keys.
    pub(in super::super) fn adopt(&mut self, other: &Self, moved: &Moved) {
        self.keys.resize_with(moved.keys.first(), KeySessions::default);
        self.queued.resize(moved.keys.first(), NEVER);
        for (old, new) in moved.keys.pairs() {
            let mut own = KeySessions::default();
            if let Some(from) = other.keys.get(old as usize) {
                own.sessions = from.sessions.clone();
                for (side, (to, old)) in own.rows.iter_mut().zip(&from.rows).enumerate() {
                    *to = moved.numbers(side, old).collect();
                    self.rows += to.len();
                }
            }
            self.keys.push(own);
            let queued = other.queued.get(old as usize).copied().unwrap_or(NEVER);
            self.queued.push(queued);
            if queued != NEVER {
                self.queue.insert((queued, new));
            }
        }
        for (side, (to, from)) in self.alone.iter_mut().zip(&other.alone).enumerate() {
            for (time, old) in from {
                let own: Vec<u32> = moved.numbers(side, old).collect();
                if !own.is_empty() {
                    to.entry(*time).or_default().extend(own);
                }
            }
        }
        self.closed = self.closed.max(other.closed);
    }
}
