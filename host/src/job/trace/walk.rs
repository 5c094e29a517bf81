//! From a row back to those that it was made of, along what was taken down of an epoch.
//!
//! ```text
//!  sink row ─► batch on its edge ─┬► transform: the one row before it ─► …                         ─► source: a leaf
//!                                 └► operator with state: rows of this epoch that it was made of  ─► …
//!                                                         a question to the epochs before          ─► the same walk there
//! ```
//!
//! Nodes are rows on edges. Of an operator that makes one row of many all are counted, and the first ones are followed. Called by
//! [`trace`](super::trace), which has the epochs computed.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use pelton_core::{
    job::operator_of,
    model::{Epoch, ModuleDigest},
};
use serde_json::Value;

pub use super::wanted::How;
use super::{
    find::given,
    place::Place,
    wanted::{Earlier, MadeOf, Wanted, made_of},
};
use crate::job::{
    plan::{Logic, Plan, PlannedOperator},
    run::lineage::{Cause, EpochLineage, json},
};

/// Rows that are followed in all.
const NODES_MAX: usize = 10_000;

/// A row on an edge.
#[derive(Debug)]
pub struct Node {
    pub epoch: Epoch,
    /// The edge: what leaves a source or an operator, as inputs name it.
    pub output: String,
    pub row: Value,
    pub from: From,
}

/// What a row was made of.
#[derive(Debug)]
pub enum From {
    Source(Place),
    Operator(Step),
    /// Rows that had been dead letters, and were put into an operator once more.
    Letters {
        operator: String,
    },
}

/// An operator on the way.
#[derive(Debug)]
pub struct Step {
    pub operator: String,
    pub kind: &'static str,
    /// As the job file names them.
    pub modules: String,
    pub digests: Vec<ModuleDigest>,
    /// The table in which its rows are looked up.
    pub table: Option<String>,
    pub how: How,
    /// Bounds of the row's window, in µs.
    pub window: Option<(i64, i64)>,
    /// The rows that it was made of: nodes, the first ones of all.
    pub rows: Vec<usize>,
    /// How many there are in each epoch that has some.
    pub counts: BTreeMap<Epoch, u64>,
    /// From which epoch on they were looked for.
    pub looked_from: Epoch,
    /// Questions to epochs before that one, of which nobody knows what they would say.
    pub open: usize,
}

impl Step {
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }
}

/// What is asked of earlier epochs.
pub(super) struct Question {
    node: usize,
    operator: String,
    wanted: Wanted,
    earlier: Earlier,
    /// Of epochs before this one.
    below: Epoch,
    /// Some epoch had such rows.
    is_found: bool,
}

pub(super) struct Walk {
    pub(super) nodes: Vec<Node>,
    questions: Vec<Question>,
    /// So many rows are followed of each operator.
    most: usize,
}

impl Walk {
    pub(super) fn new(most: usize) -> Self {
        Self { nodes: Vec::new(), questions: Vec::new(), most: most.max(1) }
    }

    /// Begins with a row that a sink was given. Answers its node, and the row as the sink has it.
    pub(super) fn begin(&mut self, lineage: &EpochLineage, sink: &str, number: u64) -> Option<(usize, Value)> {
        let mut before = 0;
        for (at, rows) in given(lineage, sink) {
            let row = usize::try_from(number.checked_sub(before)?).ok()?;
            if row < rows.num_rows() {
                return Some((self.follow(lineage, at, row), json(&rows.slice(row, 1))));
            }
            before += rows.num_rows() as u64;
        }
        None
    }

    /// The latest epoch before which something is asked.
    pub(super) fn open(&self) -> Option<Epoch> {
        self.questions.iter().map(|question| question.below).max()
    }

    pub(super) fn take_questions(&mut self) -> Vec<Question> {
        std::mem::take(&mut self.questions)
    }

    /// What an epoch has to say to questions of later ones.
    pub(super) fn answer(&mut self, questions: &mut [Question], lineage: &EpochLineage) {
        for question in questions.iter_mut().filter(|question| lineage.epoch < question.below) {
            let named = |name: &str| {
                let is_it = |planned: &PlannedOperator| planned.logic.name() == name;
                lineage.plan.operators.iter().position(is_it)
            };
            // A canary is younger than its operator.
            let operator = named(&question.operator).or_else(|| named(operator_of(&question.operator)));
            let Some(operator) = operator else { continue };
            let found = question.wanted.among(lineage, operator);
            question.is_found |= !found.is_empty();
            self.found(question.node, lineage, found);
        }
    }

    /// Epochs from `from` on have answered.
    pub(super) fn looked(&mut self, questions: &[Question], from: Epoch) {
        for question in questions {
            let Some(step) = self.step(question.node) else { continue };
            step.looked_from = step.looked_from.min(from);
            let is_all = question.earlier == Earlier::IfNotFound && question.is_found;
            if is_all || from <= Epoch::FIRST {
                step.open = step.open.saturating_sub(1);
            }
        }
    }

    fn step(&mut self, node: usize) -> Option<&mut Step> {
        match &mut self.nodes.get_mut(node)?.from {
            From::Operator(step) => Some(step),
            From::Source(_) | From::Letters { .. } => None,
        }
    }

