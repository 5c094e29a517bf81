//! A revision of the job as a run has it: its plan, and what its keyed operators share.
//!
//! Every task and every epoch belongs to one revision. The next one takes over what stays the same: partitions whose
//! operator did not change are the same ones, the others begin as heirs of those before.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use pelton_core::job::operator_of;

use super::{
    RunError,
    checkpoints::Beginning,
    exchange::Exchange,
    partition::{Heir, Legacy, OpenWindows, Partition, Share, budget},
    progress::HeldState,
    runner::Runner,
};
use crate::{
    job::plan::{
        Plan, PlannedOperator,
        change::{Change, OperatorChange, StateChange, state_before},
    },
    operator::tables::SideTables,
    state::budget::Budget,
};

pub(super) struct Revision {
    pub(super) number: u64,
    pub(super) plan: Arc<Plan>,
    /// One for each operator.
    operators: Vec<Shared>,
    /// For compute threads that go over to it.
    warm: Mutex<Vec<WarmRunners>>,
    /// What compute threads used before they went over to it. To take instances down takes a while that no row should wait for.
    retired: Mutex<Vec<Runner>>,
}

/// Operators of a thread, by their numbers in the plan, with instances of their modules.
pub(super) type WarmRunners = Vec<(usize, Runner)>;

/// What compute threads share of one operator; a stateless one has no partitions.
struct Shared {
    exchange: Exchange,
    partitions: Vec<Arc<Partition>>,
    /// Its module has failed: of a shadow, which is then left out.
    has_failed: Arc<AtomicBool>,
}

impl Revision {
    /// The one that the run begins with. `tables` as they are at the start.
    pub(super) fn first(
        number: u64,
        plan: Arc<Plan>,
        tables: &SideTables,
        beginning: &Beginning,
    ) -> Result<Self, RunError> {
        let shared = |planned: &PlannedOperator| -> Result<Shared, RunError> {
            let name = planned.logic.name();
            let saved = beginning.state.get(name);
            let partitions = match saved {
                Some(saved) => Partition::load(planned, saved)
                    .map_err(|source| RunError::State { name: name.to_owned(), source })?,
                None => Partition::of(planned, tables),
            };
            // A shadow whose state was not saved cannot be compared with what it stands beside.
            let is_lost = planned.shadow_of.is_some() && saved.is_none() && beginning.resumed().is_some();
            let has_failed = is_lost && !partitions.is_empty();
            Ok(Shared { exchange: Exchange::default(), partitions, has_failed: Arc::new(has_failed.into()) })
        };
        let operators = plan.operators.iter().map(shared).collect::<Result<_, _>>()?;
        Ok(Self { number, plan, operators, warm: Mutex::default(), retired: Mutex::default() })
    }

    /// The one that comes after this.
    pub(super) fn next(&self, change: Change, warm: Vec<WarmRunners>) -> Self {
        let Change { revision, plan, operators: changes, .. } = change;
        // For each new operator, those before whose state it may take.
        let before: Vec<Vec<usize>> = plan.operators.iter().map(|planned| state_before(&self.plan, planned)).collect();
        let mut estates = Estates { old: self, heirs: HashMap::new(), legacies: HashMap::new() };
        for (planned, before) in plan.operators.iter().zip(&before) {
            (0..planned.logic.partitions()).for_each(|number| estates.expect(planned, before, number));
        }
        let one = |((planned, before), change): ((&PlannedOperator, &Vec<usize>), &OperatorChange)| {
            let stays = before.first().copied().filter(|_| before.len() == 1 && is_same(change));
            let stays = stays.filter(|at| self.plan.operators.get(*at).is_some_and(|old| named_alike(old, planned)));
            let budget = budget(&planned.logic);
            let numbers = 0..planned.logic.partitions();
            let share = match change.state {
                StateChange::Reset => Share::Time,
                StateChange::Drained => Share::OpenWindows(Arc::new(estates.open_windows(before, numbers.clone()))),
                _ => Share::All,
            };
            let takes = Takes { stays, share };
            let partitions =
                numbers.map(|number| estates.partition(planned, before, (number, &budget), &takes)).collect();
            let has_failed = stays.and_then(|at| self.operators.get(at)).map(|old| Arc::clone(&old.has_failed));
            Shared { exchange: Exchange::default(), partitions, has_failed: has_failed.unwrap_or_default() }
        };
        let operators = plan.operators.iter().zip(&before).zip(&changes).map(one).collect();
        Self { number: revision, plan: Arc::new(plan), operators, warm: Mutex::new(warm), retired: Mutex::default() }
    }

    /// What a compute thread need not make itself.
    pub(super) fn take_warm(&self) -> WarmRunners {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(super) fn retire(&self, runners: Vec<Runner>) {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner).extend(runners);
    }

