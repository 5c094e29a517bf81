//! Where results depend on the order of rows: the strands of a session, in the order in which they came.
//!
//! ```text
//! rows of a key as they came   a1 a2 b1 a3 b2 b3         two sessions, a and b
//! strands                      └─0─┘ └1┘└2┘└─3─┘         each is folded into accumulators of its own
//! a row joins a and b          merged as they came: 0, 1, 2, 3
//! ```
//!
//! Mostly a session is one strand. It has several only while rows of another session of its key came in between: a later row may join the
//! two, and then accumulators of whole sessions could not be put in order any more. Strands are put together as soon as nothing can come in
//! between, when their key has new rows. Invariant: the strands of a session ascend.

use pelton_wasm::CallError;

use crate::operator::aggregate::{
    accumulators::{Accumulators, Round, Rounds},
    calls::Calls,
    lost::Lost,
};

/// Rows of one session between which came none of another one of their key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strand {
    /// Its place among all that came to the partition.
    pub arrival: u64,
    /// Where its accumulators are.
    pub slot: u32,
}

/// The strands of all sessions of a partition.
#[derive(Debug, Default)]
pub struct Strands {
    /// By the session's number, which it has in the place of a slot.
    lists: Vec<Vec<Strand>>,
    /// Numbers that no session has.
    free: Vec<u32>,
    /// The place of what comes next.
    next: u64,
}

impl Strands {
    /// Where [`Self::arrive`] goes on.
    pub fn from(next: u64) -> Self {
        Self { next, ..Self::default() }
    }

    /// The place of what comes now.
    pub fn arrive(&mut self) -> u64 {
        self.next = self.next.saturating_add(1);
        self.next - 1
    }

    /// What comes next comes behind so many others as well.
    pub fn go_on_from(&mut self, next: u64) {
        self.next = self.next.max(next);
    }

    /// How many have come.
    pub fn arrived(&self) -> u64 {
        self.next
    }

    /// A session of these strands, which ascend; its number.
    pub fn begin(&mut self, strands: Vec<Strand>) -> u32 {
        let Some(number) = self.free.pop() else {
            self.lists.push(strands);
            return self.lists.len() as u32 - 1;
        };
        if let Some(list) = self.lists.get_mut(number as usize) {
            *list = strands;
        }
        number
    }

    /// One session takes in another one, whose number is free then.
    pub fn absorb(&mut self, into: u32, absorbed: u32) {
        let strands = self.end(absorbed);
        if let Some(list) = self.lists.get_mut(into as usize) {
            list.extend(strands);
            list.sort_unstable_by_key(|strand| strand.arrival);
        }
    }

    /// Forgets a session; what it had.
    pub fn end(&mut self, session: u32) -> Vec<Strand> {
        self.free.push(session);
        self.lists.get_mut(session as usize).map(std::mem::take).unwrap_or_default()
    }

    pub fn of(&self, session: u32) -> &[Strand] {
        self.lists.get(session as usize).map_or(&[], Vec::as_slice)
    }

    /// Puts strands together between which none of another session came. `sessions` are all those of one key; `rounds` merges
    /// the accumulators.
    pub fn settle(&mut self, sessions: &[u32], rounds: &mut Rounds) {
        let strands_of = |session: &u32| self.of(*session).iter().map(|strand| (*strand, *session)).collect::<Vec<_>>();
        let mut all: Vec<(Strand, u32)> = sessions.iter().flat_map(strands_of).collect();
        if all.len() == sessions.len() {
            return;
        }
        all.sort_unstable_by_key(|(strand, _)| strand.arrival);
        for session in sessions {
            if let Some(list) = self.lists.get_mut(*session as usize) {
                list.clear();
            }
        }
        let mut before: Option<(u32, u32)> = None;
        for (strand, session) in all {
            match before {
                Some((same, into)) if same == session => rounds.push(into, strand.slot),
                _ => {
                    before = Some((session, strand.slot));
                    if let Some(list) = self.lists.get_mut(session as usize) {
                        list.push(strand);
                    }
                }
            }
        }
    }

    /// Bytes held, about, by so many sessions.
    pub fn held_bytes(&self, sessions: usize) -> usize {
        self.lists.capacity() * size_of::<Vec<Strand>>() + sessions * size_of::<Strand>() + self.free.capacity() * 4
    }
}

/// Sessions of several strands, each merged into a copy, for as long as results leave.
#[derive(Debug, Default)]
pub struct Wholes {
    slots: Vec<u32>,
    /// What is merged first, next, …
    rounds: Vec<Round>,
}

impl Wholes {
    /// Where the accumulators of a session with these strands are once [`Self::merge`] is done.
    pub fn of(&mut self, strands: &[Strand], accumulators: &mut Accumulators) -> u32 {
        let (Some(first), rest) = (strands.first(), strands.get(1..).unwrap_or_default()) else { return u32::MAX };
        if rest.is_empty() {
            return first.slot;
        }
        let whole = accumulators.allocate();
        self.slots.push(whole);
        self.rounds.resize_with(self.rounds.len().max(rest.len()), Round::default);
        let mut left = first.slot;
        for (strand, round) in rest.iter().zip(&mut self.rounds) {
            round.push(left, strand.slot, whole);
            left = whole;
        }
        whole
    }

    /// Answers with the copies that are lost.
    pub fn merge(&self, accumulators: &mut Accumulators, calls: &mut Calls) -> Result<Lost, CallError> {
        let mut lost = Lost::default();
        self.rounds.iter().try_for_each(|round| accumulators.merge(calls, round, &mut lost))?;
        Ok(lost)
    }

    /// Gives the copies back.
    pub fn release(self, accumulators: &mut Accumulators) {
        accumulators.release(&self.slots);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strand(arrival: u64) -> Strand {
        Strand { arrival, slot: 100 + arrival as u32 }
    }

    fn arrivals(strands: &Strands, session: u32) -> Vec<u64> {
        strands.of(session).iter().map(|strand| strand.arrival).collect()
    }

    #[test]
    fn strands_are_put_together_where_none_of_another_session_came_in_between() {
        let mut strands = Strands::default();
        let sessions: Vec<u32> = (0..6).map(|arrival| strands.begin(vec![strand(arrival)])).collect();
        let (a, b) = (sessions[0], sessions[2]);
        // As they came: a a b a b b.
        for (into, absorbed) in [(a, 3), (a, 1), (b, 4), (b, 5)] {
            strands.absorb(into, sessions[absorbed]);
        }
        strands.settle(&[b, a], &mut Rounds::default());
        assert_eq!((arrivals(&strands, a), arrivals(&strands, b)), (vec![0, 3], vec![2, 4]));
        strands.absorb(b, a);
        assert_eq!(arrivals(&strands, b), [0, 2, 3, 4]);
        strands.settle(&[b], &mut Rounds::default());
        assert_eq!(arrivals(&strands, b), [0]);
    }

    #[test]
    fn numbers_of_sessions_that_ended_are_given_out_again() {
        let mut strands = Strands::from(7);
        assert_eq!((strands.arrive(), strands.arrived()), (7, 8));
        let first = strands.begin(vec![strand(7)]);
        assert_eq!(strands.end(first), [strand(7)]);
        assert!(strands.of(first).is_empty());
        assert_eq!(strands.begin(vec![strand(8)]), first);
    }
}
