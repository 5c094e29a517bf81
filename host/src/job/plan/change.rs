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
    contract::{Mode, StateForm, StateTable},
    enrich::{EndpointSpec, SecretFrom},
    evolution::{Evolution, Takeover},
    job::{JobSpec, OperatorSpec, operator_of},
    model::ModuleDigest,
};

use super::{Logic, Plan, PlannedOperator};
use crate::{
    error::{Code, Coded},
    operator::{aggregate::AggregatePlan, keyed::KeyedPlan},
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
    /// Whose it is: an index among the operators before.
    pub state_of: Option<usize>,
    /// In words: the columns of its state and of its outputs that change.
    pub notes: Vec<String>,
}

impl OperatorChange {
    pub fn is_nothing(&self) -> bool {
        let (before, after) = &self.modules;
        let is_kept = self.state != StateChange::Reset;
        before == after && !self.options_changed && !self.limits_changed && self.notes.is_empty() && is_kept
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
    /// The module makes it its own, row by row.
    Migrated {
        from: u32,
        to: u32,
    },
    /// It begins empty.
    Reset,
    /// It begins empty, and the modules before finish the windows that are open.
    Drained,
}

impl fmt::Display for StateChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stateless => f.write_str("has no state"),
            Self::Kept => f.write_str("state is kept"),
            Self::Evolved => f.write_str("state is kept, with other columns"),
            Self::Reset => f.write_str("begins empty: open windows, timers and what it kept are dropped"),
            Self::Drained => f.write_str("begins new windows: those that are open are finished by the module before"),
            Self::Migrated { from, to } => write!(f, "state is migrated from version {from} to version {to}"),
        }
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
            "modules, options and limits can change in a running job; for everything else it has to stop: `pelton job apply FILE --restart` has it stop and go on; its number of partitions, and operators under other names, go through a savepoint: `pelton savepoint create`, `pelton savepoint restore`"
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
            let position = |name: &str| from.operators.iter().position(|old| old.logic.name() == name);
            let Some(at) = position(name).or_else(|| position(operator_of(name))) else {
                refusals.push(format!("operator `{name}` is new"));
                continue;
            };
            // A shadow may have kept what it takes, in the form in which it wants it.
            let shadow = state_before(from, new).first().copied();
            let shadow = shadow.filter(|at| from.operators.get(*at).is_some_and(|old| old.shadow_of.is_some()));
            let state_of = shadow.unwrap_or(at);
            let (Some(old), Some(state)) = (from.operators.get(at), from.operators.get(state_of)) else { continue };
            match operator_change(old, state, new) {
                Ok(change) => operators.push(OperatorChange { state_of: Some(state_of), ..change }),
                Err(reason) => refusals.push(format!("operator `{name}`: {reason}")),
            }
        }
        refusals.extend(crossings(from, plan).filter_map(|(old, new)| {
            let change = operator_change(old, old, new);
            let reset = || "it has the same state, and cannot begin empty".to_owned();
            let reason = match change {
                Ok(change) => (change.state == StateChange::Reset).then(reset)?,
                Err(reason) => reason,
            };
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

/// An operator's modules with their options, and whose state it has: two that have the same do the same.
type Program<'a> = (Vec<ModuleDigest>, Vec<&'a str>, u64);

fn program(planned: &PlannedOperator) -> Program<'_> {
    (planned.logic.digests(), planned.logic.options(), planned.spec.reset)
}

/// Whose state an operator of the next plan takes, by their numbers in the plan `from`: that of the operator with the same program, be it
/// the main one or its shadow, and if that has failed, or else, that of the main one. Where there is a canary, it or the main
/// one has a partition.
pub fn state_before(from: &Plan, new: &PlannedOperator) -> Vec<usize> {
    let main = operator_of(new.logic.name());
    let Some(main) = from.operators.iter().position(|old| old.logic.name() == main) else { return Vec::new() };
    let shadow = from.operators.iter().position(|old| old.shadow_of == Some(main));
    let does_same = |at: usize| from.operators.get(at).is_some_and(|old| program(old) == program(new));
    match shadow {
        Some(shadow) if does_same(shadow) && !does_same(main) => vec![shadow, main],
        _ => vec![main],
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

/// What operators may ask in `plan` that they may not in `from`: other endpoints, another place under the same name, another secret. Somebody
/// has to approve of it.
pub fn widened(from: &Plan, plan: &Plan) -> Vec<String> {
    let of = |plan: &Plan, name: &str| -> Vec<EndpointSpec> {
        let named = plan.operators.iter().filter(|planned| operator_of(planned.logic.name()) == name);
        named.flat_map(asked).cloned().collect()
    };
    let mut widened = Vec::new();
    for planned in &plan.operators {
        let name = operator_of(planned.logic.name());
        let before = of(from, name);
        for spec in asked(planned) {
            let known = before.iter().find(|known| known.name == spec.name);
            let mut more = Vec::new();
            match known {
                None => more.push(format!("at {}", spec.url)),
                Some(known) if known.url != spec.url => more.push(format!("at {} and not {}", spec.url, known.url)),
                Some(_) => {}
            }
            let is_new = |secret: &&(String, SecretFrom)| known.is_none_or(|known| !known.secrets.contains(secret));
            more.extend(
                spec.secrets.iter().filter(is_new).map(|(header, from)| format!("with `{header}` from {from}")),
            );
            if !more.is_empty() {
                widened.push(format!("operator `{name}` may ask endpoint `{}` {}", spec.name, more.join(", ")));
            }
        }
    }
    widened.dedup();
    widened
}

/// The endpoints that an operator may ask.
fn asked(planned: &PlannedOperator) -> impl Iterator<Item = &EndpointSpec> {
    let enrich = match &planned.logic {
        Logic::Transform(plan) => plan.enrich.as_ref(),
        _ => None,
    };
    enrich.into_iter().flat_map(|enrich| enrich.at.iter().filter_map(|at| enrich.endpoints.specs.get(*at)))
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
    for output in new.outputs.iter().filter(|output| !output.readers.is_empty()) {
        let was = old.outputs.iter().find(|was| was.name == output.name).map(|was| was.mode);
        if let Some(was) = was.filter(|was| *was != output.mode) {
            let (is, was) = (rows_of(output.mode), rows_of(was));
            refusals.push(format!("the rows of `{}` would be {is} and not {was}", output.name));
        }
    }
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

fn rows_of(mode: Mode) -> &'static str {
    match mode {
        Mode::Append => "facts",
        Mode::Upsert => "updates",
        Mode::Retract => "changes",
    }
}

/// What `new` is beside `old`, if it takes the state of `before`.
fn operator_change(
    old: &PlannedOperator,
    before: &PlannedOperator,
    new: &PlannedOperator,
) -> Result<OperatorChange, String> {
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
    refuse(was.emission != is.emission || was.mode != is.mode, "emit");
    refuse(was.join != is.join, "join");
    refuse(was.sort != is.sort, "sort");
    refuse(was.state != is.state, "state");
    if !fixed.is_empty() {
        return Err(format!("{} cannot change", fixed.join(", ")));
    }
    let mut notes = Vec::new();
    let is_reset = before.spec.reset != new.spec.reset;
    let state = match (&before.logic, &new.logic) {
        (Logic::Aggregate(_), Logic::Aggregate(new)) if is_reset => {
            if new.emits_changes {
                return Err("it may have to take back results that it said, and cannot begin empty".into());
            }
            StateChange::Reset
        }
        (Logic::Keyed(_), Logic::Keyed(_)) if is_reset => StateChange::Reset,
        _ if is_reset => return Err("it has no windows and no state of a module that could begin empty".into()),
        (Logic::Transform(_), Logic::Transform(_)) | (Logic::Lookup(_), Logic::Lookup(_)) => StateChange::Stateless,
        (Logic::Aggregate(old), Logic::Aggregate(new)) if old.draining.is_some() || new.draining.is_some() => {
            drained(old, new)?
        }
        (Logic::Aggregate(old), Logic::Aggregate(new)) => {
            if old.functions.len() != new.functions.len() {
                return Err("the number of its aggregates cannot change".into());
            }
            same_columns(old.kept_columns(), new.kept_columns(), "keeps rows of")?;
            same_columns(old.said_columns(), new.said_columns(), "may have to take back results of")?;
            let accumulators = old.functions.iter().zip(&new.functions).map(|(old, new)| {
                (&old.signature.accumulator, &new.signature.accumulator, format!("accumulator of {}", new.module_name))
            });
            evolve(accumulators, &mut notes)?
        }
        (Logic::Keyed(old), Logic::Keyed(new)) => keyed_state(old, new, &mut notes)?,
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
        (Logic::Sort(old), Logic::Sort(new)) => {
            same_columns(Some(Arc::clone(&old.schema)), Some(Arc::clone(&new.schema)), "keeps rows of")?;
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
    let (was_asked, is_asked): (Vec<_>, Vec<_>) = (asked(old).collect(), asked(new).collect());
    if was_asked != is_asked {
        let listed = |specs: &[&EndpointSpec]| {
            let listed: Vec<String> = specs.iter().map(|spec| format!("{} ({})", spec.name, spec.url)).collect();
            if listed.is_empty() { "nobody".to_owned() } else { listed.join(", ") }
        };
        let (before, after) = (listed(&was_asked), listed(&is_asked));
        notes.push(match before == after {
            true => format!("asks {after}, with other settings"),
            false => format!("may ask {after}, and not {before}"),
        });
    }
    let drains = |logic: &Logic| matches!(logic, Logic::Aggregate(plan) if plan.draining.is_some());
    if drains(&before.logic) && !drains(&new.logic) {
        notes.push("the module before has finished its windows".into());
    }
    // Those that finish windows stand behind its own, which have options.
    let own = |logic: &Logic| logic.digests().into_iter().take(logic.options().len());
    let digests = |logic: &Logic| own(logic).map(|digest| digest.to_string()).collect::<Vec<_>>();
    Ok(OperatorChange {
        name: new.logic.name().to_owned(),
        modules: (digests(&old.logic), digests(&new.logic)),
        options_changed: old.logic.options() != new.logic.options(),
        // What becomes of bad rows is a limit of what is borne.
        limits_changed: was.limits != is.limits || was.on_trap != is.on_trap,
        state,
        state_of: None,
        notes,
    })
}

/// Windows are drained once: until the modules before have finished theirs, nothing else changes.
fn drained(old: &AggregatePlan, new: &AggregatePlan) -> Result<StateChange, String> {
    let same = |one: &AggregatePlan, other: &AggregatePlan| {
        let program = |plan: &AggregatePlan| -> Vec<(ModuleDigest, String)> {
            plan.functions.iter().map(|function| (function.module.digest, function.options.clone())).collect()
        };
        program(one) == program(other)
    };
    let still = || "the module before it still finishes the windows that were open when it took its place".to_owned();
    match (&old.draining, &new.draining) {
        (None, Some(before)) if same(old, before) => Ok(StateChange::Drained),
        (None, Some(_)) => Err("`draining` has to name the modules that it has now, with their options".into()),
        (Some(known), Some(before)) if same(old, new) && same(known, before) => Ok(StateChange::Kept),
        (Some(_), None) if same(old, new) => Ok(StateChange::Kept),
        (Some(_), _) => Err(still()),
        (None, None) => Ok(StateChange::Kept),
    }
}

/// What is kept as it came, or as it was said, has the columns that it has.
fn same_columns(old: Option<SchemaRef>, new: Option<SchemaRef>, what: &str) -> Result<(), String> {
    if old == new {
        return Ok(());
    }
    let shown = |schema: Option<SchemaRef>| schema.map_or_else(String::new, |schema| columns(schema.fields()));
    Err(format!("it {what} ({}), and would need ({})", shown(old), shown(new)))
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

fn keyed_state(old: &KeyedPlan, new: &KeyedPlan, notes: &mut Vec<String>) -> Result<StateChange, String> {
    let (was, is) = (&old.signature, &new.signature);
    let (from, to) = (was.state_version, is.state_version);
    match Takeover::between(from, to, new.module.migrates()).map_err(|error| error.to_string())? {
        Takeover::Columns if from == to => keyed_tables(&was.state, &is.state, notes),
        Takeover::Columns => {
            notes.push(format!("its state was of version {from} and is of version {to}, and it has no `migrate`: columns go over by name"));
            keyed_tables(&was.state, &is.state, notes)
        }
        Takeover::Migrate => {
            let forms =
                is.state.iter().filter_map(|table| Some((was.state.iter().find(|old| old.name == table.name)?, table)));
            for (old, new) in forms {
                if old.form != StateForm::Value && new.form == StateForm::Value {
                    return Err(format!("its state `{}` has many rows for a key, and would have one", new.name));
                }
            }
            come_and_go(&was.state, &is.state, notes);
            Ok(StateChange::Migrated { from, to })
        }
    }
}

/// Tables that only one of the two has.
fn come_and_go(old: &[StateTable], new: &[StateTable], notes: &mut Vec<String>) {
    let is_among = |tables: &[StateTable], name: &str| tables.iter().any(|table| table.name == name);
    let added = new.iter().filter(|table| !is_among(old, &table.name));
    notes.extend(added.map(|table| format!("state `{}` is added, empty at first", table.name)));
    let gone = old.iter().filter(|known| !is_among(new, &known.name));
    notes.extend(gone.map(|known| format!("state `{}` is dropped", known.name)));
}

fn keyed_tables(old: &[StateTable], new: &[StateTable], notes: &mut Vec<String>) -> Result<StateChange, String> {
    let mut same = Vec::new();
    for table in new {
        match old.iter().find(|known| known.name == table.name) {
            Some(known) if known.form != table.form || known.subkey != table.subkey => {
                return Err(format!("the subkey of its state `{}` cannot change", table.name));
            }
            Some(known) => same.push((&known.values, &table.values, format!("state `{}`", table.name))),
            None => {}
        }
    }
    come_and_go(old, new, notes);
    let state = evolve(same.into_iter(), notes)?;
    let is_same = old.len() == new.len() && old.iter().zip(new).all(|(old, new)| old.name == new.name);
    Ok(if is_same { state } else { StateChange::Evolved })
}
