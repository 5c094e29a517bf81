//! The tables of state that a module declares: named, and typed.
//!
//! Called by the checks of the kinds that have state; what a kind asks of its tables beyond that is its own to check.

use std::collections::HashSet;

use arrow_schema::{FieldRef, Schema, SchemaRef};

use super::{COLUMNS_MAX, ContractError, ContractState, name_fault, within};
use crate::types::{self, FlatField, TypeError};

/// A state table whose names and types are known to be right.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TypedTable {
    pub(super) subkey: SchemaRef,
    pub(super) values: SchemaRef,
}

impl ContractState {
    /// Reads the types of the columns, whose names must differ over subkey and values together.
    pub(super) fn typed(&self) -> Result<TypedTable, ContractError> {
        if let Some(why) = name_fault(&self.name) {
            return Err(ContractError::StateName { name: self.name.clone(), why });
        }
        within("state columns", self.subkey.len() + self.values.len(), COLUMNS_MAX)?;
        let subkey = self.columns(&self.subkey)?;
        let values = self.columns(&self.values)?;
        let mut names = HashSet::new();
        for field in subkey.iter().chain(&values) {
            let (table, column) = (|| self.name.clone(), || field.name().clone());
            if let Some(why) = name_fault(field.name()) {
                return Err(ContractError::StateColumnName { table: table(), column: column(), why });
            }
            if !names.insert(field.name().as_str()) {
                return Err(ContractError::StateColumnTwice { table: table(), column: column() });
            }
        }
        Ok(TypedTable { subkey: SchemaRef::new(Schema::new(subkey)), values: SchemaRef::new(Schema::new(values)) })
    }

    fn columns(&self, flat: &[FlatField]) -> Result<Vec<FieldRef>, ContractError> {
        let mut rest = flat.iter();
        let mut columns = Vec::new();
        while let Some(head) = rest.as_slice().first() {
            let field = types::unflatten(&mut rest)
                .and_then(|field| field.ok_or_else(|| TypeError::Format(head.format.clone())))
                .map_err(|source| ContractError::StateType {
                    table: self.name.clone(),
                    column: head.name.clone(),
                    source,
                })?;
            columns.push(field.into());
        }
        Ok(columns)
    }
}
