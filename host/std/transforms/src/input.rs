//! The columns of the input, each with its children.

use pelton_guest::dynamic::{ContractField, Field, Input, suggest};

/// A top-level column.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    pub field: &'a Field,
    /// Its children and theirs, in pre-order.
    pub children: &'a [Field],
}

/// The only input of a module.
pub fn only(inputs: &[Input]) -> Result<&Input, String> {
    match inputs {
        [input] => Ok(input),
        _ => Err(format!("std: modules have one input, but the operator has {}", inputs.len())),
    }
}

/// The columns of an input, in order.
pub fn columns(input: &Input) -> Result<Vec<Column<'_>>, String> {
    let mut columns = Vec::new();
    let mut rest = input.fields.as_slice();
    while let Some((field, behind)) = rest.split_first() {
        let children =
            descendants(field, behind).ok_or_else(|| format!("the children of column `{}` are missing", field.name))?;
        let (children, next) = behind.split_at_checked(children).unwrap_or_default();
        columns.push(Column { field, children });
        rest = next;
    }
    Ok(columns)
}

/// How many of the fields behind `field` are below it.
pub fn descendants(field: &Field, behind: &[Field]) -> Option<usize> {
    let mut wanted = u64::from(field.children);
    let mut count = 0;
    while wanted > 0 {
        wanted = wanted - 1 + u64::from(behind.get(count)?.children);
        count += 1;
    }
    Some(count)
}

/// The column `name`.
pub fn find<'a, 'c>(columns: &'c [Column<'a>], name: &str) -> Result<&'c Column<'a>, String> {
    columns.iter().find(|column| column.field.name == name).ok_or_else(|| {
        let names = columns.iter().map(|column| column.field.name.as_str());
        format!("the input has no column `{name}`: {}", suggest(name, names))
    })
}

/// The column carried on, as `name`.
pub fn pass(column: &Column<'_>, name: &str) -> ContractField {
    ContractField::Pass((column.field.name.clone(), name.to_owned()))
}
