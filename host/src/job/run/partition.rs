//! The state of one partition of one operator, as compute threads share it.
//!
//! A reduce task holds the lock for its epoch; the tasks of two epochs of a partition never overlap, so nobody waits for it.
//! Besides, the planner may ask at any time when a partition wants to be reduced next though no row comes.
//!
//! A revision of the job takes the partitions of the one before over. Where a module was exchanged, or where there is a shadow, a
//! partition begins as an [`Heir`]: the first task that asks for its state takes it from the partition before, or copies it,
//! when all epochs of the revision before are done.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering},
};

use pelton_core::{evolution::Takeover, window::Clock};

use super::progress::HeldState;
use crate::{
    job::plan::{Logic, PlannedOperator},
    operator::{
        aggregate, join,
        keyed::{self, KeyedPlan, migrate::Sample},
        sort,
        tables::SideTables,
    },
    state::{budget::Budget, snapshot::SnapshotError},
};

#[derive(Debug)]
pub(super) enum State {
    Aggregate(Box<aggregate::Partition>),
    Keyed(Box<keyed::Partition>),
    Join(Box<join::Partition>),
    Sort(Box<sort::Partition>),
    /// Not yet taken from the partition before.
    Heir(Heir),
    /// It could not be taken, and why.
    Unfit(String),
    /// An heir has taken it.
    Gone,
    /// The operator's canary has it; or it is a canary, and the operator has it.
    Elsewhere,
}

impl State {
    /// Of a partition to which nothing has come yet.
    pub(super) fn new(logic: &Logic, number: u16, budget: &Arc<Budget>, tables: &SideTables) -> Self {
        match logic {
            Logic::Transform(_) | Logic::Lookup(_) => unreachable!("they have no partitions"),
            Logic::Aggregate(plan) => Self::Aggregate(Box::new(aggregate::Partition::new(plan, number))),
            Logic::Keyed(plan) => Self::Keyed(Box::new(keyed::Partition::new(plan, number, budget, tables))),
            Logic::Join(plan) => Self::Join(Box::new(join::Partition::new(plan, number, budget))),
            Logic::Sort(_) => Self::Sort(Box::new(sort::Partition::new(number, budget))),
        }
    }

    /// The state at the end of an epoch, as bytes that [`Partition::load`] takes. `logic` is the operator's.
    pub(super) fn save(&self, logic: &Logic) -> Vec<u8> {
        match (self, logic) {
            (Self::Aggregate(state), Logic::Aggregate(plan)) => state.save(plan),
            (Self::Keyed(state), Logic::Keyed(plan)) => state.save(plan),
            (Self::Join(state), Logic::Join(plan)) => state.save(plan),
            (Self::Sort(state), Logic::Sort(plan)) => state.save(plan),
            (Self::Elsewhere, _) => Vec::new(),
            _ => unreachable!("partitions are made from the plan, and saved after they were reduced"),
        }
    }

    pub(super) fn load(logic: &Logic, number: u16, budget: &Arc<Budget>, bytes: &[u8]) -> Result<Self, SnapshotError> {
        Ok(match logic {
            Logic::Aggregate(plan) => Self::Aggregate(Box::new(aggregate::Partition::load(plan, number, bytes)?)),
            Logic::Keyed(plan) => Self::Keyed(Box::new(keyed::Partition::load(plan, number, budget, bytes)?)),
            Logic::Join(plan) => Self::Join(Box::new(join::Partition::load(plan, number, budget, bytes)?)),
            Logic::Sort(plan) => Self::Sort(Box::new(sort::Partition::load(plan, number, budget, bytes)?)),
            Logic::Transform(_) | Logic::Lookup(_) => unreachable!("only operators with partitions have state"),
        })
    }

    fn held(&self) -> HeldState {
        let (keys, bytes) = match self {
            Self::Aggregate(state) => (state.groups(), state.held_bytes()),
            Self::Keyed(state) => (state.keys(), state.held_bytes()),
            Self::Join(state) => (state.keys(), state.held_bytes()),
            // It has rows, and no keys.
            Self::Sort(state) => (0, state.held_bytes()),
            Self::Heir(_) | Self::Unfit(_) | Self::Gone | Self::Elsewhere => (0, 0),
        };
        HeldState { keys: keys as u64, bytes: bytes as u64 }
    }

