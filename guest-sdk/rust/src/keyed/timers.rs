//! Timers: what a keyed operator's function takes as `timers`.
//!
//! A timer is a number of the module's own and a time; a key has one of each number. Those that are due come in order of time; changes are
//! collected for the whole call, in the order in which they were made.

use crate::{
    bindings::keyed::{TimerChanges, Timers as Wire},
    buffer::Buffer,
    types::Timestamp,
};

/// The timers of one key.
///
/// ```
/// # use pelton_guest::prelude::*;
/// # fn example(timers: &mut Timers, at: Timestamp) {
/// const END: u32 = 0;
/// timers.set(END, at); // moves the timer, if the key has it already
/// timers.clear(END);
/// while let Some(timer) = timers.next_due() {
///     assert_eq!(timer.id, END);
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Timers {
    /// Sorted by key, in order of time within one.
    due: Vec<(u32, Timer)>,
    /// The first in `due` that was not given yet.
    next: usize,
    key: u32,
    expiring: bool,
    changes: Changes,
    /// Where the key's changes begin.
    since: usize,
}

/// A timer that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timer {
    /// The number under which it was set.
    pub id: u32,
    /// What it was set for. The time now may be later.
    pub at: Timestamp,
    pub clock: Clock,
}

/// What a timer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The watermark.
    EventTime,
    /// The epoch's processing time.
    ProcessingTime,
}

/// Changes of a call, a column each.
#[derive(Debug, Default)]
struct Changes {
    keys: Vec<u32>,
    ids: Vec<u32>,
    at: Vec<i64>,
    clocks: Vec<u8>,
    cleared: Vec<u8>,
}

impl Timers {
    /// The timers of a call with so many keys.
    pub(super) fn new(wire: Wire, keys: usize) -> Result<Self, String> {
        let count = wire.clock.len();
        let [key, ids, at] = [wire.key, wire.ids, wire.at].map(Buffer::from);
        let (Some(key), Some(ids), Some(at)) =
            (key.elements::<u32>(count), ids.elements::<u32>(count), at.elements::<i64>(count))
        else {
            return Err(format!("the lists of the {count} timers that are due have other lengths"));
        };
        let mut due = Vec::with_capacity(count);
        for (((key, id), at), clock) in key.iter().zip(ids).zip(at).zip(wire.clock) {
            let clock = match clock {
                0 => Clock::EventTime,
                1 => Clock::ProcessingTime,
                other => return Err(format!("there is no clock {other}: 0 is event time, 1 processing time")),
            };
            if *key as usize >= keys {
                return Err(format!("a timer is for key {key}, but there are {keys}"));
            }
            due.push((*key, Timer { id: *id, at: Timestamp(*at), clock }));
        }
        // Stable: within a key they stay in order of time.
        due.sort_by_key(|(key, _)| *key);
        Ok(Self { due, next: 0, key: 0, expiring: false, changes: Changes::default(), since: 0 })
    }

    /// Goes on to a key, which is later than the last. Whether a timer or its end brings it here.
    pub(super) fn enter(&mut self, key: u32, expiring: bool) -> bool {
        let passed = self.due.iter().skip(self.next).take_while(|(other, _)| *other < key).count();
        self.next += passed;
        self.key = key;
        self.expiring = expiring;
        self.since = self.changes.ids.len();
        expiring || self.due.get(self.next).is_some_and(|(other, _)| *other == key)
    }

    /// The next timer that is due. One that this call has set again or cleared is not: what rows do comes first. Timers
    /// that are not taken are gone.
    pub fn next_due(&mut self) -> Option<Timer> {
        loop {
            let (_, timer) = *self.due.get(self.next).filter(|(key, _)| *key == self.key)?;
            self.next += 1;
            if !self.changes.ids.iter().skip(self.since).any(|id| *id == timer.id) {
                return Some(timer);
            }
        }
    }

    /// Sets timer `id` to be due when the watermark reaches `at`; if that is past, in the next epoch. The key's timer of the
    /// same number is moved.
    pub fn set(&mut self, id: u32, at: Timestamp) {
        self.change(id, at, Clock::EventTime, false);
    }

    /// As [`Timers::set`], for processing time, see [`crate::Context::now`].
    pub fn set_processing(&mut self, id: u32, at: Timestamp) {
        self.change(id, at, Clock::ProcessingTime, false);
    }

