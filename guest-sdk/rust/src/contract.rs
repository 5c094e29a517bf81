//! The answer to `open`: the row types and attributes of a transform, fitted to the columns of its input.
//!
//! Pure: [`plan`] gives the contract for the host, and the [`Plan`] by which batches are read and answers
//! arranged. Every message is for the owner of the job, who sees columns and options, not Rust.

use std::collections::HashSet;

use crate::{
    bindings::{Contract, Input, OutputField, Port},
    input::Read,
    loaded::Conversion,
    nearest,
    ports::{Passing, PortSpec},
    transform::Description,
    types::{self, TimeUnit},
};

/// How batches are read and answered, as agreed in `open`.
#[derive(Debug, PartialEq)]
pub struct Plan {
    pub reads: Vec<PlannedRead>,
    pub ports: Vec<PlannedPort>,
}

#[derive(Debug, PartialEq)]
pub struct PlannedRead {
    pub column: String,
    pub conversion: Conversion,
    /// Whether the function can be shown a null.
    pub takes_null: bool,
}

#[derive(Debug, PartialEq)]
pub struct PlannedPort {
    /// The computed columns, in the order in which the contract names them.
    pub columns: Vec<PlannedColumn>,
}

#[derive(Debug, PartialEq)]
pub struct PlannedColumn {
    /// Its place in the row type.
    pub index: usize,
    pub unit: Option<TimeUnit>,
}

/// What passes where nothing says what does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsaid {
    All,
    /// The columns of the key.
    Key,
}

/// A top-level column of the input.
struct Column<'a> {
    name: &'a str,
    format: &'a str,
    /// Whether it passes where nothing says what does.
    passes: bool,
}

/// The only input of a module.
pub fn only_input(inputs: &[Input]) -> Result<&Input, String> {
    match inputs {
        [input] => Ok(input),
        _ => Err(format!("this module has one input, but the operator has {}", inputs.len())),
    }
}

/// Fits what a transform reads and makes to its input. `passing` and `event_time` are those of the transform.
pub fn plan(
    inputs: &[Input],
    transform: &Description,
    passing: Passing,
    event_time: Option<&str>,
    unsaid: Unsaid,
) -> Result<(Contract, Plan), String> {
    let input = only_input(inputs)?;
    let columns = top_level(input, unsaid)?;
    let planned_reads = transform.reads.iter().map(|read| fit(read, &columns)).collect::<Result<Vec<_>, _>>()?;
    let mut contract_ports = Vec::new();
    let mut planned_ports = Vec::new();
    for (index, port) in transform.ports.iter().enumerate() {
        let of_transform = if index == 0 { event_time } else { None };
        let (fields, planned) = lay_out(port, port.passing.unwrap_or(passing), &columns)?;
        let event_time = port.event_time.or(of_transform).map(str::to_owned);
        if let Some(name) = &event_time {
            check_event_time(name, port, &fields)?;
        }
        contract_ports.push(Port { name: port.name.to_owned(), fields, event_time });
        planned_ports.push(planned);
    }
    let contract = Contract {
        reads: vec![planned_reads.iter().map(|read| read.column.clone()).collect()],
        ports: contract_ports,
        tables: Vec::new(),
        state: Vec::new(),
        state_version: 0,
        properties: Vec::new(),
    };
    Ok((contract, Plan { reads: planned_reads, ports: planned_ports }))
}

/// The columns of the input, without the children of lists and structs.
fn top_level(input: &Input, unsaid: Unsaid) -> Result<Vec<Column<'_>>, String> {
    let mut columns = Vec::new();
    let mut fields = input.fields.iter();
    while let Some(field) = fields.next() {
        let passes = unsaid == Unsaid::All || input.key.contains(&field.name);
        columns.push(Column { name: &field.name, format: &field.format, passes });
        let mut children = u64::from(field.children);
        while children > 0 {
            let child = fields.next().ok_or_else(|| format!("the children of column `{}` are missing", field.name))?;
            children += u64::from(child.children);
            children -= 1;
        }
    }
    Ok(columns)
}

fn find<'a>(name: &str, columns: &'a [Column<'a>]) -> Result<&'a Column<'a>, String> {
    columns
        .iter()
        .find(|column| column.name == name)
        .ok_or_else(|| nearest::suggest(name, columns.iter().map(|c| c.name)))
}

