//! The contract of an aggregate: one accumulator for each group, and ports that hold only what it computes.
//!
//! The host owns keys and windows, and puts their columns before the computed ones; so no port of an aggregate
//! passes a column.

use arrow_schema::{DataType, SchemaRef};

use super::{Contract, ContractError, ContractField, Input, Mode, SideTable, ports::Port};
use crate::types;

/// A checked contract of an aggregate.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateSignature {
    /// Columns of the input that cross in `accumulate`, in the module's order.
    pub reads: Vec<usize>,
    /// The accumulator's columns: all nullable, scalars, utf8 or binary. A row of nulls is the identity.
    pub accumulator: SchemaRef,
    /// Only computed columns.
    pub ports: Vec<Port>,
    /// `merge` is not commutative, so that rows of a group must be folded in their order.
    pub ordered: bool,
    /// It takes rows back: it accepts streams of changes, and exports `retractable`.
    pub retracts: bool,
    /// Side inputs, as indices into those that were offered.
    pub tables: Vec<usize>,
}

impl Contract {
    /// Checks an aggregate's contract against its input, and types its accumulator and its ports.
    pub fn check_aggregate(&self, input: &Input, tables: &[SideTable]) -> Result<AggregateSignature, ContractError> {
        let mut ordered = false;
        for (name, value) in &self.properties {
            match (name.as_str(), value.as_str()) {
                ("accepts", _) | ("emits", "append") | ("ordered", "false") => {}
                ("ordered", "true") => ordered = true,
                _ => return Err(ContractError::Property(name.clone())),
            }
        }
        let retracts = self.check_accepts(std::slice::from_ref(input))?.contains(&Mode::Retract);
        let reads = self.check_reads(input)?;
        let accumulator = self.check_accumulator()?;
        self.refuse_passes()?;
        let ports = self.check_ports(input)?;
        Ok(AggregateSignature { reads, accumulator, ports, ordered, retracts, tables: self.check_tables(tables)? })
    }

    fn refuse_passes(&self) -> Result<(), ContractError> {
        let passes = self.ports.iter().find_map(|port| {
            port.fields.iter().find_map(|field| match field {
                ContractField::Pass(column, _) => Some((port, column)),
                ContractField::Computed(_) => None,
            })
        });
        match passes {
            Some((port, column)) => Err(ContractError::Passes { port: port.name.clone(), column: column.clone() }),
            None => Ok(()),
        }
    }

