//! What the engine keeps: columns that are the fields of an accumulator or of a key's state.
//!
//! A row of nulls stands for nothing: no row folded, no state. So every such column is nullable, but in lists and maps, whose rows are
//! there or are not. [`KeptField`] says how each type of field does that. Used by `#[derive(Accumulator)]` and `#[derive(State)]`.

use crate::{
    bindings::{Field, Node},
    input::InputField,
    loaded::{Conversion, Layout, Loaded},
    output::OutputField,
    types::{Date, Decimal, Timestamp},
};

/// A column that is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StateColumn {
    pub name: String,
    /// An Arrow format string; no list and no struct.
    pub format: String,
    /// Whether a field can be null itself.
    pub optional: bool,
}

impl StateColumn {
    pub fn of<F: KeptField>(name: &str) -> Self {
        Self { name: name.to_owned(), format: F::Held::format(), optional: F::OPTIONAL }
    }

    /// Of a subkey.
    pub fn of_subkey<F: OutputField>(name: &str) -> Self {
        Self { name: name.to_owned(), format: F::format(), optional: F::NULLABLE }
    }

    /// In a table with a row for each key or group.
    pub(crate) fn into_field(self) -> Field {
        Field { name: self.name, format: self.format, nullable: true, children: 0 }
    }

    /// In a list or a map.
    pub(crate) fn into_strict_field(self) -> Field {
        Field { name: self.name, format: self.format, nullable: self.optional, children: 0 }
    }

    /// Loads a table of kept columns: one node for each of `columns`, all of `rows` rows. `of` names it, in the plural.
    pub(crate) fn load(columns: &[Self], nodes: Vec<Node>, rows: usize, of: &str) -> Result<Vec<Loaded>, String> {
        if nodes.len() != columns.len() {
            return Err(format!("{of} came with {} columns, but have {}", nodes.len(), columns.len()));
        }
        let loaded = columns.iter().zip(nodes).map(|(column, node)| {
            let layout = Layout::of(&column.format).ok_or_else(|| format!("`{}` cannot be kept", column.name))?;
            Loaded::whole(&column.name, node, rows, Conversion::Same(layout))
        });
        loaded.collect()
    }
}

/// A type that a field of an accumulator or of a state can have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept by the engine",
    label = "not a type of column",
    note = "a field of an accumulator or of a state is bool, i8 to i64, u8 to u64, f32, f64, String, Vec<u8>, Date, Timestamp, Decimal<P, S>, or an Option of one"
)]
pub trait KeptField: Sized {
    /// The type without its `Option`; what crosses is an `Option` of it.
    type Held: OutputField + for<'a> InputField<'a>;
    /// Whether it is an `Option`.
    const OPTIONAL: bool;

    /// None if it is null and must not be.
    fn restore(held: Option<Self::Held>) -> Option<Self>;
    fn held(self) -> Option<Self::Held>;
    /// Whether both are the same, bit for bit.
    fn is_same(&self, other: &Self) -> bool;
}

macro_rules! fields {
    ($(($($parameter:tt)*) $type:ty, |$left:ident, $right:ident| $is_same:expr;)*) => {$(
        impl<$($parameter)*> KeptField for $type {
            type Held = Self;
            const OPTIONAL: bool = false;

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
                let ($left, $right) = (self, other);
                $is_same
            }
        }
    )*};
}

macro_rules! equal {
    ($($type:ty)*) => { fields! { $(() $type, |left, right| left == right;)* } };
}

equal!(bool i8 i16 i32 i64 u8 u16 u32 u64 Date Timestamp String Vec<u8>);

fields! {
    () f32, |left, right| left.to_bits() == right.to_bits();
    () f64, |left, right| left.to_bits() == right.to_bits();
    (const PRECISION: u8, const SCALE: u8) Decimal<PRECISION, SCALE>, |left, right| left.0 == right.0;
}

impl<T: KeptField<Held = T> + OutputField + for<'a> InputField<'a>> KeptField for Option<T> {
    type Held = T;
    const OPTIONAL: bool = true;

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