    /// The state of `old` as that of `new`. The change was checked when it was planned, but for what only the state itself tells.
    fn evolve(&mut self, old: &Logic, new: &Logic, budget: &Arc<Budget>) -> Result<(), String> {
        match (self, old, new) {
            (Self::Aggregate(state), Logic::Aggregate(old), Logic::Aggregate(new)) => state.evolve(old, new),
            (Self::Keyed(state), Logic::Keyed(old), Logic::Keyed(new)) => return state.evolve(old, new, budget),
            (Self::Join(state), Logic::Join(_), Logic::Join(_)) => state.account_to(budget),
            (Self::Sort(state), Logic::Sort(_), Logic::Sort(_)) => state.account_to(budget),
            (Self::Unfit(reason), ..) => return Err(reason.clone()),
            _ => unreachable!("an operator stays of its kind"),
        }
        Ok(())
    }

    /// Nothing but how far event time has come: what was late stays late.
    fn reset(self, logic: &Logic, budget: &Arc<Budget>) -> Self {
        match (self, logic) {
            (Self::Aggregate(state), Logic::Aggregate(plan)) => Self::Aggregate(Box::new(state.reset(plan))),
            (Self::Keyed(state), Logic::Keyed(plan)) => Self::Keyed(Box::new(state.reset(plan, budget))),
            (Self::Unfit(reason), _) => Self::Unfit(reason),
            _ => unreachable!("the change of the job was checked"),
        }
    }

    /// New windows for the modules of `logic`; those that are open stay with the modules before.
    fn drain(self, logic: &Logic, newest: Option<i64>) -> Self {
        match (self, logic) {
            (Self::Aggregate(state), Logic::Aggregate(plan)) => {
                Self::Aggregate(Box::new(state.drain(plan, plan.line(newest))))
            }
            (Self::Unfit(reason), _) => Self::Unfit(reason),
            _ => unreachable!("the change of the job was checked"),
        }
    }

