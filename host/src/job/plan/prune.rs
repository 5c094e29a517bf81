//! Which columns travel on each edge: only those that somebody downstream wants.
//!
//! Walks the graph backwards. A sink wants its columns; an operator wants what its module reads, and whatever its readers want of
//! what it passes. Everything else is neither decoded nor carried.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use arrow::datatypes::{Schema, SchemaRef};
use pelton_core::contract::PortColumn;

use super::{OutputPlan, Reader, Target};
use crate::operator::{KeptColumn, PortPlan};

/// An operator before its columns are chosen.
pub(super) struct Draft {
    /// One; of a join of two streams left, then right.
    pub(super) sides: Vec<DraftSide>,
    pub(super) ports: Vec<DraftPort>,
    /// It is given all columns of its inputs: rows are kept whole that it fails on.
    pub(super) takes_all: bool,
}

/// An input of an operator.
pub(super) struct DraftSide {
    pub(super) inputs: Vec<usize>,
    pub(super) schema: SchemaRef,
    /// Columns of `schema` that it needs in any case, in its own order.
    pub(super) reads: Vec<usize>,
    /// The output of rows that it rejects; none: it takes all.
    pub(super) rejected: Option<usize>,
    pub(super) late: Option<usize>,
}

/// A port before its columns are chosen.
pub(super) struct DraftPort {
    pub(super) output: usize,
    /// Where each column comes from. Columns that pass are numbered over all sides.
    pub(super) columns: Vec<PortColumn>,
}

/// A sink before its columns are found on its inputs.
pub(super) struct SinkDraft {
    pub(super) inputs: Vec<usize>,
    pub(super) schema: SchemaRef,
}

/// The columns of an operator, chosen.
pub(super) struct Pruned {
    pub(super) sides: Vec<PrunedSide>,
    /// Columns that pass are numbered over the batches of all sides.
    pub(super) ports: Vec<Option<PortPlan>>,
}

pub(super) struct PrunedSide {
    /// Of the batches that arrive.
    pub(super) schema: SchemaRef,
    pub(super) reads_at: Vec<usize>,
    pub(super) rejected: Option<PortPlan>,
    pub(super) late: Option<PortPlan>,
}

impl Pruned {
    /// The side and the ports of an operator with one input.
    pub(super) fn sole(self) -> (PrunedSide, Vec<Option<PortPlan>>) {
        (self.sides.into_iter().next().expect("an operator has an input"), self.ports)
    }
}

impl Draft {
    /// The side of a column that is numbered over all sides, and its number there.
    fn side_of(&self, mut column: usize) -> Option<(usize, usize)> {
        for (index, side) in self.sides.iter().enumerate() {
            let columns = side.schema.fields().len();
            if column < columns {
                return Some((index, column));
            }
            column -= columns;
        }
        None
    }

    /// (output, column) of its ports that it has at hand without wanting more of its inputs.
    pub(super) fn at_no_cost(&self) -> Vec<(usize, usize)> {
        let is_at_hand = |column: &PortColumn| match column {
            PortColumn::Computed(_) => true,
            PortColumn::Pass(from) => self
                .side_of(*from)
                .and_then(|(side, column)| Some(self.sides.get(side)?.reads.contains(&column)))
                .unwrap_or_default(),
        };
        let of_port = |port: &DraftPort| {
            let columns = port.columns.iter().enumerate().filter(|(_, column)| is_at_hand(column));
            columns.map(|(at, _)| (port.output, at)).collect::<Vec<_>>()
        };
        self.ports.iter().flat_map(of_port).collect()
    }
}

/// Chooses the columns of every edge and connects the readers. `operators` is in topological order; `taps` read like
/// sinks; `extra` are (output, column) wanted for themselves.
pub(super) fn prune(
    outputs: &mut [OutputPlan],
    operators: &[Draft],
    sinks: &[SinkDraft],
    taps: &[SinkDraft],
    extra: &[(usize, usize)],
) -> Vec<Pruned> {
    let mut wanted: HashMap<usize, BTreeSet<usize>> = HashMap::new();
    outputs.iter_mut().for_each(|output| output.readers.clear());
    for (output, column) in extra {
        wanted.entry(*output).or_default().insert(*column);
    }
    for sink in sinks.iter().chain(taps) {
        want(outputs, &sink.inputs, &sink.schema, 0..sink.schema.fields().len(), &mut wanted);
    }
    let mut operator_wants: Vec<Vec<BTreeSet<usize>>> =
        operators.iter().map(|draft| vec![BTreeSet::new(); draft.sides.len()]).collect();
    for (draft, wants) in operators.iter().zip(&mut operator_wants).rev() {
        for port in &draft.ports {
            for kept in wanted.get(&port.output).into_iter().flatten() {
                let Some(PortColumn::Pass(from)) = port.columns.get(*kept) else { continue };
                let side = draft.side_of(*from).and_then(|(side, column)| Some((wants.get_mut(side)?, column)));
                if let Some((wants, column)) = side {
                    wants.insert(column);
                }
            }
        }
        for (side, wants) in draft.sides.iter().zip(wants) {
            wants.extend(side.reads.iter().copied());
            let columns = side.schema.fields().len();
            if draft.takes_all {
                wants.extend(0..columns);
            }
            let rejected = side.rejected.and_then(|rejected| wanted.get(&rejected));
            wants.extend(rejected.into_iter().flatten().filter(|column| **column < columns));
            wants.extend(side.late.and_then(|late| wanted.get(&late)).into_iter().flatten());
            want(outputs, &side.inputs, &side.schema, wants.iter().copied(), &mut wanted);
        }
    }
    for (index, output) in outputs.iter_mut().enumerate() {
        output.kept = wanted.remove(&index).unwrap_or_default().into_iter().collect();
    }
    for (operator, (draft, wants)) in operators.iter().zip(&operator_wants).enumerate() {
        for (input, (side, wants)) in draft.sides.iter().zip(wants).enumerate() {
            let target = Target::Operator { operator, input };
            connect(outputs, &side.inputs, &side.schema, wants.iter().copied(), target);
        }
    }
    for (index, sink) in sinks.iter().enumerate() {
        connect(outputs, &sink.inputs, &sink.schema, 0..sink.schema.fields().len(), Target::Sink(index));
    }
    for (index, tap) in taps.iter().enumerate() {
        connect(outputs, &tap.inputs, &tap.schema, 0..tap.schema.fields().len(), Target::Tap(index));
    }
    operators.iter().zip(&operator_wants).map(|(draft, wants)| choose(outputs, draft, wants)).collect()
}

