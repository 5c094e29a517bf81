//! What a module answered in `open`, checked against the input it was shown: the typed signature of an
//! operator, one form for each kind.
//!
//! Called by the planner and once more for each instance. What a module says is hostile until the check of its kind
//! has passed:
//!
//! ```text
//!                                                              ┌─► check ───────────► Signature (transforms)
//! reads ─► ports (passed, computed) ─► state (typed tables) ───┼─► check_aggregate ─► AggregateSignature
//!       ─► tables (side inputs)                                ├─► check_keyed ─────► KeyedSignature
//!                                                              └─► check_cogroup ───► CogroupSignature
//! ```

mod aggregate;
mod cogroup;
mod error;
mod keyed;
mod mode;
mod ports;
mod state;
mod tables;

use std::collections::HashSet;

use arrow_schema::SchemaRef;

pub use self::{
    aggregate::AggregateSignature,
    cogroup::CogroupSignature,
    error::ContractError,
    keyed::{KeyedSignature, STATE_TABLES_MAX, StateForm, StateTable},
    mode::{Mode, OP_COLUMN},
    ports::{Port, PortColumn},
    tables::SideTable,
};
use crate::types::FlatField;

/// A module's answer as it came, in the host's own types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    pub reads: Vec<Vec<String>>,
    pub ports: Vec<ContractPort>,
    pub tables: Vec<String>,
    pub state: Vec<ContractState>,
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

/// A table of state per key; its columns are flat lists, each field followed by its children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractState {
    pub name: String,
    pub subkey: Vec<FlatField>,
    pub values: Vec<FlatField>,
}

/// The input of an operator as its module sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    pub name: String,
    pub schema: SchemaRef,
    pub key: Vec<String>,
    pub event_time: Option<String>,
    /// What its rows say about those before them.
    pub mode: Mode,
}

/// A checked contract of a transform.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// Columns of the input that cross to the module, in its order.
    pub reads: Vec<usize>,
    pub ports: Vec<Port>,
    /// Origins may decrease.
    pub reorders: bool,
    /// The mode of its main output.
    pub emits: Mode,
    /// Side inputs, as indices into those that were offered.
    pub tables: Vec<usize>,
}

/// Columns and ports that a contract may have: bounds of what a module can make the host allocate.
pub const COLUMNS_MAX: usize = 10_000;
pub const PORTS_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 255;

impl Contract {
    /// Checks a transform's contract against its input, and types its ports.
    pub fn check(&self, input: &Input, tables: &[SideTable]) -> Result<Signature, ContractError> {
        if !self.state.is_empty() {
            return Err(ContractError::NotFor { kind: "transforms", what: "state" });
        }
        let mut reorders = false;
        for (name, value) in &self.properties {
            match name.as_str() {
                "accepts" | "emits" => {}
                "reorders" => reorders = value == "true",
                _ => return Err(ContractError::Property(name.clone())),
            }
        }
        self.check_accepts(std::slice::from_ref(input))?;
        let (reads, ports) = (self.check_reads(input)?, self.check_ports(input)?);
        let emits = self.check_emits(&ports)?;
        Ok(Signature { reads, ports, reorders, emits, tables: self.check_tables(tables)? })
    }

    /// For the kinds that know no property but the modes that they take, and emit facts.
    fn modes_only(&self) -> Result<(), ContractError> {
        let known = |(name, value): &&(String, String)| {
            matches!((name.as_str(), value.as_str()), ("accepts", _) | ("emits", "append"))
        };
        let other = self.properties.iter().find(|property| !known(property));
        match other {
            Some((name, _)) => Err(ContractError::Property(name.clone())),
            None => Ok(()),
        }
    }

    /// The columns that cross, of an operator with one input.
    fn check_reads(&self, input: &Input) -> Result<Vec<usize>, ContractError> {
        match self.reads.as_slice() {
            [names] => input.reads(names),
            lists => Err(ContractError::Inputs { want: 1, got: lists.len() }),
        }
    }
}

impl Input {
    /// The columns that a module names in `reads`.
    fn reads(&self, names: &[String]) -> Result<Vec<usize>, ContractError> {
        within("columns to read", names.len(), COLUMNS_MAX)?;
        let mut seen = HashSet::new();
        names
            .iter()
            .map(|name| {
                if !seen.insert(name) {
                    return Err(ContractError::ReadTwice(name.clone()));
                }
                column(self, name)
            })
            .collect()
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
    use arrow_schema::Schema;

    use super::*;
    use crate::types;

    pub(super) fn input() -> Input {
        let fields = ["auction: s64", "price: f64?", "ts: timestamp[ms]"]
            .map(|text| {
                let (name, ty) = text.split_once(": ").expect("name: type");
                types::parse_column(name, ty).expect("a type")
            })
            .to_vec();
        Input {
            name: "bids".into(),
            schema: Schema::new(fields).into(),
            key: vec![],
            event_time: Some("ts".into()),
            mode: Mode::Append,
        }
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
        let signature = contract.check(&input(), &[]).expect("a good contract");
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
            (
                Contract {
                    state: vec![ContractState { name: "s".into(), subkey: vec![], values: vec![] }],
                    ..contract(vec![])
                },
                "declares state",
            ),
        ];
        for (contract, message) in cases {
            let error = contract.check(&input(), &[]).expect_err(message).to_string();
            assert!(error.contains(message), "{error:?} should contain {message:?}");
        }
    }

    #[test]
    fn a_computed_event_time_must_be_a_timestamp_of_the_port() {
        let mut contract = contract(vec![computed("n", "l", 0)]);
        for (column, message) in [("nope", "does not have"), ("n", "not a timestamp")] {
            contract.ports[0].event_time = Some(column.into());
            assert!(contract.check(&input(), &[]).expect_err(message).to_string().contains(message));
        }
    }
}
