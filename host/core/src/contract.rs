//! What a module answered in `open`, checked against the input it was shown: the typed outputs of an
//! operator.
//!
//! Called by the planner and once more for each instance. What a module says is hostile until
//! [`Contract::check`] has passed.

use std::collections::HashSet;

use arrow_schema::{Field, FieldRef, Schema, SchemaRef};

use crate::{
    job::REJECTED_PORT,
    types::{self, FlatField, TypeError},
};

/// A module's answer as it came, in the host's own types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    pub reads: Vec<Vec<String>>,
    pub ports: Vec<ContractPort>,
    pub tables: Vec<String>,
    pub state: Vec<String>,
    pub state_version: u32,
    pub properties: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractPort {
    pub name: String,
    pub fields: Vec<ContractField>,
    pub event_time: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContractField {
    /// (input column, its name on the port)
    Pass(String, String),
    Computed(FlatField),
}

/// The input of an operator as its module sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    pub name: String,
    pub schema: SchemaRef,
    pub key: Vec<String>,
    pub event_time: Option<String>,
}

/// A checked contract of a transform.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// Columns of the input that cross to the module, in its order.
    pub reads: Vec<usize>,
    pub ports: Vec<Port>,
    /// Origins may decrease.
    pub reorders: bool,
}

/// A typed output.
#[derive(Debug, Clone, PartialEq)]
pub struct Port {
    pub name: String,
    pub schema: SchemaRef,
    /// Where each column of `schema` comes from.
    pub columns: Vec<PortColumn>,
    /// The computed columns as one schema, in the order in which they cross.
    pub computed: SchemaRef,
    pub event_time: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortColumn {
    /// Index into the input's columns.
    Pass(usize),
    /// Index into the computed columns.
    Computed(usize),
}

/// A law of the contract that a module broke in `open`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    #[error("its contract reads {got} inputs, but the operator has {want}")]
    Inputs { want: usize, got: usize },
    #[error("it reads column `{column}`, which input `{input}` does not have (it has {})", list(.have))]
    NoColumn { column: String, input: String, have: Vec<String> },
    #[error("it names column `{0}` twice in `reads`")]
    ReadTwice(String),
    #[error("it declares no port, so nothing can leave it")]
    NoPort,
    #[error("port {index} has the name `{name}`, which {why}")]
    PortName { index: usize, name: String, why: &'static str },
    #[error("port `{port}` has two columns named `{column}`")]
    ColumnTwice { port: String, column: String },
    #[error("port `{port}` has a column named `{column}`, which {why}")]
    ColumnName { port: String, column: String, why: &'static str },
    #[error("column `{column}` of port `{port}`: {source}")]
    Type { port: String, column: String, source: TypeError },
    #[error("port `{port}` takes its event time from `{column}`, which {why}")]
    EventTime { port: String, column: String, why: &'static str },
    #[error(
        "it declares the property `{0}`, which this host does not know: update Pelton, or build the module for pelton:operator@0.1.0"
    )]
    Property(String),
    #[error("it declares {what}, which transforms do not have")]
    NotForTransforms { what: &'static str },
    #[error("it declares {got} {what}, more than the {max} that are allowed")]
    TooMany { what: &'static str, got: usize, max: usize },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "no columns".to_owned() } else { names.join(", ") }
}

/// Columns and ports that a contract may have: bounds of what a module can make the host allocate.
pub const COLUMNS_MAX: usize = 10_000;
pub const PORTS_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 255;

impl Contract {
    /// Checks a transform's contract against its input, and types its ports.
    pub fn check(&self, input: &Input) -> Result<Signature, ContractError> {
        if self.reads.len() != 1 {
            return Err(ContractError::Inputs { want: 1, got: self.reads.len() });
        }
        if !self.tables.is_empty() {
            return Err(ContractError::NotForTransforms { what: "side inputs (`tables`)" });
        }
        if !self.state.is_empty() {
            return Err(ContractError::NotForTransforms { what: "state" });
        }
        let mut reorders = false;
        for (name, value) in &self.properties {
            match name.as_str() {
                "accepts" | "emits" if value == "append" => {}
                "reorders" => reorders = value == "true",
                _ => return Err(ContractError::Property(name.clone())),
            }
        }
        if self.ports.is_empty() {
            return Err(ContractError::NoPort);
        }
        within("ports", self.ports.len(), PORTS_MAX)?;
        Ok(Signature { reads: self.check_reads(input)?, ports: self.check_ports(input)?, reorders })
    }

    fn check_reads(&self, input: &Input) -> Result<Vec<usize>, ContractError> {
        let names = self.reads.first().map(Vec::as_slice).unwrap_or_default();
        within("columns to read", names.len(), COLUMNS_MAX)?;
        let mut seen = HashSet::new();
        names
            .iter()
            .map(|name| {
                if !seen.insert(name) {
                    return Err(ContractError::ReadTwice(name.clone()));
                }
                column(input, name)
            })
            .collect()
    }

    fn check_ports(&self, input: &Input) -> Result<Vec<Port>, ContractError> {
        let mut names = HashSet::new();
        self.ports
            .iter()
            .enumerate()
            .map(|(index, port)| {
                let why = name_fault(&port.name).or_else(|| {
                    if port.name == REJECTED_PORT || port.name == "late" {
                        Some("is taken: rejected and late rows leave by it")
                    } else if port.name.contains('.') {
                        Some("contains a dot")
                    } else if !names.insert(port.name.as_str()) {
                        Some("another port has too")
                    } else {
                        None
                    }
                });
                match why {
                    Some(why) => Err(ContractError::PortName { index, name: port.name.clone(), why }),
                    None => port.check(input),
                }
            })
            .collect()
    }
}

impl ContractPort {
    fn check(&self, input: &Input) -> Result<Port, ContractError> {
        within("columns", self.fields.len(), COLUMNS_MAX)?;
        let mut fields: Vec<FieldRef> = Vec::new();
        let mut computed: Vec<FieldRef> = Vec::new();
        let mut columns = Vec::new();
        let mut rest = self.fields.as_slice();
        while let Some((first, tail)) = rest.split_first() {
            match first {
                ContractField::Pass(from, to) => {
                    let index = column(input, from)?;
                    let source = input.schema.field(index);
                    fields.push(Field::new(to, source.data_type().clone(), source.is_nullable()).into());
                    columns.push(PortColumn::Pass(index));
                    rest = tail;
                }
                ContractField::Computed(head) => {
                    let flat: Vec<FlatField> = rest
                        .iter()
                        .map_while(|f| match f {
                            ContractField::Computed(flat) => Some(flat.clone()),
                            ContractField::Pass(..) => None,
                        })
                        .collect();
                    let mut flat = flat.iter();
                    let before = flat.len();
                    let field = types::unflatten(&mut flat)
                        .and_then(|f| f.ok_or_else(|| TypeError::Format(head.format.clone())))
                        .map_err(|source| ContractError::Type {
                            port: self.name.clone(),
                            column: head.name.clone(),
                            source,
                        })?;
                    let field = FieldRef::from(field);
                    fields.push(FieldRef::clone(&field));
                    columns.push(PortColumn::Computed(computed.len()));
                    computed.push(field);
                    rest = rest.get(before - flat.len()..).unwrap_or_default();
                }
            }
        }
        let mut names = HashSet::new();
        for field in &fields {
            if let Some(why) = name_fault(field.name()) {
                return Err(ContractError::ColumnName { port: self.name.clone(), column: field.name().clone(), why });
            }
            if !names.insert(field.name().as_str()) {
                return Err(ContractError::ColumnTwice { port: self.name.clone(), column: field.name().clone() });
            }
        }
        let event_time = self.check_event_time(input, &fields, &columns)?;
        Ok(Port {
            name: self.name.clone(),
            schema: SchemaRef::new(Schema::new(fields)),
            columns,
            computed: SchemaRef::new(Schema::new(computed)),
            event_time,
        })
    }

    /// The event time that the port names, or the input's wherever that column is passed.
    fn check_event_time(
        &self,
        input: &Input,
        fields: &[FieldRef],
        columns: &[PortColumn],
    ) -> Result<Option<String>, ContractError> {
        let Some(column) = &self.event_time else {
            let from = input.event_time.as_ref().and_then(|name| input.schema.index_of(name).ok());
            let passed = columns.iter().position(|c| matches!(c, PortColumn::Pass(index) if Some(*index) == from));
            return Ok(passed.and_then(|at| fields.get(at)).map(|f| f.name().clone()));
        };
        let fault = |why| ContractError::EventTime { port: self.name.clone(), column: column.clone(), why };
        let field = fields.iter().find(|f| f.name() == column).ok_or_else(|| fault("the port does not have"))?;
        if !matches!(field.data_type(), arrow_schema::DataType::Timestamp(..)) {
            return Err(fault("is not a timestamp"));
        }
        Ok(Some(column.clone()))
    }
}

fn column(input: &Input, name: &str) -> Result<usize, ContractError> {
    input.schema.index_of(name).map_err(|_| ContractError::NoColumn {
        column: name.to_owned(),
        input: input.name.clone(),
        have: input.schema.fields().iter().map(|f| f.name().clone()).collect(),
    })
}

fn within(what: &'static str, got: usize, max: usize) -> Result<(), ContractError> {
    if got > max { Err(ContractError::TooMany { what, got, max }) } else { Ok(()) }
}

fn name_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("is empty")
    } else if name.len() > NAME_BYTES_MAX {
        Some("is longer than 255 bytes")
    } else if name.chars().any(char::is_control) {
        Some("contains control characters")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> Input {
        let fields = ["auction: s64", "price: f64?", "ts: timestamp[ms]"]
            .map(|text| {
                let (name, ty) = text.split_once(": ").expect("name: type");
                types::parse_column(name, ty).expect("a type")
            })
            .to_vec();
        Input { name: "bids".into(), schema: Schema::new(fields).into(), key: vec![], event_time: Some("ts".into()) }
    }

    fn pass(from: &str, to: &str) -> ContractField {
        ContractField::Pass(from.into(), to.into())
    }

    fn computed(name: &str, format: &str, children: u32) -> ContractField {
        ContractField::Computed(FlatField { name: name.into(), format: format.into(), nullable: false, children })
    }

    fn contract(fields: Vec<ContractField>) -> Contract {
        Contract {
            reads: vec![vec!["price".into()]],
            ports: vec![ContractPort { name: "out".into(), fields, event_time: None }],
            tables: vec![],
            state: vec![],
            state_version: 0,
            properties: vec![],
        }
    }

    #[test]
    fn ports_are_typed_from_passed_and_computed_columns() {
        let contract = contract(vec![
            computed("tags", "+l", 1),
            computed("item", "u", 0),
            pass("ts", "at"),
            computed("euro", "g", 0),
            pass("price", "price"),
        ]);
        let signature = contract.check(&input()).expect("a good contract");
        let port = &signature.ports[0];
        let columns: Vec<_> =
            port.schema.fields().iter().map(|f| format!("{}: {}", f.name(), types::column(f))).collect();
        assert_eq!(columns, ["tags: list<utf8>", "at: timestamp[ms]", "euro: f64", "price: f64?"]);
        assert_eq!(port.event_time.as_deref(), Some("at"), "the passed event time keeps its role under its new name");
        assert_eq!(
            port.columns,
            [PortColumn::Computed(0), PortColumn::Pass(2), PortColumn::Computed(1), PortColumn::Pass(1)]
        );
    }

    #[test]
    fn broken_laws_are_named() {
        let cases: Vec<(Contract, &str)> = vec![
            (contract(vec![pass("nope", "x")]), "reads column `nope`"),
            (contract(vec![pass("ts", "x"), pass("price", "x")]), "two columns named `x`"),
            (contract(vec![computed("x", "zz", 0)]), "not an Arrow format string"),
            (contract(vec![computed("x", "+l", 1)]), "not an Arrow format string"),
            (contract(vec![computed("x\u{1b}[2J", "l", 0)]), "control characters"),
            (Contract { reads: vec![], ..contract(vec![]) }, "reads 0 inputs"),
            (Contract { reads: vec![vec!["ts".into(), "ts".into()]], ..contract(vec![]) }, "twice"),
            (Contract { ports: vec![], ..contract(vec![]) }, "no port"),
            (Contract { properties: vec![("speed".into(), "9".into())], ..contract(vec![]) }, "property `speed`"),
            (Contract { state: vec!["s".into()], ..contract(vec![]) }, "declares state"),
        ];
        for (contract, message) in cases {
            let error = contract.check(&input()).expect_err(message).to_string();
            assert!(error.contains(message), "{error:?} should contain {message:?}");
        }
    }

    #[test]
    fn a_computed_event_time_must_be_a_timestamp_of_the_port() {
        let mut contract = contract(vec![computed("n", "l", 0)]);
        for (column, message) in [("nope", "does not have"), ("n", "not a timestamp")] {
            contract.ports[0].event_time = Some(column.into());
            assert!(contract.check(&input()).expect_err(message).to_string().contains(message));
        }
    }
}
