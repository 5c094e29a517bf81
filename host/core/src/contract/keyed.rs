//! The contract of a keyed operator: ports like a transform's, and tables of state per key.
//!
//! The host keeps the tables. What their types must hold is what it needs for that: a key without state is a row of nulls,
//! and rows under a subkey are kept in its order.

use std::{collections::HashSet, sync::Arc};

use arrow_schema::{DataType, FieldRef, Schema, SchemaRef};

use super::{Contract, ContractError, ContractState, Input, SideTable, ports::Port, within};
use crate::types;

/// A checked contract of a keyed operator.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyedSignature {
    /// Columns of the input that cross to the module, in its order.
    pub reads: Vec<usize>,
    pub ports: Vec<Port>,
    /// In the module's order, which is how its answers name them.
    pub state: Arc<[StateTable]>,
    pub state_version: u32,
    /// Side inputs, as indices into those that were offered.
    pub tables: Vec<usize>,
}

/// A table of state per key.
#[derive(Debug, Clone, PartialEq)]
pub struct StateTable {
    pub name: String,
    pub form: StateForm,
    /// No columns: one row for each key.
    pub subkey: SchemaRef,
    pub values: SchemaRef,
    /// Subkey, then values: a row as it crosses in a change.
    pub row: SchemaRef,
}

/// How many rows a key has in a table, and who numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateForm {
    /// At most one row.
    Value,
    /// A row for each subkey.
    Map,
    /// A map whose subkey is one `s64`: the host numbers what is appended.
    List,
}

/// State tables that a contract may have.
pub const STATE_TABLES_MAX: usize = 64;

impl Contract {
    /// Checks a keyed operator's contract against its input, and types its ports and its state.
    pub fn check_keyed(&self, input: &Input, tables: &[SideTable]) -> Result<KeyedSignature, ContractError> {
        self.modes_only()?;
        self.check_accepts(std::slice::from_ref(input))?;
        within("state tables", self.state.len(), STATE_TABLES_MAX)?;
        let mut names = HashSet::new();
        let state = self.state.iter().map(|table| {
            if names.insert(table.name.as_str()) {
                table.keyed_table()
            } else {
                Err(ContractError::StateName { name: table.name.clone(), why: "another state table has too" })
            }
        });
        let state = state.collect::<Result<_, _>>()?;
        Ok(KeyedSignature {
            reads: self.check_reads(input)?,
            ports: self.check_ports(input)?,
            state,
            state_version: self.state_version,
            tables: self.check_tables(tables)?,
        })
    }
}

impl StateTable {
    /// As a module would declare it: for those who keep it longer than the module.
    pub fn declared(&self) -> ContractState {
        let flat = |schema: &SchemaRef| {
            let mut flat = Vec::new();
            for field in schema.fields() {
                types::flatten(field, &mut flat).expect("its types came as formats");
            }
            flat
        };
        ContractState { name: self.name.clone(), subkey: flat(&self.subkey), values: flat(&self.values) }
    }
}

impl ContractState {
    /// Checks and types one table of a keyed operator.
    pub fn keyed_table(&self) -> Result<StateTable, ContractError> {
        let typed = self.typed()?;
        let fault = |field: &FieldRef, why: String| ContractError::StateColumn {
            table: self.name.clone(),
            column: field.name().clone(),
            why,
        };
        for field in typed.subkey.fields() {
            if field.is_nullable() {
                return Err(fault(field, "is nullable, but a subkey always has a value".to_owned()));
            }
            if !is_ordered(field.data_type()) {
                let name = types::name(field.data_type());
                return Err(fault(
                    field,
                    format!("is a {name}, which no subkey can be: it has no order that all rows agree on"),
                ));
            }
        }
        let form = match typed.subkey.fields().iter().map(|field| field.data_type()).collect::<Vec<_>>().as_slice() {
            [] => StateForm::Value,
            [DataType::Int64] => StateForm::List,
            _ => StateForm::Map,
        };
        if form == StateForm::Value
            && let Some(field) = typed.values.fields().iter().find(|field| !field.is_nullable())
        {
            return Err(fault(field, "is not nullable, but a key without state has a row of nulls".to_owned()));
        }
        let row = typed.subkey.fields().iter().chain(typed.values.fields()).cloned().collect::<Vec<_>>();
        Ok(StateTable {
            name: self.name.clone(),
            form,
            subkey: typed.subkey,
            values: typed.values,
            row: SchemaRef::new(Schema::new(row)),
        })
    }
}

