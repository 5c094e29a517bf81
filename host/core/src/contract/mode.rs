//! Edge modes: what a row of an edge says about the rows before it.
//!
//! The planner gives every output its mode, and every kind of operator checks the modes of its inputs against what its module
//! declared ([`Contract::accepts`]). Invariant: no operator reads an edge whose mode it did not declare, so that nothing
//! counts a row twice because it took an update for a fact.

use std::fmt;

use arrow_schema::DataType;

use super::{Contract, ContractError, Input, Port};

/// The column of a stream of changes that says what a row does: `s8`, 1 adds it, -1 takes it back.
pub const OP_COLUMN: &str = "_op";

/// How the rows of an edge are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// Facts that stay.
    #[default]
    Append,
    /// Each replaces the earlier one with its key.
    Upsert,
    /// Changes: [`OP_COLUMN`] says whether a row is added or taken back.
    Retract,
}

impl Mode {
    pub const ALL: [Self; 3] = [Self::Append, Self::Upsert, Self::Retract];

    /// As contracts write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Upsert => "upsert",
            Self::Retract => "retract",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Contract {
    /// The modes of edges that the module takes: those of its property `accepts`, else facts alone.
    pub fn accepts(&self) -> Result<Vec<Mode>, ContractError> {
        let Some(list) = self.property("accepts") else { return Ok(vec![Mode::Append]) };
        let modes = list.split(',').map(|name| Mode::named(name.trim())).collect::<Option<Vec<_>>>();
        modes.ok_or_else(|| ContractError::Mode { property: "accepts", value: list.to_owned() })
    }

    /// Refuses inputs whose mode the module did not declare; answers with the modes that it did.
    pub(super) fn check_accepts(&self, inputs: &[Input]) -> Result<Vec<Mode>, ContractError> {
        let accepts = self.accepts()?;
        match inputs.iter().find(|input| !accepts.contains(&input.mode)) {
            Some(input) => Err(ContractError::NotAccepted { input: input.name.clone(), mode: input.mode, accepts }),
            None => Ok(accepts),
        }
    }

    /// The mode of the main output: its property `emits`, else facts.
    pub(super) fn check_emits(&self, ports: &[Port]) -> Result<Mode, ContractError> {
        let Some(name) = self.property("emits") else { return Ok(Mode::Append) };
        let unknown = || ContractError::Mode { property: "emits", value: name.to_owned() };
        match Mode::named(name).ok_or_else(unknown)? {
            Mode::Retract if !ports.first().is_some_and(has_op) => Err(ContractError::NoOp),
            // Which columns are the key of its rows, no contract can say yet.
            Mode::Upsert => Err(unknown()),
            mode => Ok(mode),
        }
    }

    fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn has_op(port: &Port) -> bool {
    let is_op = |field: &arrow_schema::Field| *field.data_type() == DataType::Int8 && !field.is_nullable();
    port.schema.field_with_name(OP_COLUMN).is_ok_and(is_op)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        contract::{ContractField, ContractPort, tests::input},
        types::FlatField,
    };

    fn contract(properties: &[(&str, &str)], op: Option<&str>) -> Contract {
        let op = op.map(|format| {
            let name = OP_COLUMN.to_owned();
            ContractField::Computed(FlatField { name, format: format.into(), nullable: false, children: 0 })
        });
        Contract {
            reads: vec![vec!["price".into()]],
            ports: vec![ContractPort { name: "out".into(), fields: Vec::from_iter(op), event_time: None }],
            tables: vec![],
            state: vec![],
            state_version: 0,
            properties: properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    #[test]
    fn an_input_of_a_mode_that_was_not_declared_is_refused() {
        let input_of = |mode| Input { mode, ..input() };
        for mode in [Mode::Upsert, Mode::Retract] {
            let refused = contract(&[], None).check(&input_of(mode), &[]).expect_err("facts alone").to_string();
            assert_eq!(
                refused,
                format!("its input `bids` is a stream in mode `{mode}`, which it does not take (it takes append)")
            );
        }
        let both = contract(&[("accepts", "append, retract")], None);
        assert!(both.check(&input_of(Mode::Retract), &[]).is_ok() && both.check(&input(), &[]).is_ok());
        assert!(both.check(&input_of(Mode::Upsert), &[]).is_err());
        let changes_alone = contract(&[("accepts", "retract")], None);
        assert!(changes_alone.check(&input(), &[]).is_err());
    }

    #[test]
    fn who_emits_changes_says_what_each_row_does() {
        let emits = |mode: &str, op| contract(&[("emits", mode)], op).check(&input(), &[]);
        assert_eq!(emits("retract", Some("c")).expect("it has the column").emits, Mode::Retract);
        assert_eq!(emits("append", None).expect("facts").emits, Mode::Append);
        for op in [None, Some("l"), Some("u")] {
            assert_eq!(emits("retract", op), Err(ContractError::NoOp));
        }
        for mode in ["upsert", "table", ""] {
            assert!(matches!(emits(mode, Some("c")), Err(ContractError::Mode { property: "emits", .. })), "{mode}");
        }
        let unknown = contract(&[("accepts", "append,everything")], None).check(&input(), &[]).expect_err("no mode");
        assert_eq!(
            unknown.to_string(),
            "its property `accepts` is `append,everything`, which names an edge mode that this host does not know"
        );
    }
}