    /// Keys whose state is still of an older version, and groups of windows that the modules before have still to finish.
    fn keys_left(&self) -> usize {
        match self {
            Self::Aggregate(state) => state.groups_draining(),
            Self::Keyed(state) => state.keys_left(),
            _ => 0,
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
    share: Share,
}

/// What an heir takes of the state.
#[derive(Debug, Clone)]
pub(super) enum Share {
    All,
    /// The time.
    Time,
    /// All, but only to finish the windows that are open in some partition.
    OpenWindows(Arc<OpenWindows>),
}

/// How far the windows of an operator reach that is exchanged, over all its partitions.
#[derive(Debug)]
pub(super) struct OpenWindows {
    of: Vec<Arc<Legacy>>,
    newest: OnceLock<Option<i64>>,
}

impl OpenWindows {
    pub(super) fn new(of: Vec<Arc<Legacy>>) -> Self {
        Self { of, newest: OnceLock::new() }
    }

    /// The start of the newest pane. No heir takes a partition before it is known.
    fn newest(&self) -> Option<i64> {
        *self.newest.get_or_init(|| {
            let newest = |legacy: &Arc<Legacy>| match &*legacy.partition.lock(&legacy.logic) {
                State::Aggregate(state) => state.newest_pane(),
                _ => None,
            };
            self.of.iter().filter_map(newest).max()
        })
    }
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
    pub(super) fn new(from: Vec<Arc<Legacy>>, number: u16, budget: &Arc<Budget>, share: Share) -> Self {
        Self { from, number, budget: Arc::clone(budget), share }
    }

    /// The state, as that of `logic`. Only once all epochs of the revision before are done.
    fn inherit(self, logic: &Logic) -> State {
        let newest = match &self.share {
            Share::OpenWindows(open) => open.newest(),
            Share::All | Share::Time => None,
        };
        let is_sound = |legacy: &&Arc<Legacy>| !legacy.has_failed.load(Ordering::Relaxed);
        let chosen = self.from.iter().find(is_sound).or(self.from.last()).expect("an heir has somebody before it");
        let mut state = State::Gone;
        for legacy in &self.from {
            let mut held = legacy.partition.lock(&legacy.logic);
            let is_last = legacy.heirs.fetch_sub(1, Ordering::AcqRel) == 1;
            if Arc::ptr_eq(legacy, chosen) {
                state = match &*held {
                    State::Unfit(reason) => State::Unfit(reason.clone()),
                    _ if is_last => std::mem::replace(&mut *held, State::Gone),
                    _ => {
                        let saved = held.save(&legacy.logic);
                        State::load(&legacy.logic, self.number, &self.budget, &saved)
                            .expect("what was saved just now loads")
                    }
                };
            }
        }
        match self.share {
            Share::Time => return state.reset(logic, &self.budget),
            Share::OpenWindows(_) => return state.drain(logic, newest),
            Share::All => {}
        }
        match state.evolve(&chosen.logic, logic, &self.budget) {
            Ok(()) => state,
            Err(reason) => State::Unfit(reason),
        }
    }

    /// Whether the state may be of an older version for a while.
    fn migrates(&self, logic: &Logic) -> bool {
        match self.share {
            Share::Time => return false,
            Share::OpenWindows(_) => return true,
            Share::All => {}
        }
        let migrates = |legacy: &Arc<Legacy>| {
            legacy.partition.keys_left() != Some(0)
                || match (&legacy.logic, logic) {
                    (Logic::Keyed(old), Logic::Keyed(new)) => {
                        let (from, to) = (old.signature.state_version, new.signature.state_version);
                        Takeover::between(from, to, new.module.migrates()) == Ok(Takeover::Migrate)
                    }
                    _ => false,
                }
        };
        self.from.iter().any(migrates)
    }
}

#[derive(Debug)]
pub(super) struct Partition {
    state: Mutex<State>,
    /// Processing time, in µs, from which on something is due; `i64::MAX`: nothing is.
    wakes: AtomicI64,
    /// Keys whose state is of an older version, or of which another module has windows; `usize::MAX`: that is not known yet.
    keys_left: AtomicUsize,
    /// What it held at the end of its last epoch: keys, bytes.
    held: [AtomicU64; 2],
}

/// What the state of an operator may hold.
pub(super) fn budget(logic: &Logic) -> Arc<Budget> {
    Budget::new(match logic {
        Logic::Keyed(plan) => plan.limits.state_bytes,
        Logic::Join(plan) => plan.state_bytes,
        Logic::Sort(plan) => plan.state_bytes,
        Logic::Transform(_) | Logic::Lookup(_) | Logic::Aggregate(_) => 0,
    })
}

impl Partition {
    fn with(state: State, wakes: i64) -> Self {
        let held = [AtomicU64::new(0), AtomicU64::new(0)];
        Self { state: Mutex::new(state), wakes: AtomicI64::new(wakes), keys_left: AtomicUsize::new(0), held }
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
        let one = |number| match planned.has_partition(number) {
            true => Arc::new(Self::with(State::new(&planned.logic, number, &budget, tables), i64::MAX)),
            false => Self::elsewhere(),
        };
        (0..planned.logic.partitions()).map(one).collect()
    }

    /// The partition of somebody else.
    pub(super) fn elsewhere() -> Arc<Self> {
        Arc::new(Self::with(State::Elsewhere, i64::MAX))
    }

    /// A partition that takes over when it is asked for first. That is soon: what is due in it is known only then. `logic` is the
    /// operator's.
    pub(super) fn inheriting(heir: Heir, logic: &Logic) -> Arc<Self> {
        let keys_left = if heir.migrates(logic) { usize::MAX } else { 0 };
        let keys_left = AtomicUsize::new(keys_left);
        Arc::new(Self { keys_left, ..Self::with(State::Heir(heir), i64::MIN) })
    }

    /// Keys whose state is still of an older version of the module, as of its last epoch. None: that is not known yet.
    pub(super) fn keys_left(&self) -> Option<usize> {
        Some(self.keys_left.load(Ordering::Relaxed)).filter(|left| *left != usize::MAX)
    }

    /// Copies of some rows of a keyed operator; `plan` is the one that the state is of. Waits for an epoch that is at it. None: its
    /// state is not there, or not yet.
    pub(super) fn sample(&self, plan: &KeyedPlan) -> Option<Vec<Sample>> {
        match &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Keyed(state) => Some(state.sample(plan)),
            _ => None,
        }
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
        self.keys_left.store(state.keys_left(), Ordering::Relaxed);
        let wakes = match (logic, state) {
            (Logic::Keyed(plan), State::Keyed(state)) if plan.idle_keys || state.keys_left() > 0 => Some(i64::MIN),
            (Logic::Keyed(plan), State::Keyed(state)) => {
                state.wakes(plan.ttl.is_some_and(|ttl| ttl.clock == Clock::Processing))
            }
            (Logic::Aggregate(plan), State::Aggregate(state)) => state.wakes(plan),
            _ => None,
        };
        self.wakes.store(wakes.unwrap_or(i64::MAX), Ordering::Relaxed);
        let (HeldState { keys, bytes }, [held_keys, held_bytes]) = (state.held(), &self.held);
        held_keys.store(keys, Ordering::Relaxed);
        held_bytes.store(bytes, Ordering::Relaxed);
    }

    /// What it held at the end of its last epoch, about. Waits for nobody.
    pub(super) fn held(&self) -> HeldState {
        let [keys, bytes] = &self.held;
        HeldState { keys: keys.load(Ordering::Relaxed), bytes: bytes.load(Ordering::Relaxed) }
    }

    /// Whether something is due at this processing time. Says so once, until the next epoch has ended.
    pub(super) fn is_due(&self, now: i64) -> bool {
        self.wakes.load(Ordering::Relaxed) <= now && self.wakes.swap(i64::MAX, Ordering::Relaxed) <= now
    }
}
