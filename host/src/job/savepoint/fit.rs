//! Whether a savepoint fits a job as it is to be, and what its state is there: partition by partition.
//!
//! ```text
//!  state of `a`, 4 partitions ─┬► the job's `a`, 4 partitions: each as it is, once it has been loaded
//!                              └► the job's `a`, 8 partitions: keys go by their groups, nothing is hashed again
//! ```
//!
//! Everything is loaded, and what is put together anew is loaded once more: what a job could not begin with is found here. Nothing is changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    sync::Arc,
};

use pelton_core::{checkpoint::record::Position, job::operator_of};

use super::{Savepoint, SavepointError, manifest::OperatorEntry};
use crate::{
    job::{
        diagnostic::shown,
        plan::{Logic, Plan, PlannedOperator},
        run::catalogue_of,
    },
    operator::{aggregate, join, keyed, sort},
    state::{budget::Budget, snapshot::SnapshotError},
};

/// What somebody wants of operators whose names the job does not have.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// By the name in the savepoint, the job's.
    pub renames: BTreeMap<String, String>,
    /// Whose state is left behind.
    pub drops: BTreeSet<String>,
}

impl Choices {
    /// And what the job file says of operators that the savepoint has: `was`, `drop-state`.
    fn with_those_of(&self, plan: &Plan, savepoint: &Savepoint) -> Self {
        let has = |name: &str| savepoint.manifest.operators.iter().any(|entry| entry.name == name);
        let mut all = self.clone();
        for planned in keeps_state(plan) {
            if let Some(was) = planned.spec.was.as_ref().filter(|was| has(was) && !has(planned.logic.name())) {
                all.renames.entry(was.clone()).or_insert_with(|| planned.logic.name().to_owned());
            }
        }
        let drops = plan.spec.checkpoint.iter().flat_map(|checkpoint| &checkpoint.drop_state);
        all.drops.extend(drops.filter(|name| has(name)).cloned());
        all
    }
}

/// A savepoint that fits.
#[derive(Debug)]
pub struct Fit {
    /// By the names of the job's operators.
    pub(super) state: Vec<(String, Vec<Vec<u8>>)>,
    /// One for each source of the job: where it goes on. None: where the savepoint says.
    pub(super) begins: Vec<(String, bool)>,
    pub became: Vec<Became>,
}

/// What becomes of an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Became {
    /// The job's name for it; of one that is dropped the savepoint's.
    pub operator: String,
    pub fate: Fate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// So many partitions go over as they are.
    Kept {
        partitions: usize,
    },
    /// Its keys go to another number of partitions.
    Repartitioned {
        from: usize,
        to: usize,
    },
    /// The savepoint has nothing of it.
    Begins,
    Dropped,
}

/// Finds what becomes of everything, or all reasons why it does not fit.
pub fn fit(savepoint: &Savepoint, plan: &mut Plan, choices: &Choices) -> Result<Fit, SavepointError> {
    let mut reasons = Vec::new();
    let choices = &choices.with_those_of(plan, savepoint);
    let begins = sources(savepoint, plan, &mut reasons);
    unknown_choices(savepoint, choices, &mut reasons);
    let (mut state, mut became) = (Vec::new(), Vec::new());
    let mut taken = BTreeSet::new();
    for entry in &savepoint.manifest.operators {
        if choices.drops.contains(&entry.name) {
            became.push(Became { operator: entry.name.clone(), fate: Fate::Dropped });
            continue;
        }
        let name = choices.renames.get(&entry.name).unwrap_or(&entry.name);
        let Some(planned) = keeps_state(plan).find(|planned| planned.logic.name() == name) else {
            reasons.push(gone(entry, plan, name));
            continue;
        };
        if !taken.insert(name.clone()) {
            reasons.push(format!("operator `{name}` would get the state of two operators"));
            continue;
        }
        match fit_one(savepoint, entry, plan, planned) {
            Ok((own, fate)) => {
                state.extend(own);
                became.push(Became { operator: name.clone(), fate });
            }
            Err(source) => {
                let cause = source.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                reasons.push(format!("the state of operator `{name}`: {source}{cause}"));
            }
        }
    }
    for planned in keeps_state(plan).filter(|planned| !taken.contains(planned.logic.name())) {
        became.push(Became { operator: planned.logic.name().to_owned(), fate: Fate::Begins });
    }
    if reasons.is_empty() {
        return Ok(Fit { state, begins, became });
    }
    Err(SavepointError::Unfit { name: savepoint.manifest.name.clone(), reasons })
}

/// The operators of a job file that have partitions.
fn keeps_state(plan: &Plan) -> impl Iterator<Item = &PlannedOperator> {
    plan.operators.iter().filter(|planned| planned.stage > 0 && planned.shadow_of.is_none() && !planned.is_canary())
}

fn gone(entry: &OperatorEntry, plan: &Plan, name: &str) -> String {
    let name = shown(name);
    match plan.operator(&name) {
        Some(_) => {
            format!("operator `{name}` keeps no state any more, and the savepoint has some of it ({})", entry.shape)
        }
        None => format!("the job has no operator `{name}`, of which the savepoint has state ({})", entry.shape),
    }
}

fn unknown_choices(savepoint: &Savepoint, choices: &Choices, reasons: &mut Vec<String>) {
    let is_known = |name: &String| savepoint.manifest.operators.iter().any(|entry| entry.name == *name);
    let named = choices.renames.keys().chain(&choices.drops);
    reasons.extend(
        named
            .filter(|name| !is_known(name))
            .map(|name| format!("it has no state of an operator `{}`, which is to be renamed or dropped", shown(name))),
    );
}

