//! State: between the columns that the host keeps and the `Option` of a struct that the function changes.
//!
//! `#[derive(State)]` implements [`State`]. A row of nulls is `None`, so a struct has at least one field that is no `Option`; the
//! derive sees to that. A key is named in the changes only if its state differs, bit for bit, from what came.

use crate::{
    bindings::{Node, Table, keyed::Change},
    fold::StateColumn,
    input::InputField,
    loaded::{Conversion, Layout, Loaded},
    output::OutputField,
    types::{Date, Decimal, Timestamp},
};

/// What is kept for each key. Implemented by `#[derive(State)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the state of a key",
    label = "not a state",
    note = "the state is a struct whose fields the engine keeps for each key: put `#[derive(State)]` on it"
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
    fn finish(made: Self::Made) -> Result<Vec<Node>, String>;
}

/// A type that a field of the state can have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of the state",
    label = "not a type of column",
    note = "a field of the state is bool, i8 to i64, u8 to u64, f32, f64, String, Vec<u8>, Date, Timestamp, Decimal<P, S>, or an Option of one"
)]
pub trait StateField: Sized {
    /// The type without its `Option`; what crosses is an `Option` of it.
    type Held: OutputField + for<'a> InputField<'a>;

    /// None if it is null and must not be.
    fn restore(held: Option<Self::Held>) -> Option<Self>;
    fn held(self) -> Option<Self::Held>;
    /// Whether both are the same, bit for bit.
    fn is_same(&self, other: &Self) -> bool;
}

macro_rules! fields {
    ($(($($parameter:tt)*) $type:ty, |$value:ident| $bits:expr;)*) => {$(
        impl<$($parameter)*> StateField for $type {
            type Held = Self;

            #[inline(always)]
            fn restore(held: Option<Self>) -> Option<Self> {
                held
            }

            #[inline(always)]
            fn held(self) -> Option<Self> {
                Some(self)
            }

            #[inline(always)]
            fn is_same(&self, other: &Self) -> bool {
                let bits = |$value: &Self| $bits;
                bits(self) == bits(other)
            }
        }
    )*};
}

macro_rules! copied {
    ($($type:ty)*) => { fields! { $(() $type, |value| *value;)* } };
}

copied!(bool i8 i16 i32 i64 u8 u16 u32 u64 Date Timestamp);

fields! {
    () f32, |value| value.to_bits();
    () f64, |value| value.to_bits();
    (const PRECISION: u8, const SCALE: u8) Decimal<PRECISION, SCALE>, |value| value.0;
}

macro_rules! owned {
    ($($type:ty)*) => {$(
        impl StateField for $type {
            type Held = Self;

            fn restore(held: Option<Self>) -> Option<Self> {
                held
            }

            fn held(self) -> Option<Self> {
                Some(self)
            }

            fn is_same(&self, other: &Self) -> bool {
                self == other
            }
        }
    )*};
}

owned!(String Vec<u8>);

impl<T: StateField<Held = T> + OutputField + for<'a> InputField<'a>> StateField for Option<T> {
    type Held = T;

    #[inline(always)]
    fn restore(held: Option<T>) -> Option<Self> {
        Some(held)
    }

    #[inline(always)]
    fn held(self) -> Option<T> {
        self
    }

    #[inline(always)]
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Some(left), Some(right)) => left.is_same(right),
            (left, right) => left.is_none() && right.is_none(),
        }
    }
}

/// A column of the state, as field `F` keeps it.
pub fn column<F: StateField>(name: &str) -> StateColumn {
    StateColumn { name: name.to_owned(), format: F::Held::format() }
}

/// Loads the only table of state.
pub(super) fn load<S: State>(tables: Vec<Table>, keys: usize) -> Result<Vec<Loaded>, String> {
    let columns = S::columns();
    let (given, mut tables) = (tables.len(), tables.into_iter());
    let (Some(table), None) = (tables.next(), tables.next()) else {
        return Err(format!("{given} tables of state came, but the contract has one"));
    };
    if table.rows as usize != keys || table.nodes.len() != columns.len() {
        let (rows, nodes, wants) = (table.rows, table.nodes.len(), columns.len());
        return Err(format!("{rows} rows of state of {nodes} columns came for {keys} keys and {wants} columns"));
    }
    let loaded = columns.iter().zip(table.nodes).map(|(column, node)| {
        let layout = Layout::of(&column.format).ok_or_else(|| format!("`{}` cannot be kept", column.name))?;
        Loaded::whole(&column.name, node, keys, Conversion::Same(layout))
    });
    loaded.collect()
}

/// Changes of the state, one at most for each key.
pub(super) struct Changes<S: State> {
    kinds: Vec<u8>,
    keys: Vec<u32>,
    made: S::Made,
}

const PUT: u8 = 0;
const DELETE: u8 = 1;

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
