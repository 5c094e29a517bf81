//! State: between the columns that the host keeps and the `Option` of a struct that the function changes.
//!
//! `#[derive(State)]` implements [`State`]; its fields are those of [`crate::kept`]. A row of nulls is `None`, so a struct has at least
//! one field that is no `Option`; the derive sees to that. A single value is a state as well. A key is named in the changes only if its
//! state differs, bit for bit, from what came.

use crate::{
    bindings::{Node, Table, keyed::Change},
    columns::Values,
    input::{self, InputField},
    kept::{KeptField, StateColumn},
    loaded::Loaded,
    output::OutputField,
    types::{Date, Decimal, Timestamp},
};

/// What is kept for each key: a row of state. Implemented by `#[derive(State)]`, and for single values.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept for a key",
    label = "not a state",
    note = "what is kept is a struct whose fields are columns: put `#[derive(State)]` on it",
    note = "or it is one value: bool, i8 to i64, u8 to u64, f32, f64, String, Vec<u8>, Date, Timestamp or Decimal<P, S>"
)]
pub trait State: Sized {
    /// The columns as they came.
    type Columns<'a>: Copy;
    /// The columns to send.
    type Made;

    fn columns() -> Vec<StateColumn>;
    fn view(columns: &[Loaded]) -> Result<Self::Columns<'_>, String>;
    /// The state in row `at`; none if all of it is null. The error is the field that is null and must not be.
    fn read(columns: Self::Columns<'_>, at: usize) -> Result<Option<Self>, &'static str>;
    fn is_same(&self, other: &Self) -> bool;
    fn made() -> Self::Made;
    /// Appends a row; of nulls, if there is none.
    fn put(state: Option<Self>, made: &mut Self::Made);
    /// Appends a row that means nothing, and has no nulls.
    fn put_blank(made: &mut Self::Made);
    fn finish(made: Self::Made) -> Result<Vec<Node>, String>;
}

/// The state of a function that takes none.
#[derive(Debug, Clone, Copy)]
pub struct NoState;

impl State for NoState {
    type Columns<'a> = ();
    type Made = ();

    fn columns() -> Vec<StateColumn> {
        Vec::new()
    }

    fn view(_columns: &[Loaded]) -> Result<(), String> {
        Ok(())
    }

    fn read(_columns: (), _at: usize) -> Result<Option<Self>, &'static str> {
        Ok(None)
    }

    fn is_same(&self, _other: &Self) -> bool {
        true
    }

    fn made() {}

    fn put(_state: Option<Self>, _made: &mut ()) {}

    fn put_blank(_made: &mut ()) {}

    fn finish(_made: ()) -> Result<Vec<Node>, String> {
        Ok(Vec::new())
    }
}

/// The column of a state that is a single value.
const VALUE: &str = "value";

macro_rules! single {
    ($(($($parameter:tt)*) $type:ty;)*) => {$(
        impl<$($parameter)*> State for $type {
            type Columns<'a> = <Option<Self> as InputField<'a>>::Column;
            type Made = Values<Option<Self>>;

            fn columns() -> Vec<StateColumn> {
                vec![StateColumn::of::<Self>(VALUE)]
            }

            fn view(columns: &[Loaded]) -> Result<Self::Columns<'_>, String> {
                input::view::<Option<Self>>(VALUE, &mut columns.iter())
            }

            #[inline(always)]
            fn read(columns: Self::Columns<'_>, at: usize) -> Result<Option<Self>, &'static str> {
                Ok(<Option<Self> as InputField<'_>>::value(columns, at))
            }

            #[inline(always)]
            fn is_same(&self, other: &Self) -> bool {
                KeptField::is_same(self, other)
            }

            fn made() -> Self::Made {
                Values::default()
            }

            #[inline(always)]
            fn put(state: Option<Self>, made: &mut Self::Made) {
                made.push(state);
            }

            fn put_blank(made: &mut Self::Made) {
                made.push(Some(<Self as OutputField>::blank()));
            }

            fn finish(made: Self::Made) -> Result<Vec<Node>, String> {
                Ok(vec![made.finish(VALUE)?])
            }
        }
    )*};
}

single! {
    () bool;
    () i8; () i16; () i32; () i64;
    () u8; () u16; () u32; () u64;
    () f32; () f64;
    () String; () Vec<u8>;
    () Date; () Timestamp;
    (const PRECISION: u8, const SCALE: u8) Decimal<PRECISION, SCALE>;
}

/// Loads the table of state that has a row for each key, which is the first, if there is one; `others` are in the contract
/// besides, and are read by the import `state`.
pub(super) fn load<S: State>(tables: Vec<Table>, others: usize, keys: usize) -> Result<Vec<Loaded>, String> {
    let columns = S::columns();
    let own = usize::from(!columns.is_empty());
    if tables.len() != own + others {
        return Err(format!("{} tables of state came, but the contract has {}", tables.len(), own + others));
    }
    let Some(table) = tables.into_iter().next().filter(|_| own == 1) else { return Ok(Vec::new()) };
    if table.rows as usize != keys {
        return Err(format!("{} rows of state came for {keys} keys", table.rows));
    }
    StateColumn::load(&columns, table.nodes, keys, "states")
}

/// Changes of the state, one at most for each key.
pub(super) struct Changes<S: State> {
    kinds: Vec<u8>,
    keys: Vec<u32>,
    made: S::Made,
}

/// Kinds of changes, as the contract numbers them.
pub(super) const PUT: u8 = 0;
pub(super) const DELETE: u8 = 1;
pub(super) const APPEND: u8 = 2;

impl<S: State> Changes<S> {
    pub fn new() -> Self {
        Self { kinds: Vec::new(), keys: Vec::new(), made: S::made() }
    }

    /// Notes the state of a key after its call. Rows that did not change, as most of a delta would be, are left out.
    pub fn note(&mut self, key: u32, before: Option<&S>, after: Option<S>) {
        let kind = match (before, &after) {
            (None, None) => return,
            (Some(before), Some(after)) if before.is_same(after) => return,
            (_, Some(_)) => PUT,
            (Some(_), None) => DELETE,
        };
        self.kinds.push(kind);
        self.keys.push(key);
        S::put(after, &mut self.made);
    }

    pub fn finish(self) -> Result<Vec<Change>, String> {
        if self.keys.is_empty() {
            return Ok(Vec::new());
        }
        // A call has at most a u32 of keys.
        let rows = Table { rows: self.keys.len() as u32, nodes: S::finish(self.made)? };
        let key = bytemuck::cast_slice(&self.keys).to_vec();
        Ok(vec![Change { table: 0, kind: self.kinds, key, rows }])
    }
}
