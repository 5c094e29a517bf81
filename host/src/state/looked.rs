//! How a table of state looks to people: its name and columns, the key's first.
//!
//! Made from the plans of operators; the operators' partitions give the rows. Invariant: no two columns have one name, for tables
//! leave as JSON and Parquet.

use std::{collections::HashSet, sync::Arc};

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};

/// A table that an operator's state is shown as.
#[derive(Debug, Clone)]
pub struct Looked {
    pub name: String,
    /// Key columns, then the others.
    pub schema: SchemaRef,
    /// How many columns are the key's.
    pub key_columns: usize,
}

impl Looked {
    /// A column that has another one's name gets the table's before its own.
    pub fn new(name: &str, key: &[FieldRef], rest: impl IntoIterator<Item = FieldRef>) -> Self {
        let mut taken = HashSet::new();
        let mut fields = Vec::new();
        for field in key.iter().cloned().chain(rest) {
            let mut own = field.name().clone();
            while !taken.insert(own.clone()) {
                own = format!("{name}.{own}");
            }
            fields.push(if own == *field.name() { field } else { Arc::new(field.as_ref().clone().with_name(own)) });
        }
        Self { name: name.to_owned(), schema: Arc::new(Schema::new(fields)), key_columns: key.len() }
    }
}

/// A column of times, in µs.
pub fn time_field(name: &str, nullable: bool) -> FieldRef {
    Arc::new(Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, None), nullable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_columns_have_one_name() {
        let field = |name: &str| -> FieldRef { Arc::new(Field::new(name, DataType::Int64, true)) };
        let looked = Looked::new("t", &[field("a"), field("t.a")], [field("a"), field("b")]);
        let names: Vec<&str> = looked.schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!((names, looked.key_columns), (vec!["a", "t.a", "t.t.a", "b"], 2));
    }
}
