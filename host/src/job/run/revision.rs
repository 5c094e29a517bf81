//! A revision of the job as a run has it: its plan, and what its keyed operators share.
//!
//! Every task and every epoch belongs to one revision. The next one takes over what stays the same: partitions whose
//! operator did not change are the same ones, the others begin as heirs of those before.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use pelton_core::model::ModuleDigest;

use super::{
    RunError,
    checkpoints::Beginning,
    exchange::Exchange,
    partition::{Heir, Legacy, Partition, budget},
};
use crate::{
    job::plan::{
        Plan, PlannedOperator,
        change::{Change, OperatorChange},
    },
    operator::tables::SideTables,
};

pub(super) struct Revision {
    pub(super) number: u64,
    pub(super) plan: Arc<Plan>,
    /// One for each operator.
    operators: Vec<Shared>,
}

/// What compute threads share of one operator; a stateless one has no partitions.
struct Shared {
    exchange: Exchange,
    partitions: Vec<Arc<Partition>>,
    /// Its module has failed: of a shadow, which is then left out.
    has_failed: Arc<AtomicBool>,
}

/// An operator's modules with their options: two that have the same do the same.
type Program<'a> = (Vec<ModuleDigest>, Vec<&'a str>);

fn program(planned: &PlannedOperator) -> Program<'_> {
    (planned.logic.digests(), planned.logic.options())
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
        Ok(Self { number, plan, operators })
    }

    /// The one that comes after this.
    pub(super) fn next(&self, change: Change) -> Self {
        let Change { revision, plan, operators: changes, .. } = change;
        // For each new operator, those before whose state it may take.
        let heirs: Vec<Vec<usize>> = plan.operators.iter().map(|planned| self.before(planned, &plan)).collect();
        let mut legacies: HashMap<(usize, usize), Arc<Legacy>> = HashMap::new();
        let mut operators = Vec::new();
        for ((planned, before), change) in plan.operators.iter().zip(&heirs).zip(&changes) {
            let taken_over = before.first().filter(|_| before.len() == 1 && is_same(change));
            let sole = taken_over.filter(|at| heirs.iter().flatten().filter(|other| other == at).count() == 1);
            if let Some(old) = sole.and_then(|at| self.operators.get(*at)) {
                let (partitions, has_failed) = (old.partitions.clone(), Arc::clone(&old.has_failed));
                operators.push(Shared { exchange: Exchange::default(), partitions, has_failed });
                continue;
            }
            let budget = budget(&planned.logic);
            let mut partitions = Vec::new();
            for number in 0..planned.logic.partitions() {
                let at = usize::from(number);
                let from = before.iter().filter_map(|operator| {
                    let old = self.operators.get(*operator)?;
                    let (partition, logic) = (old.partitions.get(at)?, &self.plan.operators.get(*operator)?.logic);
                    let count = heirs.iter().flatten().filter(|other| *other == operator).count();
                    let legacy = || Arc::new(Legacy::new(partition, logic, &old.has_failed, count));
                    Some(Arc::clone(legacies.entry((*operator, at)).or_insert_with(legacy)))
                });
                partitions.push(Partition::inheriting(Heir::new(from.collect(), number, &budget)));
            }
            operators.push(Shared { exchange: Exchange::default(), partitions, has_failed: Arc::default() });
        }
        Self { number: revision, plan: Arc::new(plan), operators }
    }

    /// Whose state an operator of the next plan takes: that of the operator with the same program, be it the main one or its
    /// shadow, else that of the main one.
    fn before(&self, new: &PlannedOperator, plan: &Plan) -> Vec<usize> {
        let main = new.shadow_of.and_then(|at| plan.operators.get(at)).unwrap_or(new).logic.name();
        let Some(main) = self.plan.operators.iter().position(|old| old.logic.name() == main) else { return Vec::new() };
        let shadow = self.plan.operators.iter().position(|old| old.shadow_of == Some(main));
        let does_same = |at: usize| self.plan.operators.get(at).is_some_and(|old| program(old) == program(new));
        match shadow {
            Some(shadow) if does_same(shadow) && !does_same(main) => vec![shadow, main],
            _ => vec![main],
        }
    }

    pub(super) fn exchange(&self, operator: usize) -> Option<&Exchange> {
        Some(&self.operators.get(operator)?.exchange)
    }

    pub(super) fn partition(&self, operator: usize, number: u16) -> Option<&Partition> {
        Some(self.operators.get(operator)?.partitions.get(usize::from(number))?.as_ref())
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

/// Whether an operator stays what it is, so that its partitions can.
fn is_same(change: &OperatorChange) -> bool {
    change.is_nothing()
}