/// Wants `columns` of an input's schema from each of the outputs that feed it.
fn want(
    outputs: &[OutputPlan],
    inputs: &[usize],
    schema: &Schema,
    columns: impl Iterator<Item = usize> + Clone,
    wanted: &mut HashMap<usize, BTreeSet<usize>>,
) {
    for input in inputs {
        let set = wanted.entry(*input).or_default();
        let Some(output) = outputs.get(*input) else { continue };
        set.extend(columns.clone().filter_map(|column| output.schema.index_of(schema.field(column).name()).ok()));
    }
}

/// Adds the reader of `columns` to each of the outputs that feed it.
fn connect(
    outputs: &mut [OutputPlan],
    inputs: &[usize],
    schema: &Schema,
    columns: impl Iterator<Item = usize> + Clone,
    to: Target,
) {
    let narrowed: Vec<_> = columns.clone().filter_map(|column| schema.fields().get(column)).map(Arc::clone).collect();
    let narrowed = SchemaRef::new(Schema::new(narrowed));
    for input in inputs {
        let Some(output) = outputs.get_mut(*input) else { continue };
        let positions = narrowed
            .fields()
            .iter()
            .filter_map(|field| {
                let column = output.schema.index_of(field.name()).ok()?;
                output.kept.iter().position(|kept| *kept == column)
            })
            .collect();
        output.readers.push(Reader { to, columns: positions, schema: Arc::clone(&narrowed) });
    }
}

fn choose(outputs: &[OutputPlan], draft: &Draft, wants: &[BTreeSet<usize>]) -> Pruned {
    let at = |side: usize, column: &usize| {
        let wants = wants.get(side).and_then(|wants| wants.iter().position(|wanted| wanted == column));
        wants.expect("what is read or passed is wanted")
    };
    let before = |side: usize| wants.iter().take(side).map(BTreeSet::len).sum::<usize>();
    let ports = draft.ports.iter().map(|port| {
        port_plan(outputs.get(port.output)?, |column| match port.columns.get(column)? {
            PortColumn::Pass(from) => {
                let (side, column) = draft.side_of(*from)?;
                Some(KeptColumn::Passed(before(side) + at(side, &column)))
            }
            PortColumn::Computed(index) => Some(KeptColumn::Computed(*index)),
        })
    });
    let sides = draft.sides.iter().enumerate().map(|(index, side)| {
        let at = |column: &usize| at(index, column);
        let columns = side.schema.fields().len();
        let rejected = side.rejected.and_then(|rejected| outputs.get(rejected)).and_then(|output| {
            port_plan(output, |column| {
                Some(if column < columns { KeptColumn::Passed(at(&column)) } else { KeptColumn::Computed(0) })
            })
        });
        let late = side.late.and_then(|late| outputs.get(late));
        let late = late.and_then(|output| port_plan(output, |column| Some(KeptColumn::Passed(at(&column)))));
        let wanted: Vec<usize> = wants.get(index).into_iter().flatten().copied().collect();
        let schema = SchemaRef::new(side.schema.project(&wanted).expect("what is wanted is of this schema"));
        PrunedSide { schema, reads_at: side.reads.iter().map(at).collect(), rejected, late }
    });
    Pruned { sides: sides.collect(), ports: ports.collect() }
}

fn port_plan(output: &OutputPlan, column: impl Fn(usize) -> Option<KeptColumn>) -> Option<PortPlan> {
    if output.readers.is_empty() {
        return None;
    }
    let columns = output.kept.iter().map(|kept| column(*kept)).collect::<Option<_>>()?;
    let schema = output.schema.project(&output.kept).expect("kept columns are of this schema");
    Some(PortPlan { schema: SchemaRef::new(schema), columns })
}
