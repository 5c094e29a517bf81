//! Whether the state of a run can really go over to another plan: what only the state itself tells.
//!
//! Called before a change is written down, beside the stream: modules that migrate state do so first on copies of some live rows. Invariant:
//! nothing of the run changes.

use pelton_core::evolution::Takeover;

use super::revision::Revision;
use crate::{
    job::plan::{
        Logic, PlannedOperator,
        change::{Change, OperatorChange, Refusals, StateChange},
    },
    operator::{
        aggregate::AggregatePlan,
        keyed::{
            KeyedPlan,
            migrate::{Sample, still_older, try_out as try_migrate},
        },
    },
};

/// Notes in `change` what was tried; all that cannot be is refused.
pub(super) fn try_out(revision: &Revision, change: &mut Change) -> Result<(), Refusals> {
    let mut refusals = Vec::new();
    for (planned, operator) in change.plan.operators.iter().zip(&mut change.operators) {
        match try_one(revision, planned, operator) {
            Ok(None) => {}
            Ok(Some(rows)) => operator.notes.push(format!("`migrate` was tried on copies of {rows} rows")),
            Err(reason) => refusals.push(format!("operator `{}`: {reason}", operator.name)),
        }
    }
    if refusals.is_empty() { Ok(()) } else { Err(Refusals(refusals)) }
}

/// How many rows were tried; none: nothing is to be migrated.
fn try_one(revision: &Revision, planned: &PlannedOperator, operator: &OperatorChange) -> Result<Option<usize>, String> {
    let Some(at) = operator.state_of else { return Ok(None) };
    let Some(before) = revision.plan.operators.get(at) else { return Ok(None) };
    if let (Logic::Aggregate(old), Logic::Aggregate(new)) = (&before.logic, &planned.logic) {
        return check_drained(revision, at, (old, new)).map(|()| None);
    }
    let Logic::Keyed(new) = &planned.logic else { return Ok(None) };
    let Logic::Keyed(old) = &before.logic else { return Ok(None) };
    check_progress(revision, at, old, new)?;
    if let Some(Logic::Keyed(main)) = before
        .shadow_of
        .filter(|_| revision.has_failed(at))
        .and_then(|main| revision.plan.operators.get(main))
        .map(|main| &main.logic)
    {
        // The shadow's state is worth nothing, and the operator's own has to do.
        let (from, to) = (main.signature.state_version, new.signature.state_version);
        Takeover::between(from, to, new.module.migrates())
            .map_err(|error| format!("its shadow has failed, and {error}"))?;
    }
    if !matches!(operator.state, StateChange::Migrated { .. }) {
        return Ok(None);
    }
    let numbers = (0..planned.logic.partitions()).filter(|number| planned.has_partition(*number));
    let samples: Vec<Sample> =
        numbers.filter_map(|number| revision.partition(at, number)?.sample(old)).flatten().collect();
    let tried = try_migrate(old, new, &samples).map_err(|error| {
        let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        let causes: Vec<String> =
            causes.map(|cause| cause.to_string().lines().next().unwrap_or_default().to_owned()).collect();
        format!("its module {}", causes.join(": ").trim_end_matches(": "))
    })?;
    Ok(Some(tried))
}

/// The modules that finish windows stay until they have.
fn check_drained(revision: &Revision, at: usize, (old, new): (&AggregatePlan, &AggregatePlan)) -> Result<(), String> {
    match revision.keys_left(at) {
        _ if old.draining.is_none() || new.draining.is_some() => Ok(()),
        Some(0) => Ok(()),
        Some(left) => Err(format!("the module before it still has {left} groups of open windows to finish")),
        None => Err("the module before it has not begun to finish the windows that were open".into()),
    }
}

/// A state of which a part is older still can only go on to be migrated to the version that it is of.
fn check_progress(revision: &Revision, at: usize, old: &KeyedPlan, new: &KeyedPlan) -> Result<(), String> {
    let (from, to) = (old.signature.state_version, new.signature.state_version);
    match revision.keys_left(at) {
        Some(0) => Ok(()),
        _ if from == to && new.module.migrates() => Ok(()),
        Some(left) => Err(still_older(left, from)),
        None => Err(format!("its state has not begun to be migrated to version {from}")),
    }
}
