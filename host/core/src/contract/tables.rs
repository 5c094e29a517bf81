//! Side inputs: the tables that a job offers to an operator, and those of them that its module asks for.
//!
//! Called by the checks of all kinds. A module is shown every table that is offered, and gets those that its contract names.

use std::collections::HashSet;

use arrow_schema::SchemaRef;

use super::{Contract, ContractError};

/// A table of the job file, as it is offered to an operator.
#[derive(Debug, Clone, PartialEq)]
pub struct SideTable {
    pub name: String,
    pub schema: SchemaRef,
}

impl Contract {
    /// The tables that it asks for, as indices into what is offered, in its order.
    pub(super) fn check_tables(&self, offered: &[SideTable]) -> Result<Vec<usize>, ContractError> {
        let mut seen = HashSet::new();
        self.tables
            .iter()
            .map(|name| {
                if !seen.insert(name.as_str()) {
                    return Err(ContractError::TableTwice(name.clone()));
                }
                offered.iter().position(|table| table.name == *name).ok_or_else(|| ContractError::NoTable {
                    table: name.clone(),
                    have: offered.iter().map(|table| table.name.clone()).collect(),
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use arrow_schema::Schema;

    use super::*;

    fn asking(tables: &[&str]) -> Result<Vec<usize>, String> {
        let contract = Contract {
            reads: vec![],
            ports: vec![],
            tables: tables.iter().map(ToString::to_string).collect(),
            state: vec![],
            state_version: 0,
            properties: vec![],
        };
        let offered = ["airlines", "rates"].map(|name| SideTable { name: name.into(), schema: Schema::empty().into() });
        contract.check_tables(&offered).map_err(|error| error.to_string())
    }

    #[test]
    fn a_module_asks_for_some_of_the_tables_in_its_own_order() {
        assert_eq!(asking(&[]), Ok(vec![]));
        assert_eq!(asking(&["rates"]), Ok(vec![1]));
        assert_eq!(asking(&["rates", "airlines"]), Ok(vec![1, 0]));
    }

    #[test]
    fn tables_that_are_not_offered_or_asked_for_twice_are_named() {
        let error = asking(&["airline"]).unwrap_err();
        assert_eq!(
            error,
            "it asks for the side input `airline`, which the operator is not offered (it is offered airlines, rates)"
        );
        assert_eq!(asking(&["rates", "rates"]).unwrap_err(), "it names the side input `rates` twice in `tables`");
    }
}
