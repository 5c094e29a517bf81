//! What changes between two plans of one job, and whether a run can go from one to the other without ending.
//!
//! ```text
//! old plan ┐
//!          ├─► Change: for each operator what becomes of its modules and its state ─► the run, at the next epoch
//! new plan ┘   or refusals: all of them, each with its reason
//! ```
//!
//! What both plans have in common they share afterwards: sources, sinks, and operators that stay the same. Modules, their options
//! and limits may change; shadows and canaries may come and go. What rows are read, how they are grouped and where they go to may
//! not: that takes a stop. Invariant: a [`Change`] fits the plan that it was made from.

use std::{fmt, sync::Arc};

use arrow::datatypes::{Schema, SchemaRef};
use pelton_core::{
    contract::StateTable,
    evolution::Evolution,
    job::{JobSpec, OperatorSpec, operator_of},
};

use super::{Logic, Plan, PlannedOperator};
use crate::{
    error::{Code, Coded},
    state::snapshot::columns,
};

/// A plan that a run can go over to.
pub struct Change {
    /// The number of the revision that it comes after.
    pub from: u64,
    /// Its own number.
    pub revision: u64,
    pub plan: Plan,
    pub operators: Vec<OperatorChange>,
}

/// What becomes of one operator, in the order of the new plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorChange {
    pub name: String,
    /// Digests of its modules before and after.
    pub modules: (Vec<String>, Vec<String>),
    pub options_changed: bool,
    pub limits_changed: bool,
    pub state: StateChange,
    /// In words: the columns of its state and of its outputs that change.
    pub notes: Vec<String>,
}

impl OperatorChange {
    pub fn is_nothing(&self) -> bool {
        let (before, after) = &self.modules;
        before == after && !self.options_changed && !self.limits_changed && self.notes.is_empty()
    }
}

/// What becomes of an operator's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateChange {
    /// It has none.
    Stateless,
    Kept,
    /// Its tables get other columns, row by row without the module.
    Evolved,
}

impl fmt::Display for StateChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stateless => "has no state",
            Self::Kept => "state is kept",
            Self::Evolved => "state is kept, with other columns",
        })
    }
}

/// Why a run cannot go over to a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the job cannot change while it runs: {}", .0.join("; "))]
pub struct Refusals(pub Vec<String>);

impl Coded for Refusals {
    fn code(&self) -> Code {
        Code::ChangeRefused
    }

    fn help(&self) -> Option<String> {
        Some(
            "modules, options and limits can change in a running job; for everything else it has to stop: `pelton job apply FILE --restart` has it stop and go on"
                .into(),
        )
    }
}

impl Change {
    /// What becomes of the operators of `from` if `plan` follows it.
    pub fn check(from: &Plan, plan: &Plan) -> Result<Vec<OperatorChange>, Refusals> {
        let mut refusals = job_refusals(from, plan);
        let mut operators = Vec::new();
        for new in &plan.operators {
            let name = new.logic.name();
            match from.operator(name).or_else(|| from.operator(operator_of(name))) {
                Some(old) => match operator_change(old, new) {
                    Ok(change) => operators.push(change),
                    Err(reason) => refusals.push(format!("operator `{name}`: {reason}")),
                },
                None => refusals.push(format!("operator `{name}` is new")),
            }
        }
        refusals.extend(crossings(from, plan).filter_map(|(old, new)| {
            let reason = operator_change(old, new).err()?;
            Some(format!("operator `{}`, with the state of `{}`: {reason}", new.logic.name(), old.logic.name()))
        }));
        if refusals.is_empty() { Ok(operators) } else { Err(Refusals(refusals)) }
    }

    /// `plan` as the successor of `from`, whose sources and sinks it takes over.
    pub fn new(from: &Plan, number: u64, revision: u64, mut plan: Plan) -> Result<Self, Refusals> {
        let operators = Self::check(from, &plan)?;
        for (new, old) in plan.sources.iter_mut().zip(&from.sources) {
            new.source = Arc::clone(&old.source);
        }
        for (new, old) in plan.sinks.iter_mut().zip(&from.sinks) {
            new.sink = Arc::clone(&old.sink);
        }
        for new in &mut plan.operators {
            // All that an operator goes by is in what it shows for debugging; modules show their digests.
            let shown = format!("{:?}", new.logic);
            if let Some(old) = from.operators.iter().find(|old| format!("{:?}", old.logic) == shown) {
                new.logic = old.logic.clone();
            }
        }
        Ok(Self { from: number, revision, plan, operators })
    }

    /// Whether both plans do the same.
    pub fn is_nothing(&self) -> bool {
        self.operators.iter().all(OperatorChange::is_nothing)
    }
}

/// Operators of which the second may take the state of the first under another name, as canaries come and go; and a canary must
/// be able to give its state back.
fn crossings<'a>(from: &'a Plan, plan: &'a Plan) -> impl Iterator<Item = (&'a PlannedOperator, &'a PlannedOperator)> {
    let both = plan.operators.iter().flat_map(|new| from.operators.iter().map(move |old| (old, new)));
    let going_over = both.filter(|(old, new)| {
        let (old_name, new_name) = (old.logic.name(), new.logic.name());
        (old.is_canary() || new.is_canary()) && operator_of(old_name) == operator_of(new_name) && old_name != new_name
    });
    let canaries = plan.operators.iter().filter(|planned| planned.is_canary());
    let back = canaries.filter_map(|canary| Some((canary, plan.operator(operator_of(canary.logic.name()))?)));
    going_over.chain(back)
}

