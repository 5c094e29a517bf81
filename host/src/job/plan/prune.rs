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
    pub(super) inputs: Vec<usize>,
    pub(super) schema: SchemaRef,
    /// Columns of `schema` that it needs in any case, in its own order.
    pub(super) reads: Vec<usize>,
    pub(super) ports: Vec<DraftPort>,
    pub(super) rejected: usize,
    pub(super) late: Option<usize>,
}

/// A port before its columns are chosen.
pub(super) struct DraftPort {
    pub(super) output: usize,
    /// Where each column comes from.
    pub(super) columns: Vec<PortColumn>,
}

/// A sink before its columns are found on its inputs.
pub(super) struct SinkDraft {
    pub(super) inputs: Vec<usize>,
    pub(super) schema: SchemaRef,
}

/// The columns of an operator, chosen.
pub(super) struct Pruned {
    pub(super) reads_at: Vec<usize>,
    pub(super) ports: Vec<Option<PortPlan>>,
    pub(super) rejected: Option<PortPlan>,
    pub(super) late: Option<PortPlan>,
}

/// Chooses the columns of every edge and connects the readers. `operators` is in topological order; `extra` are
/// (output, column) wanted for themselves.
pub(super) fn prune(
    outputs: &mut [OutputPlan],
    operators: &[Draft],
    sinks: &[SinkDraft],
    extra: &[(usize, usize)],
) -> Vec<Pruned> {
    let mut wanted: HashMap<usize, BTreeSet<usize>> = HashMap::new();
    for (output, column) in extra {
        wanted.entry(*output).or_default().insert(*column);
    }
    for sink in sinks {
        want(outputs, &sink.inputs, &sink.schema, 0..sink.schema.fields().len(), &mut wanted);
    }
    let mut operator_wants = vec![BTreeSet::new(); operators.len()];
    for (draft, wants) in operators.iter().zip(&mut operator_wants).rev() {
        wants.extend(draft.reads.iter().copied());
        for port in &draft.ports {
            let kept = wanted.get(&port.output).into_iter().flatten();
            wants.extend(kept.filter_map(|column| match port.columns.get(*column) {
                Some(PortColumn::Pass(from)) => Some(*from),
                _ => None,
            }));
        }
        let columns = draft.schema.fields().len();
        wants.extend(wanted.get(&draft.rejected).into_iter().flatten().filter(|column| **column < columns));
        wants.extend(draft.late.and_then(|late| wanted.get(&late)).into_iter().flatten());
        want(outputs, &draft.inputs, &draft.schema, wants.iter().copied(), &mut wanted);
    }
    for (index, output) in outputs.iter_mut().enumerate() {
        output.kept = wanted.remove(&index).unwrap_or_default().into_iter().collect();
    }
    for (index, (draft, wants)) in operators.iter().zip(&operator_wants).enumerate() {
        connect(outputs, &draft.inputs, &draft.schema, wants.iter().copied(), Target::Operator(index));
    }
    for (index, sink) in sinks.iter().enumerate() {
        connect(outputs, &sink.inputs, &sink.schema, 0..sink.schema.fields().len(), Target::Sink(index));
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
    let narrowed: Vec<_> = columns.clone().map(|column| Arc::clone(&schema.fields()[column])).collect();
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

fn choose(outputs: &[OutputPlan], draft: &Draft, wants: &BTreeSet<usize>) -> Pruned {
    let at =
        |column: &usize| wants.iter().position(|wanted| wanted == column).expect("what is read or passed is wanted");
    let ports = draft
        .ports
        .iter()
        .map(|port| {
            port_plan(outputs.get(port.output)?, |column| match port.columns.get(column)? {
                PortColumn::Pass(from) => Some(KeptColumn::Passed(at(from))),
                PortColumn::Computed(index) => Some(KeptColumn::Computed(*index)),
            })
        })
        .collect();
    let columns = draft.schema.fields().len();
    let rejected = outputs.get(draft.rejected).and_then(|output| {
        port_plan(output, |column| {
            Some(if column < columns { KeptColumn::Passed(at(&column)) } else { KeptColumn::Computed(0) })
        })
    });
    let late = draft.late.and_then(|late| outputs.get(late));
    let late = late.and_then(|output| port_plan(output, |column| Some(KeptColumn::Passed(at(&column)))));
    Pruned { reads_at: draft.reads.iter().map(at).collect(), ports, rejected, late }
}

fn port_plan(output: &OutputPlan, column: impl Fn(usize) -> Option<KeptColumn>) -> Option<PortPlan> {
    if output.readers.is_empty() {
        return None;
    }
    let columns = output.kept.iter().map(|kept| column(*kept)).collect::<Option<_>>()?;
    let schema = output.schema.project(&output.kept).expect("kept columns are of this schema");
    Some(PortPlan { schema: SchemaRef::new(schema), columns })
}