    /// What nobody uses any more, for whoever has the time to drop it.
    pub(super) fn take_retired(&self) -> Vec<Runner> {
        std::mem::take(&mut self.retired.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn exchange(&self, operator: usize) -> Option<&Exchange> {
        Some(&self.operators.get(operator)?.exchange)
    }

    pub(super) fn partition(&self, operator: usize, number: u16) -> Option<&Partition> {
        Some(self.operators.get(operator)?.partitions.get(usize::from(number))?.as_ref())
    }

    /// Keys of an operator whose state is still of an older version of its module. None: that is not known yet.
    pub(super) fn keys_left(&self, operator: usize) -> Option<usize> {
        let partitions = self.operators.get(operator).map(|shared| shared.partitions.as_slice()).unwrap_or_default();
        partitions.iter().map(|partition| partition.keys_left()).sum()
    }

    /// What all partitions of an operator hold.
    pub(super) fn held(&self, operator: usize) -> HeldState {
        let partitions = self.operators.get(operator).into_iter().flat_map(|shared| &shared.partitions);
        partitions.map(|partition| partition.held()).sum()
    }

    pub(super) fn has_failed(&self, operator: usize) -> bool {
        self.operators.get(operator).is_some_and(|shared| shared.has_failed.load(Ordering::Relaxed))
    }

    /// From now on this shadow is left out.
    pub(super) fn fail(&self, operator: usize) {
        if let Some(shared) = self.operators.get(operator) {
            shared.has_failed.store(true, Ordering::Relaxed);
        }
    }

    /// Whether some partition has to be reduced at this processing time though no row comes.
    pub(super) fn is_due(&self, now: i64) -> bool {
        let partitions = self.operators.iter().flat_map(|shared| &shared.partitions);
        // All of them are asked, for each says so once.
        partitions.filter(|partition| partition.is_due(now)).count() > 0
    }
}

/// Who takes over which partitions of the revision before.
struct Estates<'a> {
    old: &'a Revision,
    /// For each (operator, partition) that was, how many want it.
    heirs: HashMap<(usize, u16), usize>,
    legacies: HashMap<(usize, u16), Arc<Legacy>>,
}

/// What an operator takes over.
struct Takes {
    /// The operator before, if it is the very same.
    stays: Option<usize>,
    share: Share,
}

impl Estates<'_> {
    /// The operators that have had a partition, of those that `before` names: a canary may have had it in their place.
    fn owners(&self, before: &[usize], number: u16) -> Vec<usize> {
        let operators = &self.old.plan.operators;
        let owner = |at: &usize| {
            let main = operators.get(*at)?;
            if main.has_partition(number) {
                return Some(*at);
            }
            operators.iter().position(|other| {
                other.has_partition(number)
                    && other.part.is_some()
                    && operator_of(other.logic.name()) == operator_of(main.logic.name())
            })
        };
        before.iter().filter_map(owner).collect()
    }

    fn expect(&mut self, planned: &PlannedOperator, before: &[usize], number: u16) {
        for owner in self.owners(before, number).into_iter().filter(|_| planned.has_partition(number)) {
            *self.heirs.entry((owner, number)).or_default() += 1;
        }
    }

    fn partition(
        &mut self,
        planned: &PlannedOperator,
        before: &[usize],
        (number, budget): (u16, &Arc<Budget>),
        Takes { stays, share }: &Takes,
    ) -> Arc<Partition> {
        if !planned.has_partition(number) {
            return Partition::elsewhere();
        }
        let owners = self.owners(before, number);
        let heirs = |owner: usize| self.heirs.get(&(owner, number)).copied().unwrap_or_default();
        if let [owner] = owners.as_slice()
            && *stays == Some(*owner)
            && heirs(*owner) == 1
            && let Some(same) = self.old.operators.get(*owner).and_then(|old| old.partitions.get(usize::from(number)))
        {
            return Arc::clone(same);
        }
        let from = owners.into_iter().filter_map(|owner| self.legacy(owner, number)).collect();
        Partition::inheriting(Heir::new(from, number, budget, share.clone()), &planned.logic)
    }

    fn legacy(&mut self, owner: usize, number: u16) -> Option<Arc<Legacy>> {
        let shared = self.old.operators.get(owner)?;
        let partition = shared.partitions.get(usize::from(number))?;
        let logic = &self.old.plan.operators.get(owner)?.logic;
        let count = self.heirs.get(&(owner, number)).copied().unwrap_or_default();
        let legacy = || Arc::new(Legacy::new(partition, logic, &shared.has_failed, count));
        Some(Arc::clone(self.legacies.entry((owner, number)).or_insert_with(legacy)))
    }

    /// The windows of all partitions.
    fn open_windows(&mut self, before: &[usize], numbers: Range<u16>) -> OpenWindows {
        let of = numbers.filter_map(|number| {
            let owner = self.owners(before, number).first().copied()?;
            self.legacy(owner, number)
        });
        OpenWindows::new(of.collect())
    }
}

fn named_alike(old: &PlannedOperator, new: &PlannedOperator) -> bool {
    old.logic.name() == new.logic.name()
}

/// Whether an operator stays what it is, so that its partitions can.
fn is_same(change: &OperatorChange) -> bool {
    change.is_nothing()
}
