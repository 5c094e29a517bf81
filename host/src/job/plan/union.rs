//! Several outputs into one input: their columns aligned by name and type.

use arrow::datatypes::{Field, Schema, SchemaRef};
use pelton_core::types;

/// An output as far as a union cares.
pub(super) struct Part<'a> {
    pub(super) name: &'a str,
    pub(super) schema: &'a SchemaRef,
}

/// The columns of the first input, nullable where any input's are; or why they do not fit.
pub(super) fn union(parts: &[Part<'_>]) -> Result<SchemaRef, String> {
    let Some((first, rest)) = parts.split_first() else { return Ok(Schema::empty().into()) };
    let mut fields: Vec<Field> = first.schema.fields().iter().map(|field| field.as_ref().clone()).collect();
    for other in rest {
        for field in &mut fields {
            let Ok(theirs) = other.schema.field_with_name(field.name()) else {
                return Err(format!("`{}` has a column `{}`, but `{}` has none", first.name, field.name(), other.name));
            };
            if theirs.data_type() != field.data_type() {
                return Err(format!(
                    "column `{}` is {} in `{}`, but {} in `{}`",
                    field.name(),
                    types::column(field),
                    first.name,
                    types::column(theirs),
                    other.name
                ));
            }
            field.set_nullable(field.is_nullable() || theirs.is_nullable());
        }
        if let Some(extra) = other.schema.fields().iter().find(|field| first.schema.index_of(field.name()).is_err()) {
            return Err(format!("`{}` has a column `{}`, but `{}` has none", other.name, extra.name(), first.name));
        }
    }
    Ok(Schema::new(fields).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(columns: &[(&str, &str)]) -> SchemaRef {
        let fields: Vec<_> = columns.iter().map(|(name, ty)| types::parse_column(name, ty).unwrap()).collect();
        Schema::new(fields).into()
    }

    #[test]
    fn columns_are_aligned_by_name_and_nullability_widens() {
        let (a, b) = (schema(&[("x", "s64"), ("y", "utf8")]), schema(&[("y", "utf8?"), ("x", "s64")]));
        let joined = union(&[Part { name: "a", schema: &a }, Part { name: "b", schema: &b }]).unwrap();
        assert_eq!(joined, schema(&[("x", "s64"), ("y", "utf8?")]));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let a = schema(&[("x", "s64")]);
        for (other, message) in [
            (schema(&[("x", "f64")]), "column `x` is s64 in `a`, but f64 in `b`"),
            (schema(&[]), "`a` has a column `x`, but `b` has none"),
            (schema(&[("x", "s64"), ("z", "s64")]), "`b` has a column `z`, but `a` has none"),
        ] {
            assert_eq!(
                union(&[Part { name: "a", schema: &a }, Part { name: "b", schema: &other }]),
                Err(message.to_owned())
            );
        }
    }
}
