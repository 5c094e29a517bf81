//! The answer to `open`: the row types and attributes of an operator, fitted to the columns of its inputs.
//!
//! Pure: [`plan`] gives the contract for the host, and the [`Plan`] by which batches are read and answers
//! arranged; [`plan_cogroup`] does so for two inputs. Every message is for the owner of the job, who sees columns and options,
//! not Rust.

use std::collections::HashSet;

use crate::{
    bindings::{Contract, Input, OutputField, Port},
    input::Read,
    loaded::Conversion,
    nearest,
    ports::{Pass, Passing, PortSpec},
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
    /// Its place in a table of all columns of its input.
    pub node: usize,
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

/// The mode of an input that is a side table.
const TABLE: &str = "table";

/// The operator's edges, and the side tables that it is offered.
pub fn split(inputs: &[Input]) -> (&[Input], &[Input]) {
    inputs.split_at(inputs.iter().position(|input| input.mode == TABLE).unwrap_or(inputs.len()))
}

/// The only input of a module.
pub fn only_input(inputs: &[Input]) -> Result<&Input, String> {
    match split(inputs).0 {
        [input] => Ok(input),
        edges => Err(format!("this module has one input, but the operator has {}", edges.len())),
    }
}

/// The left and the right input of a cogroup.
pub fn two_inputs(inputs: &[Input]) -> Result<[&Input; 2], String> {
    match split(inputs).0 {
        [left, right] => Ok([left, right]),
        edges => Err(format!("this module has two inputs, but the operator has {}", edges.len())),
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
    let columns = Columns::of("the input".to_owned(), only_input(inputs)?, unsaid)?;
    let reads = columns.fit_all(&transform.reads)?;
    let (ports, planned) = plan_ports(&transform.ports, passing, event_time, &columns)?;
    Ok((contract(&[&reads], ports), Plan { reads, ports: planned }))
}

/// What a cogroup reads of its sides, and makes.
#[derive(Debug)]
pub struct CogroupDescription {
    pub key: Vec<Read>,
    pub left: Vec<Read>,
    pub right: Vec<Read>,
    pub ports: Vec<PortSpec>,
}

/// How the batches of a cogroup are read and answered.
#[derive(Debug, PartialEq)]
pub struct CogroupPlan {
    pub key: Vec<PlannedKey>,
    pub left: Vec<PlannedRead>,
    pub right: Vec<PlannedRead>,
    pub ports: Vec<PlannedPort>,
}

/// Fits what a cogroup reads and makes to its inputs. Only the columns of its key can pass, named as on the left.
pub fn plan_cogroup(
    inputs: &[Input],
    cogroup: &CogroupDescription,
    passing: Passing,
    event_time: Option<&str>,
) -> Result<(Contract, CogroupPlan), String> {
    let [left, right] = two_inputs(inputs)?;
    let side = |input: &Input, reads: &[Read]| {
        Columns::of(format!("input `{}`", input.name), input, Unsaid::All)?.fit_all(reads)
    };
    let key = plan_key(left, &cogroup.key, "matches its inputs by key")?;
    let (left_reads, right_reads) = (side(left, &cogroup.left)?, side(right, &cogroup.right)?);
    let mut columns = Columns::of("the key".to_owned(), left, Unsaid::Key)?;
    columns.list.retain(|column| column.passes);
    let (ports, planned) = plan_ports(&cogroup.ports, passing, event_time, &columns)?;
    let contract = contract(&[&left_reads, &right_reads], ports);
    Ok((contract, CogroupPlan { key, left: left_reads, right: right_reads, ports: planned }))
}

/// A contract without state and side tables.
fn contract(reads: &[&[PlannedRead]], ports: Vec<Port>) -> Contract {
    let names = |reads: &&[PlannedRead]| reads.iter().map(|read| read.column.clone()).collect();
    Contract {
        reads: reads.iter().map(names).collect(),
        ports,
        tables: Vec::new(),
        state: Vec::new(),
        state_version: 0,
        properties: Vec::new(),
    }
}

/// The top-level columns of an input, without the children of lists and structs.
pub struct Columns<'a> {
    /// Whose they are, in messages.
    of: String,
    list: Vec<Column<'a>>,
}

struct Column<'a> {
    name: &'a str,
    format: &'a str,
    /// Its place among the nodes of a table that holds all columns.
    node: usize,
    /// Whether it passes where nothing says what does.
    passes: bool,
}

impl<'a> Columns<'a> {
    pub fn of(of: String, input: &'a Input, unsaid: Unsaid) -> Result<Self, String> {
        let mut list = Vec::new();
        let mut fields = input.fields.iter().enumerate();
        while let Some((node, field)) = fields.next() {
            let passes = unsaid == Unsaid::All || input.key.contains(&field.name);
            list.push(Column { name: &field.name, format: &field.format, node, passes });
            let mut children = u64::from(field.children);
            while children > 0 {
                let (_, child) =
                    fields.next().ok_or_else(|| format!("the children of column `{}` are missing", field.name))?;
                children += u64::from(child.children);
                children -= 1;
            }
        }
        Ok(Self { of, list })
    }