    /// Clears timer `id`, if the key has it.
    pub fn clear(&mut self, id: u32) {
        self.change(id, Timestamp(0), Clock::EventTime, true);
    }

    /// Whether the key's time to live has ended: this is its last call, and its state is dropped after it.
    pub fn expiring(&self) -> bool {
        self.expiring
    }

    fn change(&mut self, id: u32, at: Timestamp, clock: Clock, cleared: bool) {
        self.changes.keys.push(self.key);
        self.changes.ids.push(id);
        self.changes.at.push(at.0);
        self.changes.clocks.push(match clock {
            Clock::EventTime => 0,
            Clock::ProcessingTime => 1,
        });
        self.changes.cleared.push(u8::from(cleared));
    }

    pub(super) fn into_changes(self) -> TimerChanges {
        let Changes { keys, ids, at, clocks, cleared } = self.changes;
        let timers = Wire {
            key: bytemuck::cast_slice(&keys).to_vec(),
            ids: bytemuck::cast_slice(&ids).to_vec(),
            at: bytemuck::cast_slice(&at).to_vec(),
            clock: clocks,
        };
        TimerChanges { timers, cleared }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(timers: &[(u32, u32, i64, u8)]) -> Wire {
        let words =
            |of: fn(&(u32, u32, i64, u8)) -> u32| timers.iter().flat_map(|timer| of(timer).to_le_bytes()).collect();
        Wire {
            key: words(|timer| timer.0),
            ids: words(|timer| timer.1),
            at: timers.iter().flat_map(|timer| timer.2.to_le_bytes()).collect(),
            clock: timers.iter().map(|timer| timer.3).collect(),
        }
    }

    fn ids(timers: &mut Timers) -> Vec<u32> {
        std::iter::from_fn(|| timers.next_due()).map(|timer| timer.id).collect()
    }

    #[test]
    fn a_key_is_given_its_own_timers_in_order_of_time() {
        let mut timers = Timers::new(wire(&[(2, 1, 10, 0), (0, 2, 20, 1), (2, 3, 30, 0)]), 3).expect("timers");
        assert!(timers.enter(0, false));
        assert_eq!(timers.next_due(), Some(Timer { id: 2, at: Timestamp(20), clock: Clock::ProcessingTime }));
        assert_eq!(timers.next_due(), None);
        assert!(!timers.enter(1, false));
        assert!(timers.enter(1, true) && timers.expiring());
        assert!(timers.enter(2, false));
        assert_eq!(ids(&mut timers), [1, 3]);
    }

    #[test]
    fn timers_that_were_not_taken_are_not_given_to_the_next_key() {
        let mut timers = Timers::new(wire(&[(0, 1, 10, 0), (1, 2, 20, 0)]), 2).expect("timers");
        timers.enter(0, false);
        timers.enter(1, false);
        assert_eq!(ids(&mut timers), [2]);
    }

    #[test]
    fn a_timer_that_was_moved_or_cleared_is_not_due_but_for_another_key_it_is() {
        let due = [(0, 1, 10, 0), (0, 2, 10, 0), (0, 3, 10, 0), (1, 1, 10, 0)];
        let mut timers = Timers::new(wire(&due), 2).expect("timers");
        timers.enter(0, false);
        timers.set(1, Timestamp(50));
        timers.clear(2);
        assert_eq!(ids(&mut timers), [3]);
        timers.enter(1, false);
        assert_eq!(ids(&mut timers), [1]);
        let changes = timers.into_changes();
        assert_eq!(changes.cleared, [0, 1]);
        assert_eq!(changes.timers.at, [50_i64, 0].map(i64::to_le_bytes).concat());
    }

    #[test]
    fn what_no_host_sends_is_an_error() {
        assert!(Timers::new(wire(&[(1, 0, 0, 0)]), 1).expect_err("no such key").contains("key 1"));
        assert!(Timers::new(wire(&[(0, 0, 0, 2)]), 1).expect_err("no such clock").contains("clock 2"));
        let short = Wire { at: vec![0; 7], ..wire(&[(0, 0, 0, 0)]) };
        assert!(Timers::new(short, 1).expect_err("too short").contains("lengths"));
    }
}