fn job_refusals(old: &Plan, new: &Plan) -> Vec<String> {
    let mut refusals = Vec::new();
    let mut refuse = |differs: bool, what: &str| {
        if differs {
            refusals.push(what.to_owned());
        }
    };
    let (was, is) = (&old.spec, &new.spec);
    refuse(was.name != is.name, "its name changes");
    refuse(was.sources != is.sources, "its sources change");
    refuse(was.tables != is.tables, "its tables change");
    refuse(was.sinks != is.sinks, "its sinks change");
    refuse(was.partitions != is.partitions, "its number of partitions changes");
    refuse(was.batch.rows != is.batch.rows, "`batch.rows` changes");
    let place = |spec: &JobSpec| spec.checkpoint.as_ref().map(|checkpoint| checkpoint.path.clone());
    refuse(place(was) != place(is), "its checkpoint changes");
    let names = |operators: &[OperatorSpec]| operators.iter().map(|operator| operator.name.clone()).collect::<Vec<_>>();
    refuse(names(&was.operators) != names(&is.operators), "operators come, go, or stand in another order");
    for (old, new) in old.sinks.iter().zip(&new.sinks) {
        if old.schema != new.schema {
            let shown = |schema: &Schema| columns(schema.fields());
            refusals.push(format!(
                "sink `{}` would be given other columns: ({}) and not ({})",
                new.name,
                shown(&new.schema),
                shown(&old.schema)
            ));
        }
    }
    refusals
}

fn operator_change(old: &PlannedOperator, new: &PlannedOperator) -> Result<OperatorChange, String> {
    let (was, is) = (&old.spec, &new.spec);
    let mut fixed = Vec::new();
    let mut refuse = |differs: bool, what: &'static str| {
        if differs {
            fixed.push(what);
        }
    };
    refuse(was.inputs != is.inputs, "input");
    refuse(was.key != is.key, "key");
    refuse(was.window != is.window, "window");
    refuse(was.emission != is.emission, "emit");
    refuse(was.join != is.join, "join");
    refuse(was.state != is.state, "state");
    if !fixed.is_empty() {
        return Err(format!("{} cannot change", fixed.join(", ")));
    }
    let mut notes = Vec::new();
    let state = match (&old.logic, &new.logic) {
        (Logic::Transform(_), Logic::Transform(_)) | (Logic::Lookup(_), Logic::Lookup(_)) => StateChange::Stateless,
        (Logic::Aggregate(old), Logic::Aggregate(new)) => {
            if old.functions.len() != new.functions.len() {
                return Err("the number of its aggregates cannot change".into());
            }
            let accumulators = old.functions.iter().zip(&new.functions).map(|(old, new)| {
                (&old.signature.accumulator, &new.signature.accumulator, format!("accumulator of {}", new.module_name))
            });
            evolve(accumulators, &mut notes)?
        }
        (Logic::Keyed(old), Logic::Keyed(new)) => keyed_tables(&old.signature.state, &new.signature.state, &mut notes)?,
        (Logic::Join(old), Logic::Join(new)) => {
            let shown =
                |schemas: &[SchemaRef; 2]| schemas.each_ref().map(|schema| columns(schema.fields())).join(" and ");
            if old.schemas != new.schemas {
                return Err(format!(
                    "it keeps rows of ({}), and would need ({})",
                    shown(&old.schemas),
                    shown(&new.schemas)
                ));
            }
            StateChange::Kept
        }
        _ => return Err("it becomes another kind of operator".into()),
    };
    if let Some(part) = new.part.filter(|part| part.is_canary && old.part != Some(*part)) {
        notes.push(match new.logic.partitions() {
            0 => format!("takes {} of the batches", part.share),
            partitions => format!("takes {} of {partitions} partitions", part.share.partitions(partitions)),
        });
    }
    let digests = |logic: &Logic| logic.digests().iter().map(ToString::to_string).collect::<Vec<_>>();
    Ok(OperatorChange {
        name: new.logic.name().to_owned(),
        modules: (digests(&old.logic), digests(&new.logic)),
        options_changed: old.logic.options() != new.logic.options(),
        // What becomes of bad rows is a limit of what is borne.
        limits_changed: was.limits != is.limits || was.on_trap != is.on_trap,
        state,
        notes,
    })
}

fn evolve<'a>(
    tables: impl Iterator<Item = (&'a SchemaRef, &'a SchemaRef, String)>,
    notes: &mut Vec<String>,
) -> Result<StateChange, String> {
    let mut state = StateChange::Kept;
    for (old, new, name) in tables {
        let evolution = Evolution::between(old, new).map_err(|error| format!("{name}: {error}"))?;
        notes.extend(evolution.describe(new).into_iter().map(|note| format!("{name}: {note}")));
        if !evolution.is_nothing() {
            state = StateChange::Evolved;
        }
    }
    Ok(state)
}

fn keyed_tables(old: &[StateTable], new: &[StateTable], notes: &mut Vec<String>) -> Result<StateChange, String> {
    let mut same = Vec::new();
    for table in new {
        match old.iter().find(|known| known.name == table.name) {
            Some(known) if known.form != table.form || known.subkey != table.subkey => {
                return Err(format!("the subkey of its state `{}` cannot change", table.name));
            }
            Some(known) => same.push((&known.values, &table.values, format!("state `{}`", table.name))),
            None => notes.push(format!("state `{}` is added, empty at first", table.name)),
        }
    }
    for gone in old.iter().filter(|known| !new.iter().any(|table| table.name == known.name)) {
        notes.push(format!("state `{}` is dropped", gone.name));
    }
    let state = evolve(same.into_iter(), notes)?;
    let is_same = old.len() == new.len() && old.iter().zip(new).all(|(old, new)| old.name == new.name);
    Ok(if is_same { state } else { StateChange::Evolved })
}
