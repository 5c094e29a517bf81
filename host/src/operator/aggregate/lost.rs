//! Merges that failed, and what of a partition is lost by them.
//!
//! Called where accumulators are merged, if `on-trap` isolates: a merge that fails by itself drops both of its parts, and so does each
//! later one that would have needed what came of it. Whoever asked for the merges finds out which of its groups are lost, drops
//! them and makes a letter of each ([`super::letters`]). Invariant: nothing is written where a merge failed, and a group has one letter.

use std::collections::BTreeMap;

use super::{accumulators::Round, calls::Columns};
use crate::operator::poison::Fault;

/// Two accumulators that cannot be put together: a row of each, one set of columns for each function.
#[derive(Debug)]
pub struct Unmerged {
    pub left: Vec<Columns>,
    pub right: Vec<Columns>,
    /// Which row of its call it was.
    pub number: u64,
    pub fault: Fault,
}

/// What is lost of a number of merges that may need each other.
#[derive(Debug, Default)]
pub struct Lost {
    failures: Vec<Option<Unmerged>>,
    /// By slot that holds nothing any more, the failure that it goes back to.
    slots: BTreeMap<u32, usize>,
}

impl Lost {
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub fn insert(&mut self, slot: u32, unmerged: Unmerged) {
        self.slots.insert(slot, self.failures.len());
        self.failures.push(Some(unmerged));
    }

    /// Whether this slot holds nothing any more.
    pub fn is_lost(&self, slot: u32) -> bool {
        self.slots.contains_key(&slot)
    }

    /// Why this slot is lost, if no letter has said so.
    pub fn take(&mut self, slot: u32) -> Option<Unmerged> {
        let failure = self.slots.remove(&slot)?;
        self.failures.get_mut(failure)?.take()
    }

    /// The slots that are lost, in the order in which they failed.
    pub fn take_all(&mut self) -> Vec<(u32, Unmerged)> {
        let mut slots: Vec<(u32, usize)> = std::mem::take(&mut self.slots).into_iter().collect();
        slots.sort_by_key(|(_, failure)| *failure);
        let failures = &mut self.failures;
        slots.into_iter().filter_map(|(slot, failure)| Some((slot, failures.get_mut(failure)?.take()?))).collect()
    }

    /// These slots are given back: nobody asks for them any more.
    pub fn forget(&mut self, slots: &[u32]) {
        if !self.slots.is_empty() {
            self.slots.retain(|slot, _| !slots.contains(slot));
        }
    }

    /// Those merges whose parts are both there. Where one is lost, so is what would have come of it.
    pub fn sound(&mut self, round: &Round) -> Round {
        let mut sound = Round::default();
        for (left, right, into) in round.iter() {
            if !self.spoils(left, right, into) {
                sound.push(left, right, into);
            }
        }
        sound
    }

    fn spoils(&mut self, left: u32, right: u32, into: u32) -> bool {
        let [left, right] = [left, right].map(|slot| self.slots.get(&slot).copied());
        let Some(failure) = left.or(right) else { return false };
        if let Some(other) = right.filter(|other| *other != failure)
            && let Some(unmerged) = self.failures.get_mut(other)
        {
            // One letter says that the group is gone.
            *unmerged = None;
        }
        self.slots.insert(into, failure);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn unmerged(number: u64) -> Unmerged {
        let fault = Fault { code: Code::Trap, message: String::new(), trace: Vec::new() };
        Unmerged { left: Vec::new(), right: Vec::new(), number, fault }
    }

    fn round(merges: &[(u32, u32, u32)]) -> Round {
        let mut round = Round::default();
        merges.iter().for_each(|(left, right, into)| round.push(*left, *right, *into));
        round
    }

    #[test]
    fn what_needs_a_lost_part_is_lost_and_all_else_is_merged() {
        let mut lost = Lost::default();
        lost.insert(3, unmerged(70));
        lost.insert(8, unmerged(71));
        // 5 takes in 3; then 5 takes in 8; 1 and 2 have nothing to do with them.
        let sound = lost.sound(&round(&[(5, 3, 5), (1, 2, 1)]));
        assert_eq!(sound.iter().collect::<Vec<_>>(), [(1, 2, 1)]);
        lost.forget(&[3, 2]);
        assert!(lost.sound(&round(&[(5, 8, 5)])).iter().next().is_none());
        lost.forget(&[8]);
        let left: Vec<(u32, u64)> = lost.take_all().into_iter().map(|(slot, of)| (slot, of.number)).collect();
        assert_eq!(left, [(5, 70)], "one letter for the group");
        assert!(lost.is_empty() && lost.take(5).is_none());
    }
}
