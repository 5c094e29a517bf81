//! State of an older version of the module, made into this version's: the interface `migrate`.
//!
//! Called by what `#[keyed(migrate = …)]` exports. The state of each key goes through the author's function for its version, row for row; lists and
//! maps go on as they are, and must have the columns that they had.

use std::fmt;

use super::{
    opened::{Keyed, STATE},
    state::State,
    tables,
};
use crate::{
    bindings::{Field, Node, Table},
    kept::StateColumn,
};

/// What a function that migrates may return: the state, none to drop it, or an error that says why it cannot be taken over.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what this operator keeps",
    label = "should be the state that the operator keeps now",
    note = "a function that migrates returns the state `{S}`, an `Option` of it (`None` drops it), or a `Result` of one of these"
)]
pub trait Migrated<S: State> {
    fn state(self) -> Result<Option<S>, String>;
}

impl<S: State> Migrated<S> for S {
    fn state(self) -> Result<Option<S>, String> {
        Ok(Some(self))
    }
}

impl<S: State> Migrated<S> for Option<S> {
    fn state(self) -> Result<Self, String> {
        Ok(self)
    }
}

impl<S: State, M: Migrated<S>, E: fmt::Display> Migrated<S> for Result<M, E> {
    fn state(self) -> Result<Option<S>, String> {
        self.map_err(|error| error.to_string())?.state()
    }
}

/// State of an older version, of some keys.
#[derive(Debug)]
pub struct OlderState {
    version: u32,
    fields: Vec<Field>,
    rows: Table,
}

impl OlderState {
    /// The version that it is of.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Calls `function` for every row, and answers with the new columns.
    pub fn migrate<O: State, S: State, M: Migrated<S>>(self, function: impl Fn(O) -> M) -> Result<Vec<Node>, String> {
        let Self { version, fields, rows } = self;
        let columns = O::columns();
        let wanted: Vec<Field> = columns.iter().cloned().map(StateColumn::into_field).collect();
        check(&format!("what `migrate` expects of version {version}"), &fields, &wanted)?;
        let count = rows.rows as usize;
        let loaded = StateColumn::load(&columns, rows.nodes, count, "states")?;
        let older = O::view(&loaded)?;
        let mut made = S::made();
        for row in 0..count {
            let state = O::read(older, row).map_err(|field| {
                format!("`{field}` of a key's state is null in version {version}, though other fields have values and it is no Option")
            })?;
            S::put(state.map_or(Ok(None), |state| function(state).state())?, &mut made);
        }
        S::finish(made)
    }

    /// There is no function for this version.
    pub fn unknown<T>(self) -> Result<T, String> {
        Err(format!("this module has no function that migrates state of version {}", self.version))
    }
}

/// Answers `migrate`.
pub fn migrate<K: Keyed>(table: &str, version: u32, old: Vec<Field>, rows: Table) -> Result<Table, String> {
    let count = rows.rows;
    if table == STATE && !K::State::columns().is_empty() {
        let nodes = K::migrate(OlderState { version, fields: old, rows })?;
        return Ok(Table { rows: count, nodes });
    }
    let kept = tables::declare::<K::Tables>(K::TABLES).into_iter().find(|kept| kept.name == table);
    let kept = kept.ok_or_else(|| format!("this module keeps no `{table}`"))?;
    let wanted: Vec<Field> = kept.subkey.into_iter().chain(kept.values).collect();
    check(&format!("`{table}`, which goes on as it is,"), &old, &wanted)?;
    Ok(rows)
}

/// The columns that came are those that are expected, in their order.
fn check(what: &str, came: &[Field], wanted: &[Field]) -> Result<(), String> {
    let is_same = |(came, wanted): (&Field, &Field)| (&came.name, &came.format) == (&wanted.name, &wanted.format);
    if came.len() == wanted.len() && came.iter().zip(wanted).all(is_same) {
        return Ok(());
    }
    let shown = |fields: &[Field]| {
        let fields = fields.iter().map(|field| format!("{}: {}", field.name, field.format));
        fields.collect::<Vec<_>>().join(", ")
    };
    Err(format!("{what} has the columns ({}), but ({}) came", shown(wanted), shown(came)))
}

/// Exports the migrations of the keyed operator `$keyed` from this module.
#[doc(hidden)]
#[macro_export]
#[cfg(target_arch = "wasm32")]
macro_rules! __export_migrate {
    ($keyed:ident) => {
        const _: () = {
            use $crate::macros::{self, bindings};

            struct Migrations;

            impl bindings::migrate::Guest for Migrations {
                fn migrate(
                    table: ::std::string::String,
                    from_version: u32,
                    old: ::std::vec::Vec<bindings::Field>,
                    _keys: bindings::Table,
                    rows: bindings::Table,
                    _options: ::std::string::String,
                ) -> ::core::result::Result<bindings::Table, ::std::string::String> {
                    macros::migrate_keyed::<$keyed>(&table, from_version, old, rows)
                }
            }

    $crate::bindings::migrate::export_migrate!(Migrations with_types_in $crate::bindings::migrate);
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, format: &str, values: &[i64]) -> (Field, Node) {
        let field = Field { name: name.into(), format: format.into(), nullable: true, children: 0 };
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        (field, Node { rows: values.len() as u32, buffers: vec![Vec::new(), bytes] })
    }

    fn older(name: &str, format: &str) -> OlderState {
        let (field, node) = column(name, format, &[200, 5, 700]);
        OlderState { version: 1, fields: vec![field], rows: Table { rows: 3, nodes: vec![node] } }
    }

    #[test]
    fn each_row_goes_through_the_function() {
        let euro = |cents: i64| (cents >= 100).then_some(cents / 100);
        let nodes = older("value", "l").migrate::<i64, i64, _>(euro).unwrap();
        let [Node { rows: 3, buffers }] = nodes.as_slice() else { panic!("{nodes:?}") };
        assert_eq!(buffers[0].first().map(|valid| valid & 7), Some(0b101), "what is dropped is null");
        let values: Vec<i64> =
            buffers[1].chunks(8).map(|value| i64::from_le_bytes(value.try_into().unwrap())).collect();
        assert_eq!((values[0], values[2]), (2, 7));
    }

    #[test]
    fn what_cannot_be_taken_over_says_why() {
        let refuse = |cents: i64| if cents == 5 { Err("five") } else { Ok(cents) };
        assert_eq!(older("value", "l").migrate::<i64, i64, _>(refuse).unwrap_err(), "five");
        let same = |state: i64| state;
        let other = "what `migrate` expects of version 1 has the columns (value: l), but (cents: l) came";
        assert_eq!(older("cents", "l").migrate::<i64, i64, _>(same).unwrap_err(), other);
        assert!(older("value", "g").migrate::<i64, i64, _>(same).is_err());
        let unknown = "this module has no function that migrates state of version 1";
        assert_eq!(older("value", "l").unknown::<()>().unwrap_err(), unknown);
    }
}
