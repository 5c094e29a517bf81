//! Which operator of a job that goes on takes the state that each had when it stopped.
//!
//! State is found by the operator's name, or by the one that it had before (`was`). Invariant: none is lost without a word.

use std::collections::HashSet;

use pelton_core::{
    checkpoint::record::{OperatorSnapshot, Snapshot},
    job::SHADOW_SUFFIX,
};

use super::RunError;
use crate::job::plan::{Plan, PlannedOperator};

/// Who takes the state of each operator of a snapshot, by the name of the operator; none: it is given up, because the job file says so, or
/// because it is a shadow's.
pub(super) fn heirs(plan: &Plan, snapshot: &Snapshot) -> Result<Vec<Option<String>>, RunError> {
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
    let heirs = snapshot.operators.iter().map(one).collect();
    orphans.dedup();
    if orphans.is_empty() { Ok(heirs) } else { Err(RunError::Orphans { names: orphans }) }
}
