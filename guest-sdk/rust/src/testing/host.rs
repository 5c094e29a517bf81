//! The host's part of a test: calls the transform, checks its answer by the contract, and carries the passed columns.
//! What `finish` of a fold answers is checked by the same rules, and what a keyed operator answers by its own.

use super::{Tested, rows::Rows};
use crate::{
    bindings::{
        BatchContext, Contract, Emitted, Field, Node, Output, OutputField, Port,
        keyed::{KeyedEmitted, KeyedOutput},
    },
    dynamic::Process,
    keyed::NO_ORIGIN,
    log::sink,
};

pub fn run<P: Process>(opened: &P, contract: &Contract, context: BatchContext, rows: &Rows) -> Result<Tested, String> {
    let reads = contract.reads.first().map(Vec::as_slice).unwrap_or_default();
    answer(contract, opened.process(context, rows.as_table(reads)?)?, rows)
}

/// Checks an answer to `rows`, and puts each port's columns together.
pub fn answer(contract: &Contract, output: Output, rows: &Rows) -> Result<Tested, String> {
    let mut ports = Vec::new();
    for (index, port) in (0_u32..).zip(&contract.ports) {
        let emitted = output.emitted.iter().find(|emitted| emitted.port == index);
        let origins = origins(emitted, rows.len())?;
        ports.push((port.name.clone(), merge(port, emitted, &origins, rows)?, origins));
    }
    let rejected = output.rejected.into_iter().map(|rejection| (rejection.row as usize, rejection.reason)).collect();
    Ok(Tested { ports, rejected, collected: sink::take() })
}

/// The input row of each row of a port.
fn origins(emitted: Option<&Emitted>, rows: usize) -> Result<Vec<u32>, String> {
    let Some(emitted) = emitted else { return Ok(Vec::new()) };
    let origins: Vec<u32> = match &emitted.origin {
        None => (0..emitted.computed.rows).collect(),
        Some(origin) => origin.as_chunks::<4>().0.iter().map(|row| u32::from_le_bytes(*row)).collect(),
    };
    if emitted.origin.is_none() && origins.len() != rows {
        return Err(format!("{} rows were returned row for row, but the batch has {rows}", origins.len()));
    }
    if origins.len() != emitted.computed.rows as usize {
        return Err(format!("{} origins were returned for {} rows", origins.len(), emitted.computed.rows));
    }
    if let Some(row) = origins.iter().find(|row| **row as usize >= rows) {
        return Err(format!("origin {row} was returned, but the batch has {rows} rows"));
    }
    if !origins.is_sorted() {
        return Err(
            "the origins that were returned decrease: rows must leave in the order in which they came".to_owned()
        );
    }
    Ok(origins)
}

/// A port's rows, computed and passed columns together. Lists of scalars are the only nested columns.
fn merge(port: &Port, emitted: Option<&Emitted>, origins: &[u32], rows: &Rows) -> Result<Rows, String> {
    let mut computed = emitted.map(|emitted| emitted.computed.nodes.iter());
    let mut node_of = |field: &Field| match &mut computed {
        None => Ok(Node { rows: 0, buffers: vec![Vec::new(); 3] }),
        Some(nodes) => nodes
            .next()
            .cloned()
            .ok_or_else(|| format!("column `{}` was not returned, though the contract computes it", field.name)),
    };
    let mut columns = Vec::new();
    let mut items = Vec::new();
    let mut fields = port.fields.iter();
    while let Some(field) = fields.next() {
        match field {
            OutputField::Pass((from, to)) => {
                let (field, node) = rows.take(from, origins)?;
                columns.push((Field { name: to.clone(), ..field }, node));
            }
            OutputField::Computed(field) => {
                columns.push((field.clone(), node_of(field)?));
                if let ("+l", Some(OutputField::Computed(item))) = (field.format.as_str(), fields.as_slice().first()) {
                    items.push((field.name.as_str(), (item.clone(), node_of(item)?)));
                    fields.next();
                }
            }
        }
    }
    if let Some((field, _)) = columns.iter().find(|(_, node)| node.rows as usize != origins.len()) {
        return Err(format!(
            "column `{}` was returned with another number of rows than the output's {}",
            field.name,
            origins.len()
        ));
    }
    let mut merged = Rows::from_columns(origins.len(), columns);
    items.into_iter().for_each(|(column, items)| merged.set_items(column, items));
    Ok(merged)
}

