//! The state of one partition of one operator, as compute threads share it.
//!
//! A reduce task holds the lock for its epoch; the tasks of two epochs of a partition never overlap, so nobody waits for it.
//! Besides, the planner may ask at any time when a partition wants to be reduced next though no row comes.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use pelton_core::window::Clock;

use crate::{
    job::plan::{Logic, PlannedOperator},
    operator::{aggregate, join, keyed, tables::SideTables},
    state::{budget::Budget, snapshot::SnapshotError},
};

#[derive(Debug)]
pub(super) enum State {
    Aggregate(Box<aggregate::Partition>),
    Keyed(Box<keyed::Partition>),
    Join(Box<join::Partition>),
}

impl State {
    /// The state at the end of an epoch, as bytes that [`Partition::load`] takes. `logic` is the operator's.
    pub(super) fn save(&self, logic: &Logic) -> Vec<u8> {
        match (self, logic) {
            (Self::Aggregate(state), Logic::Aggregate(plan)) => state.save(plan),
            (Self::Keyed(state), Logic::Keyed(plan)) => state.save(plan),
            (Self::Join(state), Logic::Join(plan)) => state.save(plan),
            _ => unreachable!("partitions are made from the plan"),
        }
    }

    fn load(logic: &Logic, number: u16, budget: &Arc<Budget>, bytes: &[u8]) -> Result<Self, SnapshotError> {
        Ok(match logic {
            Logic::Aggregate(plan) => Self::Aggregate(Box::new(aggregate::Partition::load(plan, number, bytes)?)),
            Logic::Keyed(plan) => Self::Keyed(Box::new(keyed::Partition::load(plan, number, budget, bytes)?)),
            Logic::Join(plan) => Self::Join(Box::new(join::Partition::load(plan, number, budget, bytes)?)),
            Logic::Transform(_) | Logic::Lookup(_) => unreachable!("only operators with partitions have state"),
        })
    }
}

#[derive(Debug)]
pub(super) struct Partition {
    state: Mutex<State>,
    /// Processing time, in µs, from which on something is due; `i64::MAX`: nothing is.
    wakes: AtomicI64,
}

impl Partition {
    /// All partitions of an operator, as they were saved: one after the other.
    pub(super) fn load(planned: &PlannedOperator, bytes: &[impl AsRef<[u8]>]) -> Result<Vec<Self>, SnapshotError> {
        let count = usize::from(planned.logic.partitions());
        if bytes.len() != count {
            return Err(SnapshotError::Count { saved: bytes.len(), expected: count });
        }
        let state_bytes = match &planned.logic {
            Logic::Keyed(plan) => plan.limits.state_bytes,
            Logic::Join(plan) => plan.state_bytes,
            Logic::Transform(_) | Logic::Lookup(_) | Logic::Aggregate(_) => 0,
        };
        let budget = Budget::new(state_bytes);
        let one = |(number, bytes): (u16, &[u8])| {
            let state = State::load(&planned.logic, number, &budget, bytes)?;
            let partition = Self { state: Mutex::new(state), wakes: AtomicI64::new(i64::MAX) };
            let guard = partition.lock();
            partition.sleep(&planned.logic, &guard);
            drop(guard);
            Ok(partition)
        };
        (0..).zip(bytes.iter().map(AsRef::as_ref)).map(one).collect()
    }

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