/// Types whose values can be told apart and ordered: no floats (`-0.0`, NaN), nothing nested.
fn is_ordered(data_type: &DataType) -> bool {
    !data_type.is_nested() && !data_type.is_floating()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        contract::{ContractField, ContractPort, Mode, PortColumn},
        types::FlatField,
    };

    fn input() -> Input {
        let fields = ["user: utf8", "page: utf8"].map(|text| {
            let (name, ty) = text.split_once(": ").expect("name: type");
            types::parse_column(name, ty).expect("a type")
        });
        Input {
            name: "clicks".into(),
            schema: Schema::new(fields.to_vec()).into(),
            key: vec!["user".into()],
            event_time: None,
            mode: Mode::Append,
        }
    }

    fn flat(name: &str, format: &str, nullable: bool) -> FlatField {
        FlatField { name: name.into(), format: format.into(), nullable, children: 0 }
    }

    fn table(name: &str, subkey: Vec<FlatField>, values: Vec<FlatField>) -> ContractState {
        ContractState { name: name.into(), subkey, values }
    }

    fn visits() -> Contract {
        Contract {
            reads: vec![vec!["page".into()]],
            ports: vec![ContractPort {
                name: "out".into(),
                fields: vec![
                    ContractField::Pass("user".into(), "user".into()),
                    ContractField::Computed(flat("clicks", "l", false)),
                ],
                event_time: None,
            }],
            tables: vec![],
            state: vec![
                table("visit", vec![], vec![flat("clicks", "l", true)]),
                table("seen", vec![flat("page", "u", false)], vec![flat("times", "l", false)]),
                table("path", vec![flat("at", "l", false)], vec![flat("page", "u", false)]),
            ],
            state_version: 3,
            properties: vec![],
        }
    }

    #[test]
    fn ports_and_state_are_typed() {
        let signature = visits().check_keyed(&input(), &[]).expect("a good contract");
        assert_eq!(signature.reads, [1]);
        assert_eq!(signature.ports[0].columns, [PortColumn::Pass(0), PortColumn::Computed(0)]);
        assert_eq!(signature.state_version, 3);
        let forms: Vec<_> = signature.state.iter().map(|table| (table.name.as_str(), table.form)).collect();
        assert_eq!(forms, [("visit", StateForm::Value), ("seen", StateForm::Map), ("path", StateForm::List)]);
        let row: Vec<_> =
            signature.state[1].row.fields().iter().map(|f| format!("{}: {}", f.name(), types::column(f))).collect();
        assert_eq!(row, ["page: utf8", "times: s64"]);
    }

    #[test]
    fn a_table_comes_back_from_what_it_declares() {
        let signature = visits().check_keyed(&input(), &[]).expect("a good contract");
        for table in signature.state.iter() {
            assert_eq!(table.declared().keyed_table().as_ref(), Ok(table));
        }
    }

    #[test]
    fn state_is_no_must() {
        let contract = Contract { state: vec![], ..visits() };
        assert!(contract.check_keyed(&input(), &[]).expect("a good contract").state.is_empty());
    }

    #[test]
    fn broken_laws_are_named() {
        let with = |table: ContractState| Contract { state: vec![table], ..visits() };
        let many = (0..=STATE_TABLES_MAX).map(|at| table(&at.to_string(), vec![], vec![])).collect();
        let cases: Vec<(Contract, &str)> = vec![
            (
                with(table("visit", vec![], vec![flat("clicks", "l", false)])),
                "column `clicks` of state table `visit` is not nullable",
            ),
            (
                with(table("seen", vec![flat("page", "u", true)], vec![])),
                "column `page` of state table `seen` is nullable",
            ),
            (with(table("by-price", vec![flat("price", "g", false)], vec![])), "is a f64, which no subkey can be"),
            (
                with(table("seen", vec![flat("page", "u", false)], vec![flat("page", "l", false)])),
                "two columns named `page`",
            ),
            (with(table("", vec![], vec![])), "is empty"),
            (
                Contract { state: vec![table("a", vec![], vec![]), table("a", vec![], vec![])], ..visits() },
                "name `a`, which another state table has too",
            ),
            (Contract { state: many, ..visits() }, "65 state tables, more than the 64"),
            (
                Contract { tables: vec!["rates".into()], ..visits() },
                "side input `rates`, which the operator is not offered",
            ),
            (Contract { properties: vec![("reorders".into(), "true".into())], ..visits() }, "property `reorders`"),
            (Contract { ports: vec![], ..visits() }, "no port"),
        ];
        for (contract, message) in cases {
            let error = contract.check_keyed(&input(), &[]).expect_err(message).to_string();
            assert!(error.contains(message), "{error:?} should contain {message:?}");
        }
    }
}
