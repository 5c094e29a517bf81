//! The accumulators of one partition: a table for each function, in which a group has the same slot in all of them.
//!
//! Every kind of window keeps its groups here, and merges them by [`Accumulators::merge`]. Merges that need each
//! other's results are put in [`Rounds`], so that a guest is called once for many groups.

mod snapshot;

pub use self::snapshot::Moving;
use pelton_core::evolution::Evolution;
use pelton_wasm::CallError;

use super::{
    AggregatePlan,
    calls::{Calls, Columns, take},
    lost::{Lost, Unmerged},
};
use crate::{operator::poison::Chosen, state::rows::StateRows};

#[derive(Debug)]
pub struct Accumulators(Vec<StateRows>);

impl Accumulators {
    pub fn new(plan: &AggregatePlan) -> Self {
        Self(plan.functions.iter().map(|function| StateRows::new(&function.signature.accumulator)).collect())
    }

    /// The accumulators of `old` as those of `new`, whose functions are as many and whose columns fit.
    pub fn evolve(&mut self, old: &AggregatePlan, new: &AggregatePlan) {
        for ((rows, old), new) in self.0.iter_mut().zip(&old.functions).zip(&new.functions) {
            let (old, new) = (&old.signature.accumulator, &new.signature.accumulator);
            if old != new {
                let evolution = Evolution::between(old, new).expect("the change of the job was checked");
                rows.evolve(&evolution, new);
            }
        }
    }

    /// Bytes held, about.
    pub fn held_bytes(&self) -> usize {
        self.0.iter().map(StateRows::held_bytes).sum()
    }

    /// A slot whose accumulators are the identity.
    pub fn allocate(&mut self) -> u32 {
        self.0.iter_mut().map(StateRows::allocate).last().expect("an operator has at least one function")
    }

    /// Appends to `slots` so many of them, whose accumulators are the identity.
    pub fn allocate_many(&mut self, count: usize, slots: &mut Vec<u32>) {
        let before = slots.len();
        for rows in &mut self.0 {
            slots.truncate(before);
            rows.allocate_many(count, slots);
        }
    }

    /// Gives slots back; what they held is gone.
    pub fn release(&mut self, slots: &[u32]) {
        self.0.iter_mut().for_each(|rows| rows.release(slots));
    }

    /// The accumulators of these slots, a set of columns for each function.
    pub fn gather(&self, slots: &[u32]) -> Vec<Columns> {
        self.0.iter().map(|rows| rows.gather(slots)).collect()
    }

    /// Adds copies of these slots of another partition's.
    pub fn append(&mut self, other: &Self, slots: &[u32]) {
        self.0.iter_mut().zip(&other.0).for_each(|(rows, other)| rows.append(other, slots));
    }

    /// All accumulators, a set of columns for each function; none is left.
    pub fn take_all(&mut self) -> Vec<Columns> {
        self.0.iter_mut().map(StateRows::take_all).collect()
    }

    /// Writes row i of each set of columns to `slots[i]`.
    pub fn scatter(&mut self, slots: &[u32], columns: &[Columns]) {
        self.0.iter_mut().zip(columns).for_each(|(rows, columns)| rows.scatter(slots, columns));
    }

    /// Merges that do not need each other: none reads or writes what another one writes, except that each may write
    /// where it reads. Those that cannot be made, by themselves or since a part is lost already, are lost.
    pub fn merge(&mut self, calls: &mut Calls, merges: &Round, lost: &mut Lost) -> Result<(), CallError> {
        let sound;
        let merges = if lost.is_empty() {
            merges
        } else {
            sound = lost.sound(merges);
            &sound
        };
        let rows_max = calls.rows_max();
        let Round { left, right, into } = merges;
        for ((left, right), into) in left.chunks(rows_max).zip(right.chunks(rows_max)).zip(into.chunks(rows_max)) {
            self.merge_columns(calls, (&self.gather(left), &self.gather(right)), into, lost)?;
        }
        Ok(())
    }

    /// Merges columns row by row, and writes them to `into`, of which none is named twice. Those that fail are lost, and nothing is
    /// written in their place.
    pub fn merge_columns(
        &mut self,
        calls: &mut Calls,
        (left, right): (&[Columns], &[Columns]),
        into: &[u32],
        lost: &mut Lost,
    ) -> Result<(), CallError> {
        calls.brace();
        let isolated = match calls.merge(into.len(), left, right) {
            Err(error) if calls.isolates(&error) => calls.merge_without_poison(error, into.len(), left, right)?,
            merged => {
                self.scatter(into, &merged?);
                return Ok(());
            }
        };
        if let Some(merged) = &isolated.answer {
            let gone = isolated.poison.iter().map(|(at, _)| *at).collect();
            self.scatter(&Chosen::Without(gone).values(into), merged);
        }
        for (at, fault) in isolated.poison {
            let part = |columns: &[Columns]| take(columns, &[at as u32]);
            if let Some(slot) = into.get(at) {
                lost.insert(*slot, Unmerged { left: part(left), right: part(right), number: at as u64, fault });
            }
        }
        Ok(())
    }
}

/// Slots to merge, row by row; `left` is earlier.
#[derive(Debug, Default)]
pub struct Round {
    left: Vec<u32>,
    right: Vec<u32>,
    into: Vec<u32>,
}

impl Round {
    pub fn push(&mut self, left: u32, right: u32, into: u32) {
        self.left.push(left);
        self.right.push(right);
        self.into.push(into);
    }

    pub fn clear(&mut self) {
        [&mut self.left, &mut self.right, &mut self.into].into_iter().for_each(Vec::clear);
    }

    /// Each as (left, right, into).
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        self.left.iter().zip(&self.right).zip(&self.into).map(|((left, right), into)| (*left, *right, *into))
    }
}

/// Merges in the order in which they were asked for, as few rounds as that allows.
#[derive(Debug, Default)]
pub struct Rounds {
    rounds: Vec<Round>,
    /// By slot, in which round it can be merged next.
    next: Vec<u32>,
}

impl Rounds {
    /// Merges `absorbed` into `into`.
    pub fn push(&mut self, into: u32, absorbed: u32) {
        let round = self.next_of(into).max(self.next_of(absorbed)) as usize;
        if round >= self.rounds.len() {
            self.rounds.push(Round::default());
        }
        if let Some(round) = self.rounds.get_mut(round) {
            round.push(into, absorbed, into);
        }
        let at = into as usize;
        if at >= self.next.len() {
            self.next.resize(at + 1, 0);
        }
        if let Some(next) = self.next.get_mut(at) {
            *next = round as u32 + 1;
        }
    }

    /// Carries them out, and forgets them. The slots absorbed are free then. Answers with what is lost of those that are not.
    pub fn carry_out(&mut self, accumulators: &mut Accumulators, calls: &mut Calls) -> Result<Lost, CallError> {
        let mut lost = Lost::default();
        for round in std::mem::take(&mut self.rounds) {
            accumulators.merge(calls, &round, &mut lost)?;
            for slot in &round.into {
                if let Some(next) = self.next.get_mut(*slot as usize) {
                    *next = 0;
                }
            }
            accumulators.release(&round.right);
            lost.forget(&round.right);
        }
        Ok(lost)
    }

    fn next_of(&self, slot: u32) -> u32 {
        self.next.get(slot as usize).copied().unwrap_or_default()
    }
}