/// What a keyed operator was given, to put its answer together.
pub struct Given<'a> {
    /// As the call had them.
    pub rows: &'a Rows,
    /// For each of them, its number in the test.
    pub numbers: &'a [u32],
    /// The key columns, a row for each key of the call.
    pub keys: &'a Rows,
    pub event_time: Option<&'a str>,
}

/// Checks the answer of a keyed operator, and puts each port's columns together.
pub fn keyed_answer(contract: &Contract, output: KeyedOutput, given: &Given<'_>) -> Result<Tested, String> {
    let mut ports = Vec::new();
    for (index, port) in (0_u32..).zip(&contract.ports) {
        let emitted = output.emitted.iter().find(|emitted| emitted.port == index);
        ports.push(keyed_port(port, emitted, given)?);
    }
    let number = |row: u32| given.numbers.get(row as usize).copied().unwrap_or(row) as usize;
    let mut rejected: Vec<_> =
        output.rejected.into_iter().map(|rejection| (number(rejection.row), rejection.reason)).collect();
    rejected.sort_by_key(|(row, _)| *row);
    Ok(Tested { ports, rejected, collected: sink::take() })
}

/// A port's rows. Columns of the key come from the key; others that pass are null without an origin.
fn keyed_port(
    port: &Port,
    emitted: Option<&KeyedEmitted>,
    given: &Given<'_>,
) -> Result<(String, Rows, Vec<u32>), String> {
    let words = |bytes: &[u8]| bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
    let keys: Vec<u32> = emitted.map(|emitted| words(&emitted.key)).unwrap_or_default();
    let origins = match emitted.and_then(|emitted| emitted.origin.as_deref()) {
        Some(origin) => words(origin),
        None => vec![NO_ORIGIN; keys.len()],
    };
    let key_names = given.keys.names();
    // One row more than there are, all null, for rows without origin.
    let or_null = given.rows.concat(&given.rows.nulls(1))?;
    let taken: Vec<u32> = origins.iter().map(|row| (*row).min(given.rows.len() as u32)).collect();
    let mut computed = emitted.map(|emitted| emitted.computed.nodes.clone()).unwrap_or_default().into_iter();
    let mut columns = Vec::new();
    for field in &port.fields {
        let (field, node) = match field {
            OutputField::Computed(field) => {
                let node = computed.next().unwrap_or_else(|| super::rows::nulls(field, 0));
                (field.clone(), node)
            }
            OutputField::Pass((from, to)) if key_names.contains(&from.as_str()) => {
                let (field, node) = given.keys.take(from, &keys)?;
                (Field { name: to.clone(), ..field }, node)
            }
            OutputField::Pass((from, to)) => {
                let (field, _) = given.rows.find(from)?;
                let is_missing = !field.nullable && given.event_time != Some(from) && origins.contains(&NO_ORIGIN);
                if is_missing {
                    return Err(format!(
                        "column `{from}` passes through output `{}` and takes no null, but a row was emitted from no row",
                        port.name
                    ));
                }
                (Field { name: to.clone(), ..field.clone() }, or_null.take(from, &taken)?.1)
            }
        };
        columns.push((field, node));
    }
    let numbers = origins.iter().map(|row| given.numbers.get(*row as usize).copied().unwrap_or(*row)).collect();
    Ok((port.name.clone(), Rows::from_columns(keys.len(), columns), numbers))
}
