//! Which operator of a job that goes on takes the state that each had when it stopped.
//!
//! State is found by the operator's name, or by the one that it had before (`was`). Invariant: none is lost without a word.

use std::collections::HashSet;

use pelton_core::{checkpoint::record::OperatorSnapshot, job::SHADOW_SUFFIX};

use super::{
    RunError,
    partition::{State, budget},
};
use crate::{
    error::Coded,
    job::plan::{Logic, Plan, PlannedOperator, change::Change},
    operator::tables::SideTables,
    state::snapshot::SnapshotError,
};

/// Who takes the state of each operator of a snapshot, by the name of the operator; none: it is given up, because the job file says so, or
/// because it is a shadow's.
pub(super) fn heirs(plan: &Plan, saved: &[OperatorSnapshot]) -> Result<Vec<Option<String>>, RunError> {
    let keyed = || plan.operators.iter().filter(|planned| planned.stage > 0);
    let drops = plan.spec.checkpoint.iter().flat_map(|checkpoint| &checkpoint.drop_state);
    let drops: HashSet<&str> = drops.map(String::as_str).collect();
    let mut orphans = Vec::new();
    let one = |saved: &OperatorSnapshot| {
        let is = |planned: &&PlannedOperator| planned.logic.name() == saved.operator;
        // Behind the sign is what part of its operator it is.
        let main = saved.operator.split('~').next().unwrap_or_default();
        let suffix = saved.operator.get(main.len()..).unwrap_or_default();
        let renamed = |planned: &&PlannedOperator| {
            planned.spec.was.as_deref() == Some(main)
                && planned.logic.name() == format!("{}{suffix}", planned.spec.name)
        };
        let heir = keyed().find(is).or_else(|| keyed().find(renamed)).map(|planned| planned.logic.name().to_owned());
        if heir.is_none() && suffix != SHADOW_SUFFIX && !drops.contains(main) {
            orphans.push(main.to_owned());
        }
        heir
    };
    let heirs = saved.iter().map(one).collect();
    orphans.dedup();
    if orphans.is_empty() { Ok(heirs) } else { Err(RunError::Orphans { names: orphans }) }
}

/// Why a job could not go on by `plan` with the state that it keeps by `from`, as far as that is known before it stops: all reasons.
pub fn misfits(from: &Plan, plan: &Plan) -> Vec<String> {
    let place = |plan: &Plan| plan.spec.checkpoint.as_ref().map(|checkpoint| checkpoint.path.clone());
    // In another place it begins anew; what it can go over to, it goes over to after the stop.
    if place(from) != place(plan) || Change::check(from, plan).is_ok() {
        return Vec::new();
    }
    let keeps = from.operators.iter().filter(|planned| planned.stage > 0);
    let keeps: Vec<&PlannedOperator> =
        keeps.filter(|planned| planned.shadow_of.is_none() && !planned.is_canary()).collect();
    let saved = |planned: &&PlannedOperator| OperatorSnapshot {
        operator: planned.logic.name().to_owned(),
        partitions: Vec::new(),
    };
    let saved: Vec<OperatorSnapshot> = keeps.iter().map(saved).collect();
    let heirs = match heirs(plan, &saved) {
        Ok(heirs) => heirs,
        Err(error) => return vec![format!("{error} ({})", error.help().unwrap_or_default())],
    };
    let misfit = |(old, heir): (&PlannedOperator, Option<String>)| {
        let new = plan.operator(&heir?)?;
        let drains = |logic: &Logic| matches!(logic, Logic::Aggregate(plan) if plan.draining.is_some());
        let name = new.logic.name();
        if drains(&old.logic) && !drains(&new.logic) {
            return Some(format!("operator `{name}`: the module before it still finishes the windows that were open"));
        }
        let error = taken(&old.logic, &new.logic).err()?;
        Some(format!("the state of operator `{name}`: {error}"))
    };
    keeps.into_iter().zip(heirs).filter_map(misfit).collect()
}

/// Whether one takes the state of the other: a partition without rows tells by its form.
fn taken(old: &Logic, new: &Logic) -> Result<(), SnapshotError> {
    let (saved, expected) = (usize::from(old.partitions()), usize::from(new.partitions()));
    if saved != expected {
        return Err(SnapshotError::Count { saved, expected });
    }
    let saved = State::new(old, 0, &budget(old), &SideTables::default()).save(old);
    State::load(new, 0, &budget(new), &saved).map(drop)
}
