//! Timers: what each key asked to be called for, by time and by key.
//!
//! A key has at most one timer of each id, on either clock. Invariant: both indices hold the same timers; the order in which
//! timers come due is that of (time, clock, slot, id), and nothing else.

mod snapshot;

use std::collections::{BTreeMap, BTreeSet};

use pelton_core::window::Clock;

pub use self::snapshot::SavedTimers;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// In µs since 1970 UTC.
    pub at: i64,
    /// Of the key.
    pub slot: u32,
    /// The module's own number.
    pub id: u32,
}

/// All timers of a partition.
#[derive(Debug, Default)]
pub struct Timers {
    event: BTreeSet<Timer>,
    processing: BTreeSet<Timer>,
    /// By slot: the clock and the time of each id.
    by_slot: Vec<BTreeMap<u32, (Clock, i64)>>,
}

/// Bytes that one timer takes, about.
const TIMER_BYTES: usize = 64;

impl Timers {
    fn on(&mut self, clock: Clock) -> &mut BTreeSet<Timer> {
        match clock {
            Clock::Event => &mut self.event,
            Clock::Processing => &mut self.processing,
        }
    }

    /// Sets a timer, or moves it.
    pub fn set(&mut self, slot: u32, id: u32, clock: Clock, at: i64) {
        self.clear(slot, id);
        if self.by_slot.len() <= slot as usize {
            self.by_slot.resize_with(slot as usize + 1, BTreeMap::new);
        }
        if let Some(ids) = self.by_slot.get_mut(slot as usize) {
            ids.insert(id, (clock, at));
            self.on(clock).insert(Timer { at, slot, id });
        }
    }

    /// Clears a timer, if it is set.
    pub fn clear(&mut self, slot: u32, id: u32) {
        if let Some((clock, at)) = self.by_slot.get_mut(slot as usize).and_then(|ids| ids.remove(&id)) {
            self.on(clock).remove(&Timer { at, slot, id });
        }
    }

    /// Clears all timers of a key.
    pub fn clear_all(&mut self, slot: u32) {
        let ids = self.by_slot.get_mut(slot as usize).map(std::mem::take).unwrap_or_default();
        for (id, (clock, at)) in ids {
            self.on(clock).remove(&Timer { at, slot, id });
        }
    }

    /// The timers of a key: id, clock, time.
    pub fn of(&self, slot: u32) -> impl Iterator<Item = (u32, Clock, i64)> {
        let ids = self.by_slot.get(slot as usize).into_iter().flatten();
        ids.map(|(id, (clock, at))| (*id, *clock, *at))
    }

    pub fn has(&self, slot: u32) -> bool {
        self.by_slot.get(slot as usize).is_some_and(|ids| !ids.is_empty())
    }

    /// Whether this very timer is still set.
    pub fn is_set(&self, clock: Clock, timer: &Timer) -> bool {
        let set = self.by_slot.get(timer.slot as usize).and_then(|ids| ids.get(&timer.id));
        set == Some(&(clock, timer.at))
    }

    /// The timers that are due when event time has come to `watermark` and processing time to `now`, in order. They stay set.
    pub fn due(&self, watermark: i64, now: i64) -> Vec<(Clock, Timer)> {
        let until = |timers: &BTreeSet<Timer>, clock: Clock, time: i64| {
            timers.iter().take_while(|timer| timer.at <= time).map(|timer| (clock, *timer)).collect::<Vec<_>>()
        };
        let mut due = until(&self.event, Clock::Event, watermark);
        due.extend(until(&self.processing, Clock::Processing, now));
        // Stable: event time first.
        due.sort_by_key(|(_, timer)| timer.at);
        due
    }

    /// The earliest timer of processing time.
    pub fn next_processing(&self) -> Option<i64> {
        self.processing.first().map(|timer| timer.at)
    }

    /// Bytes held, about.
    pub fn held_bytes(&self) -> usize {
        (self.event.len() + self.processing.len()) * TIMER_BYTES + self.by_slot.len() * size_of::<BTreeMap<u32, i64>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(due: &[(Clock, Timer)]) -> Vec<(u32, u32)> {
        due.iter().map(|(_, timer)| (timer.slot, timer.id)).collect()
    }

    #[test]
    fn timers_come_due_in_order_of_time_on_their_own_clock() {
        let mut timers = Timers::default();
        timers.set(1, 7, Clock::Event, 30);
        timers.set(0, 7, Clock::Event, 10);
        timers.set(0, 8, Clock::Processing, 20);
        timers.set(2, 1, Clock::Event, 10);
        assert_eq!(ids(&timers.due(30, 19)), [(0, 7), (2, 1), (1, 7)]);
        assert_eq!(ids(&timers.due(29, 20)), [(0, 7), (2, 1), (0, 8)]);
        assert_eq!(timers.due(9, 9), []);
        assert_eq!(timers.next_processing(), Some(20));
    }

    #[test]
    fn an_id_that_is_set_again_moves_also_to_the_other_clock() {
        let mut timers = Timers::default();
        timers.set(3, 7, Clock::Event, 30);
        timers.set(3, 7, Clock::Processing, 40);
        assert_eq!(timers.due(i64::MAX, 39), []);
        let due = timers.due(i64::MAX, 40);
        assert_eq!(ids(&due), [(3, 7)]);
        let (clock, timer) = due[0];
        assert!(timers.is_set(clock, &timer) && timers.has(3));
        timers.set(3, 7, Clock::Processing, 41);
        assert!(!timers.is_set(clock, &timer));
        timers.set(3, 8, Clock::Event, 1);
        timers.clear_all(3);
        assert!(!timers.has(3) && timers.due(i64::MAX, i64::MAX).is_empty());
        timers.clear(9, 9);
    }
}
