//! How timers are saved: by slot and id; both indices are built anew.

use pelton_core::{
    checkpoint::{
        Damage,
        packed::{Bits, Packed},
    },
    window::Clock,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::{Timer, Timers};
use crate::state::picked::Picked;

/// [`Timers`] as they are saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedTimers<'a> {
    slots: Packed<'a, u32>,
    ids: Packed<'a, u32>,
    are_processing: Bits<'a>,
    at: Packed<'a, i64>,
}

impl Timers {
    pub fn save(&self) -> SavedTimers<'_> {
        let all = || {
            let of_slots = (0..).zip(&self.by_slot);
            of_slots.flat_map(|(slot, ids)| ids.iter().map(move |(id, (clock, at))| (slot, *id, *clock, *at)))
        };
        SavedTimers {
            slots: all().map(|(slot, ..)| slot).collect(),
            ids: all().map(|(_, id, ..)| id).collect(),
            are_processing: all().map(|(_, _, clock, _)| clock == Clock::Processing).collect(),
            at: all().map(|(.., at)| at).collect(),
        }
    }

    /// Keys have slots below `slots`.
    pub fn load(saved: &SavedTimers<'_>, slots: usize) -> Result<Self, Damage> {
        let count = saved.slots.len();
        let clocks = saved.are_processing.flags().unwrap_or_default();
        let is_whole = [saved.ids.len(), saved.at.len(), clocks.len()] == [count; 3];
        Damage::unless(is_whole, "timers that lack a part")?;
        let named = saved.slots.iter().zip(saved.ids.iter());
        Damage::unless(named.clone().is_sorted_by(|left, right| left < right), "timers that are not in order")?;
        let reach = saved.slots.iter().last().map_or(0, |slot| slot as usize + 1);
        Damage::unless(reach <= slots, "a timer of no key")?;
        let mut timers = Self { by_slot: Vec::new(), ..Self::default() };
        timers.by_slot.resize_with(reach, BTreeMap::new);
        let (mut event, mut processing) = (Vec::new(), Vec::new());
        for ((slot, id), (is_processing, at)) in named.zip(clocks.into_iter().zip(saved.at.iter())) {
            let clock = if is_processing { Clock::Processing } else { Clock::Event };
            if let Some(ids) = timers.by_slot.get_mut(slot as usize) {
                ids.insert(id, (clock, at));
            }
            if is_processing { &mut processing } else { &mut event }.push(Timer { at, slot, id });
        }
        (timers.event, timers.processing) = (event.into_iter().collect(), processing.into_iter().collect());
        Ok(timers)
    }

    /// Takes the timers of another partition's keys.
    pub fn adopt(&mut self, other: &Self, picked: &Picked) {
        for (old, new) in picked.pairs() {
            for (id, (clock, at)) in other.by_slot.get(old as usize).into_iter().flatten() {
                self.set(new, *id, *clock, *at);
            }
        }
    }
}
