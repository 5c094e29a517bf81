//! The contract of a cogroup: two inputs, and ports on which only their key passes.
//!
//! A row that comes out belongs to a key and not to a row of either side, so the key columns are all that the host can
//! carry past the module. They are named as on the left.

use std::sync::Arc;

use arrow_schema::{Field, FieldRef, Schema, SchemaRef};

use super::{Contract, ContractError, ContractField, Input, Port, SideTable, column};

/// A checked contract of a cogroup.
#[derive(Debug, Clone, PartialEq)]
pub struct CogroupSignature {
    /// Columns of the left and of the right input that cross to the module, in its order.
    pub reads: [Vec<usize>; 2],
    /// The key columns of a call, with the names and types of the left; null where either side's may be.
    pub keys: SchemaRef,
    /// Columns that pass are indices into `keys`.
    pub ports: Vec<Port>,
    /// Side inputs, as indices into those that were offered.
    pub tables: Vec<usize>,
}

impl Contract {
    /// Checks a cogroup's contract against its inputs (left, then right), and types its ports.
    ///
    /// Both inputs have as many key columns, and these the same types.
    pub fn check_cogroup(&self, inputs: &[Input; 2], tables: &[SideTable]) -> Result<CogroupSignature, ContractError> {
        if !self.state.is_empty() {
            return Err(ContractError::NotFor { kind: "cogroups", what: "state" });
        }
        self.modes_only()?;
        self.check_accepts(inputs)?;
        let [left, right] = inputs;
        let [left_reads, right_reads] = self.reads.as_slice() else {
            return Err(ContractError::Inputs { want: 2, got: self.reads.len() });
        };
        let reads = [left.reads(left_reads)?, right.reads(right_reads)?];
        let keys = key_input(left, right)?;
        self.refuse_passes_but(&keys)?;
        let ports = self.check_ports(&keys)?;
        Ok(CogroupSignature { reads, keys: keys.schema, ports, tables: self.check_tables(tables)? })
    }

    fn refuse_passes_but(&self, keys: &Input) -> Result<(), ContractError> {
        let passes = self.ports.iter().flat_map(|port| port.fields.iter().map(move |field| (port, field)));
        for (port, field) in passes {
            if let ContractField::Pass(column, _) = field
                && !keys.key.contains(column)
            {
                return Err(ContractError::PassesNoKey {
                    port: port.name.clone(),
                    column: column.clone(),
                    keys: keys.key.clone(),
                });
            }
        }
        Ok(())
    }
}