/// Whether the sources are the same, and have what was read. Answers for each whether it begins anew.
fn sources(savepoint: &Savepoint, plan: &mut Plan, reasons: &mut Vec<String>) -> Vec<(String, bool)> {
    let was: Vec<&str> = savepoint.record.sources.iter().map(|source| source.name.as_str()).collect();
    let is: Vec<String> = plan.sources.iter().map(|source| source.name.clone()).collect();
    if was.iter().any(|name| !is.iter().any(|own| own == name)) {
        let (was, is) = (listed(was.into_iter()), listed(is.iter().map(String::as_str)));
        reasons.push(format!("its sources are {was}; the job's are {is}"));
        return Vec::new();
    }
    let Some(catalogue) = catalogue_of(savepoint.engine()) else {
        reasons.push("the files that its sources had found cannot be read".into());
        return Vec::new();
    };
    let mut begins = Vec::new();
    for planned in &mut plan.sources {
        let name = planned.name.clone();
        let source = Arc::get_mut(&mut planned.source).expect("nobody shares a plan that does not run yet");
        // The rows of such a source came once: those after the epoch belong to the job that was given them.
        let is_live = source.log_slot().is_some();
        let record = savepoint.record.sources.iter().find(|known| known.name == name);
        if let Some(record) = record.filter(|record| !is_live && record.position != Position::Start) {
            let known = catalogue.get(&name).map(Vec::as_slice).unwrap_or_default();
            if let Err(error) = source.resume(known, &record.position) {
                reasons.push(format!("source `{name}`: {error}"));
            }
        }
        begins.push((name, is_live || record.is_none()));
    }
    begins
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The state of an operator for the job's, and for its canary if there is one.
type Own = Vec<(String, Vec<Vec<u8>>)>;

fn fit_one(
    savepoint: &Savepoint,
    entry: &OperatorEntry,
    plan: &Plan,
    planned: &PlannedOperator,
) -> Result<(Own, Fate), SnapshotError> {
    let saved = savepoint.state(&entry.partitions);
    let (from, to) = (saved.len(), usize::from(planned.logic.partitions()));
    let state = if from == to {
        check(&planned.logic, &saved)?;
        saved.iter().map(|bytes| bytes.to_vec()).collect()
    } else {
        let state = gather(&planned.logic, &saved)?;
        let made: Vec<&[u8]> = state.iter().map(Vec::as_slice).collect();
        check(&planned.logic, &made)?;
        state
    };
    let fate = if from == to { Fate::Kept { partitions: to } } else { Fate::Repartitioned { from, to } };
    let mut own = Vec::new();
    let beside =
        |other: &&PlannedOperator| other.is_canary() && operator_of(other.logic.name()) == planned.logic.name();
    for canary in plan.operators.iter().filter(beside) {
        let made: Vec<&[u8]> = state.iter().map(Vec::as_slice).collect();
        check(&canary.logic, &made)?;
        own.push((canary.logic.name().to_owned(), state.clone()));
    }
    own.push((planned.logic.name().to_owned(), state));
    Ok((own, fate))
}

/// Whether a job could begin with this.
fn check(logic: &Logic, saved: &[&[u8]]) -> Result<(), SnapshotError> {
    let budget = Budget::new(u64::MAX);
    for (number, bytes) in (0..).zip(saved) {
        match logic {
            Logic::Keyed(plan) => drop(keyed::Partition::load(plan, number, &budget, bytes)?),
            Logic::Aggregate(plan) => drop(aggregate::Partition::load(plan, number, bytes)?),
            Logic::Join(plan) => drop(join::Partition::load(plan, number, &budget, bytes)?),
            Logic::Sort(plan) => drop(sort::Partition::load(plan, number, &budget, bytes)?),
            Logic::Transform(_) | Logic::Lookup(_) => {}
        }
    }
    Ok(())
}

/// The same state in the job's number of partitions.
fn gather(logic: &Logic, saved: &[&[u8]]) -> Result<Vec<Vec<u8>>, SnapshotError> {
    let budget = &Budget::new(u64::MAX);
    let old = || (0_u16..).zip(saved);
    let new = 0..logic.partitions();
    match logic {
        Logic::Keyed(plan) => {
            let from = old().map(|(number, bytes)| keyed::Partition::load(plan, number, budget, bytes));
            let from = from.collect::<Result<Vec<_>, _>>()?;
            Ok(new.map(|number| keyed::Partition::gather(plan, number, budget, &from).save(plan)).collect())
        }
        Logic::Aggregate(plan) => {
            let from = old().map(|(number, bytes)| aggregate::Partition::load(plan, number, bytes));
            let from = from.collect::<Result<Vec<_>, _>>()?;
            Ok(new.map(|number| aggregate::Partition::gather(plan, number, &from).save(plan)).collect())
        }
        Logic::Join(plan) => {
            let from = old().map(|(number, bytes)| join::Partition::load(plan, number, budget, bytes));
            let from = from.collect::<Result<Vec<_>, _>>()?;
            new.map(|number| Ok(join::Partition::gather(plan, number, budget, &from)?.save(plan))).collect()
        }
        Logic::Sort(plan) => {
            let from = old().map(|(number, bytes)| sort::Partition::load(plan, number, budget, bytes));
            let from = from.collect::<Result<Vec<_>, _>>()?;
            new.map(|number| Ok(sort::Partition::gather(plan, number, budget, &from)?.save(plan))).collect()
        }
        Logic::Transform(_) | Logic::Lookup(_) => Ok(Vec::new()),
    }
}