    fn check_accumulator(&self) -> Result<SchemaRef, ContractError> {
        let [table] = self.state.as_slice() else { return Err(ContractError::Accumulators(self.state.len())) };
        if !table.subkey.is_empty() {
            return Err(ContractError::AccumulatorSubkey(table.name.clone()));
        }
        let values = table.typed()?.values;
        for field in values.fields() {
            let fault = |why| ContractError::AccumulatorColumn { column: field.name().clone(), why };
            if !field.is_nullable() {
                return Err(fault("is not nullable, but a row of nulls is the identity".to_owned()));
            }
            if matches!(field.data_type(), DataType::List(_) | DataType::LargeList(_) | DataType::Struct(_)) {
                let name = types::name(field.data_type());
                return Err(fault(format!("is a {name}; an accumulator holds scalars, utf8 and binary")));
            }
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use arrow_schema::Schema;

    use super::*;
    use crate::{
        contract::{ContractPort, ContractState},
        types::FlatField,
    };

    fn input() -> Input {
        let price = types::parse_column("price", "f64?").expect("a type");
        Input {
            name: "bids".into(),
            schema: Schema::new(vec![price]).into(),
            key: vec!["auction".into()],
            event_time: None,
            mode: Mode::Append,
        }
    }

    fn flat(name: &str, format: &str, nullable: bool) -> FlatField {
        FlatField { name: name.into(), format: format.into(), nullable, children: 0 }
    }

    fn state(values: Vec<FlatField>) -> ContractState {
        ContractState { name: "accumulator".into(), subkey: vec![], values }
    }

    fn average() -> Contract {
        Contract {
            reads: vec![vec!["price".into()]],
            ports: vec![ContractPort {
                name: "out".into(),
                fields: vec![ContractField::Computed(flat("average", "g", true))],
                event_time: None,
            }],
            tables: vec![],
            state: vec![state(vec![flat("sum", "g", true), flat("count", "l", true)])],
            state_version: 0,
            properties: vec![],
        }
    }

    #[test]
    fn the_accumulator_is_typed() {
        let signature = average().check_aggregate(&input(), &[]).expect("a good contract");
        let columns: Vec<_> =
            signature.accumulator.fields().iter().map(|f| format!("{}: {}", f.name(), types::column(f))).collect();
        assert_eq!(columns, ["sum: f64?", "count: s64?"]);
        assert_eq!(signature.reads, [0]);
        assert_eq!(signature.ports[0].schema.field(0).name(), "average");
        assert!(!signature.ordered && !signature.retracts);
        let properties = vec![("accepts".into(), "append,retract".into())];
        let changes = Input { mode: Mode::Retract, ..input() };
        let signature = Contract { properties, ..average() }.check_aggregate(&changes, &[]).expect("it takes changes");
        assert!(signature.retracts);
    }

    #[test]
    fn an_aggregate_may_say_that_it_is_ordered() {
        let ordered = |value: &str| Contract { properties: vec![("ordered".into(), value.into())], ..average() };
        assert!(ordered("true").check_aggregate(&input(), &[]).expect("ordered").ordered);
        assert!(!ordered("false").check_aggregate(&input(), &[]).expect("not ordered").ordered);
        assert_eq!(
            ordered("perhaps").check_aggregate(&input(), &[]),
            Err(ContractError::Property("ordered".into())),
            "a value that nobody knows is not taken for no"
        );
    }

    #[test]
    fn broken_laws_are_named() {
        let pass = ContractField::Pass("price".into(), "price".into());
        let ports = vec![ContractPort { name: "out".into(), fields: vec![pass], event_time: None }];
        let mut list = flat("all", "+l", true);
        list.children = 1;
        let keyed = ContractState { subkey: vec![flat("at", "l", false)], ..state(vec![]) };
        let two = vec![state(vec![]), ContractState { name: "more".into(), ..state(vec![]) }];
        let cases: Vec<(Contract, &str)> = vec![
            (Contract { ports, ..average() }, "port `out` passes column `price`"),
            (Contract { state: vec![], ..average() }, "declares 0 state tables"),
            (Contract { state: two, ..average() }, "declares 2 state tables"),
            (Contract { state: vec![keyed], ..average() }, "`accumulator` has a subkey"),
            (
                Contract { state: vec![state(vec![flat("sum", "g", false)])], ..average() },
                "column `sum` of the accumulator is not nullable",
            ),
            (
                Contract { state: vec![state(vec![list.clone(), flat("item", "l", true)])], ..average() },
                "column `all` of the accumulator is a list<s64?>",
            ),
            (
                Contract { state: vec![state(vec![flat("sum", "g", true), flat("sum", "l", true)])], ..average() },
                "two columns named `sum`",
            ),
            (Contract { state: vec![state(vec![flat("sum", "?", true)])], ..average() }, "not an Arrow format string"),
            (Contract { state: vec![state(vec![list])], ..average() }, "not an Arrow format string"),
            (Contract { state: vec![state(vec![flat("", "g", true)])], ..average() }, "is empty"),
            (
                Contract { tables: vec!["rates".into()], ..average() },
                "side input `rates`, which the operator is not offered",
            ),
            (Contract { ports: vec![], ..average() }, "no port"),
            (Contract { reads: vec![], ..average() }, "reads 0 inputs"),
            (Contract { properties: vec![("reorders".into(), "true".into())], ..average() }, "property `reorders`"),
        ];
        for (contract, message) in cases {
            let error = contract.check_aggregate(&input(), &[]).expect_err(message).to_string();
            assert!(error.contains(message), "{error:?} should contain {message:?}");
        }
    }
}
