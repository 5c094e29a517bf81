//! The state of one partition of one operator, as compute threads share it.
//!
//! A reduce task holds the lock for its epoch; the tasks of two epochs of a partition never overlap, so nobody waits for it.
//! Besides, the planner may ask at any time when a partition wants to be reduced next though no row comes.
//!
//! A revision of the job takes the partitions of the one before over. Where a module was exchanged, or where there is a shadow, a
//! partition begins as an [`Heir`]: the first task that asks for its state takes it from the partition before, or copies it,
//! when all epochs of the revision before are done.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
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
    /// Not yet taken from the partition before.
    Heir(Heir),
    /// An heir has taken it.
    Gone,
    /// The operator's canary has it; or it is a canary, and the operator has it.
    Elsewhere,
}

impl State {
    /// The state at the end of an epoch, as bytes that [`Partition::load`] takes. `logic` is the operator's.
    pub(super) fn save(&self, logic: &Logic) -> Vec<u8> {
        match (self, logic) {
            (Self::Aggregate(state), Logic::Aggregate(plan)) => state.save(plan),
            (Self::Keyed(state), Logic::Keyed(plan)) => state.save(plan),
            (Self::Join(state), Logic::Join(plan)) => state.save(plan),
            (Self::Elsewhere, _) => Vec::new(),
            _ => unreachable!("partitions are made from the plan, and saved after they were reduced"),
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

    /// The state of `old` as that of `new`: the change was checked when it was planned.
    fn evolve(&mut self, old: &Logic, new: &Logic, budget: &Arc<Budget>) {
        match (self, old, new) {
            (Self::Aggregate(state), Logic::Aggregate(old), Logic::Aggregate(new)) => state.evolve(old, new),
            (Self::Keyed(state), Logic::Keyed(old), Logic::Keyed(new)) => state.evolve(old, new, budget),
            (Self::Join(state), Logic::Join(_), Logic::Join(_)) => state.account_to(budget),
            _ => unreachable!("an operator stays of its kind"),
        }
    }
}

/// Takes the state of a partition of the revision before.
#[derive(Debug)]
pub(super) struct Heir {
    /// The first of them that is sound is taken.
    from: Vec<Arc<Legacy>>,
    number: u16,
    budget: Arc<Budget>,
}

/// A partition whose operator is exchanged, for those that take its state.
#[derive(Debug)]
pub(super) struct Legacy {
    partition: Arc<Partition>,
    logic: Logic,
    /// Its module has failed, and its state may be half of something.
    has_failed: Arc<AtomicBool>,
    /// How many may still want it: the last one need not copy it.
    heirs: AtomicUsize,
}

impl Legacy {
    pub(super) fn new(partition: &Arc<Partition>, logic: &Logic, has_failed: &Arc<AtomicBool>, heirs: usize) -> Self {
        let (partition, logic, has_failed) = (Arc::clone(partition), logic.clone(), Arc::clone(has_failed));
        Self { partition, logic, has_failed, heirs: AtomicUsize::new(heirs) }
    }
}

impl Heir {
    pub(super) fn new(from: Vec<Arc<Legacy>>, number: u16, budget: &Arc<Budget>) -> Self {
        Self { from, number, budget: Arc::clone(budget) }
    }

    /// The state, as that of `logic`. Only once all epochs of the revision before are done.
    fn inherit(self, logic: &Logic) -> State {
        let is_sound = |legacy: &&Arc<Legacy>| !legacy.has_failed.load(Ordering::Relaxed);
        let chosen = self.from.iter().find(is_sound).or(self.from.last()).expect("an heir has somebody before it");
        let mut state = State::Gone;
        for legacy in &self.from {
            let mut held = legacy.partition.lock(&legacy.logic);
            let is_last = legacy.heirs.fetch_sub(1, Ordering::AcqRel) == 1;
            if Arc::ptr_eq(legacy, chosen) {
                state = if is_last {
                    std::mem::replace(&mut *held, State::Gone)
                } else {
                    let saved = held.save(&legacy.logic);
                    State::load(&legacy.logic, self.number, &self.budget, &saved)
                        .expect("what was saved just now loads")
                };
            }
        }
        state.evolve(&chosen.logic, logic, &self.budget);
        state
    }
}

#[derive(Debug)]
pub(super) struct Partition {
    state: Mutex<State>,
    /// Processing time, in µs, from which on something is due; `i64::MAX`: nothing is.
    wakes: AtomicI64,
}

/// What the state of an operator may hold.
pub(super) fn budget(logic: &Logic) -> Arc<Budget> {
    Budget::new(match logic {
        Logic::Keyed(plan) => plan.limits.state_bytes,
        Logic::Join(plan) => plan.state_bytes,
        Logic::Transform(_) | Logic::Lookup(_) | Logic::Aggregate(_) => 0,
    })
}

impl Partition {
    fn with(state: State, wakes: i64) -> Self {
        Self { state: Mutex::new(state), wakes: AtomicI64::new(wakes) }
    }

    /// All partitions of an operator, as they were saved: one after the other.
    pub(super) fn load(planned: &PlannedOperator, bytes: &[impl AsRef<[u8]>]) -> Result<Vec<Arc<Self>>, SnapshotError> {
        let count = usize::from(planned.logic.partitions());
        if bytes.len() != count {
            return Err(SnapshotError::Count { saved: bytes.len(), expected: count });
        }
        let budget = budget(&planned.logic);
        let one = |(number, bytes): (u16, &[u8])| {
            if !planned.has_partition(number) {
                return Ok(Self::elsewhere());
            }
            let state = State::load(&planned.logic, number, &budget, bytes)?;
            let partition = Self::with(State::Gone, i64::MAX);
            partition.sleep(&planned.logic, &state);
            *partition.lock(&planned.logic) = state;
            Ok(Arc::new(partition))
        };
        (0..).zip(bytes.iter().map(AsRef::as_ref)).map(one).collect()
    }

    /// All partitions of an operator, without state.
    pub(super) fn of(planned: &PlannedOperator, tables: &SideTables) -> Vec<Arc<Self>> {
        let budget = budget(&planned.logic);
        let state = |number| match &planned.logic {
            Logic::Transform(_) | Logic::Lookup(_) => unreachable!("they have no partitions"),
            Logic::Aggregate(plan) => State::Aggregate(Box::new(aggregate::Partition::new(plan, number))),
            Logic::Keyed(plan) => State::Keyed(Box::new(keyed::Partition::new(plan, number, &budget, tables))),
            Logic::Join(plan) => State::Join(Box::new(join::Partition::new(plan, number, &budget))),
        };
        let one = |number| match planned.has_partition(number) {
            true => Arc::new(Self::with(state(number), i64::MAX)),
            false => Self::elsewhere(),
        };
        (0..planned.logic.partitions()).map(one).collect()
    }

    /// The partition of somebody else.
    pub(super) fn elsewhere() -> Arc<Self> {
        Arc::new(Self::with(State::Elsewhere, i64::MAX))
    }

    /// A partition that takes over when it is asked for first. That is soon: what is due in it is known only then.
    pub(super) fn inheriting(heir: Heir) -> Arc<Self> {
        Arc::new(Self::with(State::Heir(heir), i64::MIN))
    }

    /// `logic` is the operator's.
    pub(super) fn lock(&self, logic: &Logic) -> MutexGuard<'_, State> {
        // Poisoned only if the run is failing: another task has panicked.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Heir(_))
            && let State::Heir(heir) = std::mem::replace(&mut *state, State::Gone)
        {
            *state = heir.inherit(logic);
        }
        state
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
