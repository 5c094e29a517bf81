//! `std:rename` and `std:drop`: columns pass under other names, or do not. No byte crosses.

use std::collections::HashSet;

use pelton_guest::{
    dynamic::{BatchContext, ContractField, Emitted, Input, Output, Shape, Table, options_from_map, suggest},
    prelude::*,
};
use serde_json::{Map, Value};

use crate::{Chosen, Step, input, options::take_table};

#[derive(Options)]
struct RenameOptions {}

#[derive(Options)]
struct DropOptions {
    columns: Vec<String>,
}

/// Every row passes.
struct Pass;

pub fn open(input: &Input, options: &Map<String, Value>) -> Chosen {
    let mut options = options.clone();
    let renamed = take_table(&mut options, "columns", "new names")?;
    options_from_map::<RenameOptions>(&options)?;
    let columns = input::columns(input)?;
    for (old, _) in &renamed {
        input::find(&columns, old)?;
    }
    let mut taken = HashSet::new();
    let mut makes = Vec::with_capacity(columns.len());
    for column in &columns {
        let old = &column.field.name;
        let name = renamed.iter().find(|(from, _)| from == old).map_or(old, |(_, to)| to);
        if !taken.insert(name.clone()) {
            return Err(format!(
                "two columns would have the name `{name}`: give the other one a new name as well, or drop it before"
            ));
        }
        makes.push(input::pass(column, name));
    }
    Ok(pass(makes))
}

/// Opens `std:drop`.
pub fn open_drop(input: &Input, options: &Map<String, Value>) -> Chosen {
    let dropped = options_from_map::<DropOptions>(options)?.columns;
    let columns = input::columns(input)?;
    for name in &dropped {
        input::find(&columns, name)?;
    }
    let left: Vec<_> = columns.iter().filter(|column| !dropped.contains(&column.field.name)).collect();
    if left.is_empty() {
        let names = columns.iter().map(|column| column.field.name.as_str());
        return Err(format!("no column would be left of the input's: {}", suggest("", names)));
    }
    Ok(pass(left.iter().map(|column| input::pass(column, &column.field.name)).collect()))
}

fn pass(makes: Vec<ContractField>) -> (Shape, Box<dyn Step>) {
    (Shape { makes, ..Shape::default() }, Box::new(Pass))
}

impl Step for Pass {
    fn process(&self, _: &BatchContext, rows: Table) -> Result<Output, String> {
        let all = Emitted { port: 0, origin: None, computed: Table { rows: rows.rows, nodes: Vec::new() } };
        Ok(Output { emitted: if rows.rows > 0 { vec![all] } else { Vec::new() }, rejected: Vec::new() })
    }
}
