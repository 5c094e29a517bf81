//! What becomes of a table of state when the module that owns it is exchanged.
//!
//! Columns are matched by name. A new one begins with nulls, one that is gone is dropped, and one whose type grew is
//! widened without loss; everything else is refused, for the new module would misread what the old one wrote. Called
//! when a change of a running job is planned; the host then carries [`Evolution`] out, row by row or not at all. A module whose
//! state has another version may read the old one itself, with its `migrate`: [`Takeover`] says who does.

use arrow_schema::{DataType, Field, Schema};

use crate::types;

/// How a module takes over what another version of it has kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takeover {
    /// Column by column, without the module: see [`Evolution`].
    Columns,
    /// Row by row, by the module's own `migrate`.
    Migrate,
}

/// Columns alone do not tell what a later version means by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its state is of version {from}, which a module of version {to} without `migrate` cannot read")]
pub struct LaterVersion {
    pub from: u32,
    pub to: u32,
}

impl Takeover {
    /// Of state of version `from` by a module of version `to`, which has a `migrate` or not.
    pub fn between(from: u32, to: u32, migrates: bool) -> Result<Self, LaterVersion> {
        match (from == to, migrates) {
            (true, _) => Ok(Self::Columns),
            (false, true) => Ok(Self::Migrate),
            (false, false) if from < to => Ok(Self::Columns),
            (false, false) => Err(LaterVersion { from, to }),
        }
    }
}

/// Where each column of the new table comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evolution {
    /// By new column.
    pub columns: Vec<Origin>,
    /// Columns of the old table that nobody reads any more.
    pub dropped: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The old column of this number, as it is.
    Kept(usize),
    /// The old column of this number, in a larger type.
    Widened(usize),
    /// Null in every row.
    Added,
}

/// Why a table cannot be taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}` of the state was {from} and would be {to}, which does not hold every such value")]
pub struct Incompatible {
    pub column: String,
    pub from: String,
    pub to: String,
}

impl Evolution {
    pub fn between(old: &Schema, new: &Schema) -> Result<Self, Incompatible> {
        let origin = |field: &Field| match old.index_of(field.name()) {
            Err(_) => Ok(Origin::Added),
            Ok(at) if old.field(at).data_type() == field.data_type() => Ok(Origin::Kept(at)),
            Ok(at) if widens(old.field(at).data_type(), field.data_type()) => Ok(Origin::Widened(at)),
            Ok(at) => Err(Incompatible {
                column: field.name().clone(),
                from: types::name(old.field(at).data_type()),
                to: types::name(field.data_type()),
            }),
        };
        let columns = new.fields().iter().map(|field| origin(field)).collect::<Result<_, _>>()?;
        let is_gone = |field: &&std::sync::Arc<Field>| new.index_of(field.name()).is_err();
        let dropped = old.fields().iter().filter(is_gone).map(|field| field.name().clone()).collect();
        Ok(Self { columns, dropped })
    }

    /// Whether the table stays as it is, column for column.
    pub fn is_nothing(&self) -> bool {
        let kept = |(at, origin): (usize, &Origin)| *origin == Origin::Kept(at);
        self.dropped.is_empty() && self.columns.iter().enumerate().all(kept)
    }

    /// In words, for a plan: `+b`, `-c`, `d widened`; empty where nothing changes.
    pub fn describe(&self, new: &Schema) -> Vec<String> {
        let one = |(origin, field): (&Origin, &std::sync::Arc<Field>)| match origin {
            Origin::Kept(_) => None,
            Origin::Added => Some(format!("column `{}` is added, null at first", field.name())),
            Origin::Widened(_) => {
                Some(format!("column `{}` is widened to {}", field.name(), types::name(field.data_type())))
            }
        };
        let changed = self.columns.iter().zip(new.fields()).filter_map(one);
        changed.chain(self.dropped.iter().map(|column| format!("column `{column}` is dropped"))).collect()
    }
}

/// Whether every value of one type is one of the other, with the same meaning.
fn widens(from: &DataType, to: &DataType) -> bool {
    use DataType::{Float32, Float64, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};
    match (from, to) {
        (Int8, Int16 | Int32 | Int64 | Float32 | Float64)
        | (Int16, Int32 | Int64 | Float32 | Float64)
        | (Int32, Int64 | Float64)
        | (UInt8, UInt16 | UInt32 | UInt64 | Int16 | Int32 | Int64 | Float32 | Float64)
        | (UInt16, UInt32 | UInt64 | Int32 | Int64 | Float32 | Float64)
        | (UInt32, UInt64 | Int64 | Float64)
        | (Float32, Float64) => true,
        (DataType::Decimal128(from, from_scale), DataType::Decimal128(to, to_scale)) => {
            from_scale == to_scale && from <= to
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::types::parse_column;

    use super::*;

    fn schema(columns: &[(&str, &str)]) -> Schema {
        Schema::new(columns.iter().map(|(name, ty)| parse_column(name, ty).unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn another_version_is_read_by_migrate_and_a_later_one_by_nothing_else() {
        assert_eq!(Takeover::between(2, 2, true), Ok(Takeover::Columns));
        assert_eq!(Takeover::between(1, 2, true), Ok(Takeover::Migrate));
        assert_eq!(Takeover::between(2, 1, true), Ok(Takeover::Migrate));
        assert_eq!(Takeover::between(1, 2, false), Ok(Takeover::Columns));
        let refused = Takeover::between(2, 1, false).unwrap_err().to_string();
        assert_eq!(refused, "its state is of version 2, which a module of version 1 without `migrate` cannot read");
    }

    #[test]
    fn columns_are_kept_widened_added_and_dropped_by_name() {
        let old = schema(&[("n", "s32?"), ("sum", "f64?"), ("gone", "utf8?")]);
        let new = schema(&[("sum", "f64?"), ("n", "s64?"), ("fresh", "bool?")]);
        let evolution = Evolution::between(&old, &new).unwrap();
        assert_eq!(evolution.columns, [Origin::Kept(1), Origin::Widened(0), Origin::Added]);
        assert_eq!(evolution.dropped, ["gone"]);
        assert!(!evolution.is_nothing());
        let words =
            ["column `n` is widened to s64", "column `fresh` is added, null at first", "column `gone` is dropped"];
        assert_eq!(evolution.describe(&new), words);
    }

    #[test]
    fn the_same_columns_in_the_same_order_are_nothing_new() {
        let old = schema(&[("a", "s64?"), ("b", "utf8?")]);
        assert!(Evolution::between(&old, &old).unwrap().is_nothing());
        let turned = schema(&[("b", "utf8?"), ("a", "s64?")]);
        assert!(!Evolution::between(&old, &turned).unwrap().is_nothing(), "they lie in another order");
    }

    #[test]
    fn what_would_lose_or_misread_values_is_refused() {
        for (from, to) in [("s64", "s32"), ("s64", "f64"), ("utf8", "s64"), ("f64", "s64"), ("timestamp[ms]", "s64")] {
            let refused = Evolution::between(&schema(&[("a", from)]), &schema(&[("a", to)])).unwrap_err();
            assert_eq!((refused.column.as_str(), refused.from.as_str(), refused.to.as_str()), ("a", from, to));
        }
    }
}