    fn find(&self, name: &str) -> Result<&Column<'a>, String> {
        let found = self.list.iter().find(|column| column.name == name);
        found.ok_or_else(|| nearest::suggest(name, self.list.iter().map(|column| column.name)))
    }

    /// How each column is read.
    pub fn fit_all(&self, reads: &[Read]) -> Result<Vec<PlannedRead>, String> {
        reads.iter().map(|read| self.fit(read)).collect()
    }

    fn fit(&self, read: &Read) -> Result<PlannedRead, String> {
        let column = self.find(read.column).map_err(|hint| {
            let (name, wants) = (read.column, (read.type_name)());
            format!("{} has no column `{name}`, which `{}` reads as {wants}: {hint}", self.of, read.field)
        })?;
        let conversion = (read.accept)(column.format).ok_or_else(|| {
            let (have, wants) = (types::name(column.format), (read.type_name)());
            format!("column `{}` is {have}, but `{}` reads it as {wants}", read.column, read.field)
        })?;
        let (name, node) = (read.column.to_owned(), column.node);
        Ok(PlannedRead { column: name, node, conversion, takes_null: read.nullable })
    }
}

fn plan_ports(
    specs: &[PortSpec],
    passing: Passing,
    event_time: Option<&str>,
    columns: &Columns<'_>,
) -> Result<(Vec<Port>, Vec<PlannedPort>), String> {
    let mut ports = Vec::new();
    let mut planned = Vec::new();
    for (index, port) in specs.iter().enumerate() {
        let of_operator = if index == 0 { event_time } else { None };
        let (fields, laid_out) = lay_out(port, port.passing.unwrap_or(passing), columns)?;
        let event_time = port.event_time.or(of_operator).map(str::to_owned);
        if let Some(name) = &event_time {
            check_event_time(name, port, &fields)?;
        }
        ports.push(Port { name: port.name.to_owned(), fields, event_time });
        planned.push(laid_out);
    }
    Ok((ports, planned))
}

/// The columns of a port: the passed ones in the input's order, a computed one in the place of the passed one whose
/// name it has, and then the other computed ones.
fn lay_out(
    port: &PortSpec,
    passing: Passing,
    columns: &Columns<'_>,
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
    for column in columns.list.iter().filter(|column| passing.passes(column)) {
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
fn check_names(port: &PortSpec, passing: Passing, columns: &Columns<'_>) -> Result<(), String> {
    let renamed: Vec<&str> = passing.rename.iter().map(|(from, _)| *from).collect();
    for (attribute, names) in [("pass", passing.pass.named()), ("drop", passing.drop), ("rename", renamed.as_slice())] {
        for name in names {
            columns.find(name).map_err(|hint| {
                let (of, port) = (&columns.of, port.name);
                format!("{of} has no column `{name}`, which `{attribute}` of output `{port}` names: {hint}")
            })?;
        }
    }
    Ok(())
}

impl Pass {
    /// The columns that it names.
    fn named(self) -> &'static [&'static str] {
        match self {
            Self::Unsaid | Self::All => &[],
            Self::Only(names) => names,
        }
    }
}

impl Passing {
    fn passes(&self, column: &Column<'_>) -> bool {
        let passes = match self.pass {
            Pass::Unsaid => column.passes,
            Pass::All => true,
            Pass::Only(names) => names.contains(&column.name),
        };
        passes && !self.drop.contains(&column.name)
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

/// A column of the key that an operator reads.
#[derive(Debug, PartialEq)]
pub struct PlannedKey {
    /// Its place in the key.
    pub index: usize,
    pub read: PlannedRead,
}

/// Fits what an operator reads of its key to the key that the job gives it. `needs` says what the module has it for.
pub fn plan_key(input: &Input, reads: &[Read], needs: &str) -> Result<Vec<PlannedKey>, String> {
    if input.key.is_empty() {
        return Err(format!("this module {needs}, but the operator has no `key`"));
    }
    let columns = Columns::of("the input".to_owned(), input, Unsaid::Key)?;
    let planned = reads.iter().map(|read| {
        let index = input.key.iter().position(|name| name == read.column).ok_or_else(|| {
            let hint = nearest::suggest(read.column, input.key.iter().map(String::as_str));
            format!(
                "`{}` reads `{}` of the key, but it is not in the operator's `key`: {hint}",
                read.field, read.column
            )
        })?;
        Ok(PlannedKey { index, read: columns.fit(read)? })
    });
    planned.collect()
}
