//! The outputs of an operator: what each port's columns are, and where each comes from.
//!
//! Called by the check of every kind of contract. A port's schema is the order of its fields: columns that pass have the
//! input's type, computed columns their own.

use std::{collections::HashSet, iter::Peekable, slice};

use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};

use super::{
    COLUMNS_MAX, Contract, ContractError, ContractField, ContractPort, Input, PORTS_MAX, column, name_fault, within,
};
use crate::{
    job::REJECTED_PORT,
    types::{self, FlatField, TypeError},
};

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

impl Contract {
    /// Names and types of all ports.
    pub(super) fn check_ports(&self, input: &Input) -> Result<Vec<Port>, ContractError> {
        if self.ports.is_empty() {
            return Err(ContractError::NoPort);
        }
        within("ports", self.ports.len(), PORTS_MAX)?;
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
        let mut fields: Vec<FieldRef> = Vec::with_capacity(self.fields.len());
        let mut computed: Vec<FieldRef> = Vec::new();
        let mut columns = Vec::with_capacity(self.fields.len());
        let mut rest = self.fields.iter().peekable();
        while let Some(next) = rest.peek() {
            match next {
                ContractField::Pass(from, to) => {
                    let index = column(input, from)?;
                    let source = input.schema.field(index);
                    fields.push(Field::new(to, source.data_type().clone(), source.is_nullable()).into());
                    columns.push(PortColumn::Pass(index));
                    rest.next();
                }
                ContractField::Computed(head) => {
                    let field = FieldRef::from(self.computed(head, &mut rest)?);
                    fields.push(FieldRef::clone(&field));
                    columns.push(PortColumn::Computed(computed.len()));
                    computed.push(field);
                }
            }
        }
        self.check_names(&fields)?;
        let event_time = self.check_event_time(input, &fields, &columns)?;
        Ok(Port {
            name: self.name.clone(),
            schema: SchemaRef::new(Schema::new(fields)),
            columns,
            computed: SchemaRef::new(Schema::new(computed)),
            event_time,
        })
    }

    /// Takes one computed column, with its children, from the front of `rest`.
    fn computed(
        &self,
        head: &FlatField,
        rest: &mut Peekable<slice::Iter<'_, ContractField>>,
    ) -> Result<Field, ContractError> {
        let mut flat = std::iter::from_fn(|| match rest.next_if(|field| matches!(field, ContractField::Computed(_))) {
            Some(ContractField::Computed(flat)) => Some(flat),
            _ => None,
        });
        types::unflatten(&mut flat)
            .and_then(|field| field.ok_or_else(|| TypeError::Format(head.format.clone())))
            .map_err(|source| ContractError::Type { port: self.name.clone(), column: head.name.clone(), source })
    }

    fn check_names(&self, fields: &[FieldRef]) -> Result<(), ContractError> {
        let mut names = HashSet::new();
        for field in fields {
            if let Some(why) = name_fault(field.name()) {
                return Err(ContractError::ColumnName { port: self.name.clone(), column: field.name().clone(), why });
            }
            if !names.insert(field.name().as_str()) {
                return Err(ContractError::ColumnTwice { port: self.name.clone(), column: field.name().clone() });
            }
        }
        Ok(())
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
        if !matches!(field.data_type(), DataType::Timestamp(..)) {
            return Err(fault("is not a timestamp"));
        }
        Ok(Some(column.clone()))
    }
}