/// The keys of a call, as the input that ports pass columns of.
fn key_input(left: &Input, right: &Input) -> Result<Input, ContractError> {
    debug_assert_eq!(left.key.len(), right.key.len(), "the sides are matched by as many columns");
    let fields = left.key.iter().zip(&right.key).map(|(on_left, on_right)| {
        let field = left.schema.field(column(left, on_left)?);
        let other = right.schema.field(column(right, on_right)?);
        let is_nullable = field.is_nullable() || other.is_nullable();
        Ok(FieldRef::new(Field::new(on_left, field.data_type().clone(), is_nullable)))
    });
    let schema = Schema::new(fields.collect::<Result<Vec<_>, _>>()?);
    Ok(Input {
        name: left.name.clone(),
        schema: Arc::new(schema),
        key: left.key.clone(),
        event_time: left.event_time.clone(),
        mode: left.mode,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        contract::{ContractPort, ContractState, Mode, PortColumn},
        types::{self, FlatField},
    };

    fn input(name: &str, key: &str, columns: &[&str]) -> Input {
        let fields: Vec<Field> = columns
            .iter()
            .map(|text| {
                let (name, ty) = text.split_once(": ").expect("name: type");
                types::parse_column(name, ty).expect("a type")
            })
            .collect();
        Input {
            name: name.into(),
            schema: Schema::new(fields).into(),
            key: vec![key.into()],
            event_time: None,
            mode: Mode::Append,
        }
    }

    fn inputs() -> [Input; 2] {
        [
            input("orders", "order", &["order: s64", "item: utf8", "at: timestamp[ms]"]),
            input("payments", "of", &["euro: f64", "of: s64?"]),
        ]
    }

    fn flat(name: &str, format: &str) -> FlatField {
        FlatField { name: name.into(), format: format.into(), nullable: false, children: 0 }
    }

    fn pass(from: &str, to: &str) -> ContractField {
        ContractField::Pass(from.into(), to.into())
    }

    fn with_ports(fields: Vec<ContractField>) -> Contract {
        Contract {
            reads: vec![vec!["item".into()], vec!["euro".into()]],
            ports: vec![ContractPort { name: "out".into(), fields, event_time: None }],
            tables: vec![],
            state: vec![],
            state_version: 0,
            properties: vec![("accepts".into(), "append".into())],
        }
    }

    fn paid() -> Contract {
        with_ports(vec![ContractField::Computed(flat("euro", "g")), pass("order", "id")])
    }

    #[test]
    fn both_sides_are_read_and_the_key_passes() {
        let signature = paid().check_cogroup(&inputs(), &[]).expect("a good contract");
        assert_eq!(signature.reads, [vec![1], vec![0]]);
        let columns = |schema: &Schema| -> Vec<String> {
            schema.fields().iter().map(|f| format!("{}: {}", f.name(), types::column(f))).collect()
        };
        assert_eq!(columns(&signature.keys), ["order: s64?"], "a key that only the right has may be null");
        assert_eq!(columns(&signature.ports[0].schema), ["euro: f64", "id: s64?"]);
        assert_eq!(signature.ports[0].columns, [PortColumn::Computed(0), PortColumn::Pass(0)]);
        assert!(signature.tables.is_empty());
    }

    #[test]
    fn a_key_that_is_the_event_time_keeps_that_role() {
        let [mut left, mut right] = inputs();
        left.key = vec!["order".into(), "at".into()];
        left.event_time = Some("at".into());
        right = Input { key: vec!["of".into(), "at".into()], ..right };
        right.schema = input("", "", &["of: s64", "at: timestamp[ms]", "euro: f64"]).schema;
        let contract = with_ports(vec![pass("at", "when")]);
        let signature = contract.check_cogroup(&[left, right], &[]).expect("a good contract");
        assert_eq!(signature.ports[0].event_time.as_deref(), Some("when"));
        assert_eq!(signature.ports[0].columns, [PortColumn::Pass(1)], "the second column of the key");
    }

    #[test]
    fn broken_laws_are_named() {
        let state = ContractState { name: "seen".into(), subkey: vec![], values: vec![] };
        let cases: Vec<(Contract, &str)> = vec![
            (Contract { reads: vec![vec![]], ..paid() }, "reads 1 inputs, but the operator has 2"),
            (Contract { reads: vec![vec![]; 3], ..paid() }, "reads 3 inputs, but the operator has 2"),
            (
                Contract { reads: vec![vec!["euro".into()], vec![]], ..paid() },
                "reads column `euro`, which input `orders` does not have",
            ),
            (
                Contract { reads: vec![vec![], vec!["item".into()]], ..paid() },
                "reads column `item`, which input `payments` does not have",
            ),
            (Contract { reads: vec![vec![], vec!["euro".into(); 2]], ..paid() }, "column `euro` twice"),
            (with_ports(vec![pass("item", "item")]), "port `out` passes column `item`, but on a port of a cogroup"),
            (with_ports(vec![pass("of", "of")]), "only key columns pass (order)"),
            (with_ports(vec![pass("order", "a"), pass("order", "a")]), "two columns named `a`"),
            (with_ports(vec![ContractField::Computed(flat("x", "?"))]), "not an Arrow format string"),
            (Contract { ports: vec![], ..paid() }, "no port"),
            (Contract { state: vec![state], ..paid() }, "declares state, which cogroups do not have"),
            (
                Contract { tables: vec!["rates".into()], ..paid() },
                "side input `rates`, which the operator is not offered",
            ),
            (Contract { properties: vec![("reorders".into(), "true".into())], ..paid() }, "property `reorders`"),
            (
                Contract { properties: vec![("accepts".into(), "retract".into())], ..paid() },
                "mode `append`, which it does not take",
            ),
        ];
        for (contract, message) in cases {
            let error = contract.check_cogroup(&inputs(), &[]).expect_err(message).to_string();
            assert!(error.contains(message), "{error:?} should contain {message:?}");
        }
    }
}
