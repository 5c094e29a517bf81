//! The state of one partition of one operator, as compute threads share it.
//!
//! A reduce task holds the lock for its epoch; the tasks of two epochs of a partition never overlap, so nobody waits for it.
//! Besides, the planner may ask at any time when a partition wants to be reduced next though no row comes.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use pelton_core::window::Clock;

use crate::{
    job::plan::{Logic, PlannedOperator},
    operator::{aggregate, join, keyed, tables::SideTables},
    state::budget::Budget,
};

#[derive(Debug)]
pub(super) enum State {
    Aggregate(Box<aggregate::Partition>),
    Keyed(Box<keyed::Partition>),
    Join(Box<join::Partition>),
}

#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct SnapshotError;

impl State {
    pub(super) fn save(&self) -> Vec<u8> {
        Vec::new()
    }
}

#[derive(Debug)]
pub(super) struct Partition {
    state: Mutex<State>,
    /// Processing time, in µs, from which on something is due; `i64::MAX`: nothing is.
    wakes: AtomicI64,
}

impl Partition {
    /// All partitions of an operator, without state.
    pub(super) fn of(planned: &PlannedOperator, tables: &SideTables) -> Vec<Self> {
        let new = |state| Self { state: Mutex::new(state), wakes: AtomicI64::new(i64::MAX) };
        let numbers = 0..planned.logic.partitions();
        match &planned.logic {
            Logic::Transform(_) | Logic::Lookup(_) => Vec::new(),
            Logic::Aggregate(plan) => {
                numbers.map(|number| new(State::Aggregate(Box::new(aggregate::Partition::new(plan, number))))).collect()
            }
            Logic::Keyed(plan) => {
                let budget = Budget::new(plan.limits.state_bytes);
                numbers
                    .map(|number| new(State::Keyed(Box::new(keyed::Partition::new(plan, number, &budget, tables)))))
                    .collect()
            }
            Logic::Join(plan) => {
                let budget = Budget::new(plan.state_bytes);
                numbers.map(|number| new(State::Join(Box::new(join::Partition::new(plan, number, &budget))))).collect()
            }
        }
    }

    pub(super) fn load_all(_planned: &PlannedOperator, _saved: &[Vec<u8>]) -> Result<Vec<Self>, SnapshotError> {
        Err(SnapshotError)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Poisoned only if the run is failing: another task has panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called at the end of an epoch, with its state.
    pub(super) fn sleep(&self, logic: &Logic, state: &State) {
        let wakes = match (logic, state) {
            (Logic::Keyed(plan), State::Keyed(_)) if plan.idle_keys => Some(i64::MIN),
            (Logic::Keyed(plan), State::Keyed(state)) => {
                state.wakes(plan.ttl.is_some_and(|ttl| ttl.clock == Clock::Processing))
            }
            (Logic::Aggregate(plan), State::Aggregate(state)) => state.wakes(plan),
            _ => None,
        };
        self.wakes.store(wakes.unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// Whether something is due at this processing time. Says so once, until the next epoch has ended.
    pub(super) fn is_due(&self, now: i64) -> bool {
        self.wakes.load(Ordering::Relaxed) <= now && self.wakes.swap(i64::MAX, Ordering::Relaxed) <= now
    }
}