    /// Counts rows that the row of a node was made of, and follows the first of them.
    fn found(&mut self, node: usize, lineage: &EpochLineage, found: Vec<(usize, usize)>) {
        let Some(step) = self.step(node).filter(|_| !found.is_empty()) else { return };
        *step.counts.entry(lineage.epoch).or_default() += found.len() as u64;
        let known = step.rows.len();
        for (at, row) in found.into_iter().take(self.most.saturating_sub(known)) {
            if self.nodes.len() >= NODES_MAX {
                return;
            }
            let child = self.follow(lineage, at, row);
            if let Some(step) = self.step(node) {
                step.rows.push(child);
            }
        }
    }

    /// A row of a batch, and what it was made of. Answers its node.
    fn follow(&mut self, lineage: &EpochLineage, at: usize, row: usize) -> usize {
        let plan = &lineage.plan;
        let node = self.nodes.len();
        let Some(noted) = lineage.noted.get(at) else { return node };
        let output = noted.output.and_then(|output| Some(plan.outputs.get(output)?.name.clone()));
        let (from, made_of) = match &noted.cause {
            Cause::Read { source, file, offsets } => {
                (From::Source(Place::read(plan, *source, file, offsets.as_ref(), row)), None)
            }
            Cause::Undecoded { source, file } => {
                (From::Source(Place::undecoded(plan, *source, file, &noted.rows.slice(row, 1))), None)
            }
            Cause::Letters { operator } => (From::Letters { operator: name(plan, *operator) }, None),
            Cause::Rows { operator, batch, rows } => {
                let before = rows.values().get(row).map(|before| (*batch, *before as usize));
                let step = step(plan, *operator, How::RowByRow, None, lineage.epoch);
                (From::Operator(step), Some(Origin::Row(before)))
            }
            Cause::Operator { operator } => {
                let made = noted.output.and_then(|output| {
                    let alone: RecordBatch = noted.rows.slice(row, 1);
                    made_of(plan, *operator, output, &alone)
                });
                let how = made.as_ref().map_or(How::All, |made| made.how);
                let window = made.as_ref().and_then(|made| made.window);
                let step = step(plan, *operator, how, window, lineage.epoch);
                (From::Operator(step), made.map(|made| Origin::Values(*operator, made)))
            }
        };
        let output = output.unwrap_or_else(|| match &from {
            From::Letters { operator } => operator.clone(),
            From::Source(_) | From::Operator(_) => String::new(),
        });
        self.nodes.push(Node { epoch: lineage.epoch, output, row: noted.json(row), from });
        match made_of {
            Some(Origin::Row(before)) => self.found(node, lineage, before.into_iter().collect()),
            Some(Origin::Values(operator, made)) => self.ask(node, lineage, operator, made),
            None => {}
        }
        node
    }

    /// Looks for the rows that the row of a node was made of, and leaves a question for what may be in earlier epochs.
    fn ask(&mut self, node: usize, lineage: &EpochLineage, operator: usize, made: MadeOf) {
        let MadeOf { mut wanted, earlier, .. } = made;
        let of_sides: Vec<Vec<(usize, usize)>> = wanted.iter().map(|wanted| wanted.among(lineage, operator)).collect();
        let mut missing = of_sides.iter().map(Vec::is_empty);
        match earlier {
            Earlier::Never => wanted.clear(),
            Earlier::IfNotFound => wanted.retain(|_| missing.next() == Some(true)),
            Earlier::Always => {}
        }
        self.found(node, lineage, of_sides.into_iter().flatten().collect());
        if lineage.epoch == Epoch::FIRST {
            return;
        }
        // One for each input: what is found of one says nothing of the other.
        for wanted in wanted {
            if let Some(step) = self.step(node) {
                step.open += 1;
            }
            let operator = name(&lineage.plan, operator);
            self.questions.push(Question { node, operator, wanted, earlier, below: lineage.epoch, is_found: false });
        }
    }
}

/// How the rows of an operator are found that one of its rows was made of.
enum Origin {
    /// Batch and row.
    Row(Option<(usize, usize)>),
    Values(usize, MadeOf),
}

fn name(plan: &Plan, operator: usize) -> String {
    plan.operators.get(operator).map(|planned| planned.logic.name().to_owned()).unwrap_or_default()
}

fn step(plan: &Plan, operator: usize, how: How, window: Option<(i64, i64)>, epoch: Epoch) -> Step {
    let logic = plan.operators.get(operator).map(|planned| &planned.logic);
    let table = match logic {
        Some(Logic::Lookup(lookup)) => plan.tables.get(lookup.table).map(|table| table.name.clone()),
        _ => None,
    };
    Step {
        operator: name(plan, operator),
        kind: logic.map_or("operator", kind),
        modules: logic.map(Logic::modules).unwrap_or_default(),
        digests: logic.map(Logic::digests).unwrap_or_default(),
        table,
        how,
        window,
        rows: Vec::new(),
        counts: BTreeMap::new(),
        looked_from: epoch,
        open: 0,
    }
}

fn kind(logic: &Logic) -> &'static str {
    match logic {
        Logic::Transform(plan) if plan.enrich.is_some() => "enrich",
        Logic::Transform(_) => "transform",
        Logic::Aggregate(_) => "aggregate",
        Logic::Keyed(_) => "keyed",
        Logic::Join(join) if join.cogroup.is_some() => "cogroup",
        Logic::Join(_) => "join",
        Logic::Lookup(_) => "lookup",
        Logic::Sort(_) => "sort",
    }
}