fn fit(read: &Read, columns: &[Column<'_>]) -> Result<PlannedRead, String> {
    let column = find(read.column, columns).map_err(|hint| {
        let (name, wants) = (read.column, (read.type_name)());
        format!("the input has no column `{name}`, which `{}` reads as {wants}: {hint}", read.field)
    })?;
    let conversion = (read.accept)(column.format).ok_or_else(|| {
        let (have, wants) = (types::name(column.format), (read.type_name)());
        format!("column `{}` is {have}, but `{}` reads it as {wants}", read.column, read.field)
    })?;
    Ok(PlannedRead { column: read.column.to_owned(), conversion, takes_null: read.nullable })
}

/// The columns of a port: the passed ones in the input's order, a computed one in the place of the passed one whose
/// name it has, and then the other computed ones.
fn lay_out(
    port: &PortSpec,
    passing: Passing,
    columns: &[Column<'_>],
) -> Result<(Vec<OutputField>, PlannedPort), String> {
    check_names(port, passing, columns)?;
    let mut fields = Vec::new();
    let mut planned = Vec::new();
    let mut taken = HashSet::new();
    let mut compute = |index: usize, fields: &mut Vec<OutputField>, taken: &mut HashSet<String>| {
        let Some(computed) = port.computed.get(index) else { return };
        taken.insert(computed.field.name.clone());
        fields.push(OutputField::Computed(computed.field.clone()));
        planned.push(PlannedColumn { index, unit: computed.unit });
    };
    for column in columns.iter().filter(|column| passing.passes(column)) {
        let name = passing.name_of(column.name);
        if let Some(index) = port.computed.iter().position(|computed| computed.field.name == name) {
            if !taken.contains(name) {
                compute(index, &mut fields, &mut taken);
            }
        } else if taken.insert(name.to_owned()) {
            fields.push(OutputField::Pass((column.name.to_owned(), name.to_owned())));
        } else {
            return Err(format!(
                "output `{}` would have two columns `{name}`: `rename` gives a column this name, and another has it already",
                port.name
            ));
        }
    }
    for (index, computed) in port.computed.iter().enumerate() {
        if !taken.contains(&computed.field.name) {
            compute(index, &mut fields, &mut taken);
        }
    }
    Ok((fields, PlannedPort { columns: planned }))
}

/// Every column that `pass`, `drop` or `rename` names must be there.
fn check_names(port: &PortSpec, passing: Passing, columns: &[Column<'_>]) -> Result<(), String> {
    let renamed: Vec<&str> = passing.rename.iter().map(|(from, _)| *from).collect();
    for (attribute, names) in
        [("pass", passing.only.unwrap_or_default()), ("drop", passing.drop), ("rename", renamed.as_slice())]
    {
        for name in names {
            find(name, columns).map_err(|hint| {
                format!("the input has no column `{name}`, which `{attribute}` of output `{}` names: {hint}", port.name)
            })?;
        }
    }
    Ok(())
}

impl Passing {
    fn passes(&self, column: &Column<'_>) -> bool {
        self.only.map_or(column.passes, |only| only.contains(&column.name)) && !self.drop.contains(&column.name)
    }

    fn name_of<'a>(&self, column: &'a str) -> &'a str {
        self.rename.iter().find(|(from, _)| *from == column).map_or(column, |(_, to)| to)
    }
}

fn check_event_time(name: &str, port: &PortSpec, fields: &[OutputField]) -> Result<(), String> {
    let names = || {
        fields.iter().map(|field| match field {
            OutputField::Pass((_, name)) => name.as_str(),
            OutputField::Computed(field) => field.name.as_str(),
        })
    };
    if names().any(|have| have == name) {
        return Ok(());
    }
    let hint = nearest::suggest(name, names());
    Err(format!("output `{}` has no column `{name}` to be its event time: {hint}", port.name))
}

/// A column of the key that a keyed operator reads.
#[derive(Debug, PartialEq)]
pub struct PlannedKey {
    /// Its place in the key.
    pub index: usize,
    pub read: PlannedRead,
}

/// Fits what a keyed operator reads of its key to the key that the job gives it.
pub fn plan_key(inputs: &[Input], reads: &[Read]) -> Result<Vec<PlannedKey>, String> {
    let input = only_input(inputs)?;
    if input.key.is_empty() {
        return Err("this module keeps state for each key, but the operator has no `key`".to_owned());
    }
    let columns = top_level(input, Unsaid::Key)?;
    let planned = reads.iter().map(|read| {
        let index = input.key.iter().position(|name| name == read.column).ok_or_else(|| {
            let hint = nearest::suggest(read.column, input.key.iter().map(String::as_str));
            format!(
                "`{}` reads `{}` of the key, but it is not in the operator's `key`: {hint}",
                read.field, read.column
            )
        })?;
        Ok(PlannedKey { index, read: fit(read, &columns)? })
    });
    planned.collect()
}
