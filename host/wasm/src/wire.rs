//! Contracts and inputs between the host's own types and those of the boundary.
//!
//! Called by the `open` of every kind. Nothing is checked here: what comes from a module is as hostile after as before.

use arrow::datatypes::Schema;
use pelton_core::{
    contract::{Contract, ContractField, ContractPort, ContractState, Input, SideTable},
    types::{self, FlatField, TypeError},
};

use crate::{bindings::pelton::operator::types as wit, calls::BatchContext};

/// The mode of an input that is a side input: its rows come by `tables.load`.
const TABLE: &str = "table";

/// Shows inputs, and after them side inputs, for the time that `run` takes.
pub(crate) fn with_inputs<R>(
    inputs: &[Input],
    tables: &[SideTable],
    run: impl FnOnce(&[wit::Input<'_>]) -> R,
) -> Result<R, TypeError> {
    let schemas = inputs.iter().map(|input| &input.schema).chain(tables.iter().map(|table| &table.schema));
    let flat = schemas.map(|schema| shown_fields(schema)).collect::<Result<Vec<_>, _>>()?;
    let fields: Vec<Vec<_>> = flat.iter().map(|fields| fields.iter().map(field).collect()).collect();
    let (input_fields, table_fields) = fields.split_at(inputs.len());
    let keys: Vec<Vec<_>> = inputs.iter().map(|input| input.key.iter().map(String::as_str).collect()).collect();
    let inputs = inputs.iter().zip(input_fields).zip(&keys).map(|((input, fields), key)| wit::Input {
        name: &input.name,
        fields,
        key,
        event_time: input.event_time.as_deref(),
        mode: input.mode.name(),
        properties: &[],
    });
    let tables = tables.iter().zip(table_fields).map(|(table, fields)| wit::Input {
        name: &table.name,
        fields,
        key: &[],
        event_time: None,
        mode: TABLE,
        properties: &[],
    });
    Ok(run(&inputs.chain(tables).collect::<Vec<_>>()))
}

/// Shows the columns of a table of state, for the time that `run` takes.
pub(crate) fn with_fields<R>(schema: &Schema, run: impl FnOnce(&[wit::FieldParam<'_>]) -> R) -> Result<R, TypeError> {
    let flat = shown_fields(schema)?;
    Ok(run(&flat.iter().map(field).collect::<Vec<_>>()))
}

/// The columns of an input that a module is shown: those that can cross. Others can still be passed.
fn shown_fields(schema: &Schema) -> Result<Vec<FlatField>, TypeError> {
    let mut fields = Vec::new();
    for field in schema.fields().iter().filter(|field| types::crosses(field.data_type())) {
        types::flatten(field, &mut fields)?;
    }
    Ok(fields)
}

fn field(field: &FlatField) -> wit::FieldParam<'_> {
    wit::FieldParam { name: &field.name, format: &field.format, nullable: field.nullable, children: field.children }
}

pub(crate) fn context(context: &BatchContext) -> wit::BatchContext {
    wit::BatchContext {
        epoch: context.epoch,
        first_row: context.first_row,
        now: context.now,
        watermark: context.watermark,
        seed: context.seed,
    }
}

pub(crate) fn contract(contract: wit::Contract) -> Contract {
    Contract {
        reads: contract.reads,
        ports: contract.ports.into_iter().map(port).collect(),
        tables: contract.tables,
        state: contract.state.into_iter().map(state_table).collect(),
        state_version: contract.state_version,
        properties: contract.properties,
    }
}

fn port(port: wit::Port) -> ContractPort {
    let fields = port.fields.into_iter().map(|field| match field {
        wit::OutputField::Pass((from, to)) => ContractField::Pass(from, to),
        wit::OutputField::Computed(field) => ContractField::Computed(flat(field)),
    });
    ContractPort { name: port.name, fields: fields.collect(), event_time: port.event_time }
}

fn state_table(table: wit::StateTable) -> ContractState {
    ContractState {
        name: table.name,
        subkey: table.subkey.into_iter().map(flat).collect(),
        values: table.values.into_iter().map(flat).collect(),
    }
}

fn flat(field: wit::FieldResult) -> FlatField {
    FlatField { name: field.name, format: field.format, nullable: field.nullable, children: field.children }
}
