//! Time to live: when each key ends unless it is touched again.
//!
//! A deadline moves with every row of a busy key, so the queue is lazy: it has one entry for each key, at a time that is not
//! after its deadline, and an entry that comes up too early goes back.

mod snapshot;

use std::collections::BTreeSet;

pub use self::snapshot::SavedExpiry;

#[derive(Debug, Default)]
pub struct Expiry {
    /// By slot; [`NEVER`]: none.
    deadlines: Vec<i64>,
    /// By slot: the time of its entry in the queue.
    queued: Vec<i64>,
    queue: BTreeSet<(i64, u32)>,
}

const NEVER: i64 = i64::MAX;

impl Expiry {
    /// A key lives until `deadline` (µs) at least.
    pub fn touch(&mut self, slot: u32, deadline: i64) {
        let at = slot as usize;
        if self.deadlines.len() <= at {
            self.deadlines.resize(at + 1, NEVER);
            self.queued.resize(at + 1, NEVER);
        }
        let (Some(known), Some(queued)) = (self.deadlines.get_mut(at), self.queued.get_mut(at)) else { return };
        let deadline = deadline.min(NEVER - 1);
        if *known == NEVER {
            (*known, *queued) = (deadline, deadline);
            self.queue.insert((deadline, slot));
        } else {
            *known = deadline.max(*known);
        }
    }

    /// The keys whose deadline `time` has reached, in order of it. They keep it.
    pub fn due(&mut self, time: i64) -> Vec<(i64, u32)> {
        let mut due = Vec::new();
        let later = self.queue.split_off(&(time.saturating_add(1), 0));
        for (_, slot) in std::mem::replace(&mut self.queue, later) {
            let at = slot as usize;
            let (Some(deadline), Some(queued)) = (self.deadlines.get(at), self.queued.get_mut(at)) else { continue };
            *queued = *deadline;
            self.queue.insert((*deadline, slot));
            if *deadline <= time {
                due.push((*deadline, slot));
            }
        }
        due.sort_unstable();
        due
    }

    /// The deadline of a key.
    pub fn deadline(&self, slot: u32) -> Option<i64> {
        self.deadlines.get(slot as usize).copied().filter(|deadline| *deadline != NEVER)
    }

    pub fn release(&mut self, slot: u32) {
        let at = slot as usize;
        if let (Some(deadline), Some(queued)) = (self.deadlines.get_mut(at), self.queued.get_mut(at)) {
            self.queue.remove(&(*queued, slot));
            (*deadline, *queued) = (NEVER, NEVER);
        }
    }

    /// The earliest time at which a key may end.
    pub fn next(&self) -> Option<i64> {
        self.queue.first().map(|(time, _)| *time)
    }

    /// Bytes held, about.
    pub fn held_bytes(&self) -> usize {
        self.deadlines.len() * 16 + self.queue.len() * 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_at_its_last_deadline_and_once_released_never() {
        let mut expiry = Expiry::default();
        expiry.touch(4, 10);
        expiry.touch(2, 30);
        expiry.touch(4, 50);
        expiry.touch(4, 40);
        assert_eq!(expiry.due(9), []);
        assert_eq!(expiry.due(30), [(30, 2)], "4 was touched again");
        assert_eq!(expiry.due(30), [(30, 2)], "it is due until it is released");
        expiry.release(2);
        assert_eq!(expiry.due(49), []);
        assert_eq!(expiry.due(50), [(50, 4)]);
        expiry.release(4);
        expiry.touch(4, 20);
        assert_eq!((expiry.next(), expiry.deadline(4), expiry.deadline(2)), (Some(20), Some(20), None));
        assert_eq!(expiry.due(i64::MAX), [(20, 4)]);
    }
}
