//! Accumulators: between the columns that the host keeps and a struct that `add` changes.
//!
//! `#[derive(Accumulator)]` implements [`Accumulator`]. Every column of an accumulator is nullable, because an all-null
//! row stands for the accumulator into which nothing was folded: the struct's `Default`. [`AccumulatorField`] says how
//! each type of field does that.

use crate::{
    bindings::{Field, Node, Table},
    columns::Values,
    input::InputField,
    loaded::{Conversion, Layout, Loaded},
    output::OutputField,
    types::{Date, Decimal, Timestamp},
};

/// What rows are folded into. Implemented by `#[derive(Accumulator)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an accumulator",
    label = "not an accumulator",
    note = "an aggregate is a struct whose fields the engine keeps for each group: put `#[derive(Accumulator, Default)]` on it"
)]
pub trait Accumulator: Default {
    fn columns() -> Vec<StateColumn>;
    /// One for each row; nulls are [`Default`]'s values.
    fn read(columns: &[Loaded], rows: usize) -> Result<Vec<Self>, String>;
    fn store(accumulators: Vec<Self>) -> Result<Table, String>;
    /// Fails if the default would not come back from the nulls that stand for it.
    fn check_default() -> Result<(), String>;
}

/// A column of an accumulator.
#[derive(Debug, Clone, PartialEq)]
pub struct StateColumn {
    pub name: String,
    /// An Arrow format string; no list and no struct.
    pub format: String,
}

impl StateColumn {
    pub fn of<F: AccumulatorField>(name: &str) -> Self {
        Self { name: name.to_owned(), format: F::Wire::format() }
    }

    pub(crate) fn into_field(self) -> Field {
        Field { name: self.name, format: self.format, nullable: true, children: 0 }
    }
}

/// A type that a field of an accumulator can have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of an accumulator",
    label = "not a type of column",
    note = "a field of an accumulator is bool, i8 to i64, u8 to u64, f32, f64, String, Vec<u8>, Date, Timestamp, Decimal<P, S>, or an Option of one"
)]
pub trait AccumulatorField: Sized {
    /// What crosses: an Option of the type.
    type Wire: OutputField + for<'a> InputField<'a>;

    /// `default` is the field of the accumulator's default.
    fn restore(wire: Self::Wire, default: Self) -> Self;
    fn wire(self) -> Self::Wire;
    /// Whether it crosses as null, or would, were it not the default.
    fn is_lost(&self) -> bool;
}

macro_rules! fields {
    ($($type:ty)*) => {$(
        impl AccumulatorField for $type {
            type Wire = Option<Self>;

            #[inline(always)]
            fn restore(wire: Option<Self>, default: Self) -> Self {
                wire.unwrap_or(default)
            }

            #[inline(always)]
            fn wire(self) -> Option<Self> {
                Some(self)
            }

            fn is_lost(&self) -> bool {
                false
            }
        }
    )*};
}

fields!(bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 String Vec<u8> Date Timestamp);

impl<const PRECISION: u8, const SCALE: u8> AccumulatorField for Decimal<PRECISION, SCALE> {
    type Wire = Option<Self>;

    #[inline(always)]
    fn restore(wire: Option<Self>, default: Self) -> Self {
        wire.unwrap_or(default)
    }

    #[inline(always)]
    fn wire(self) -> Option<Self> {
        Some(self)
    }

    fn is_lost(&self) -> bool {
        false
    }
}

impl<T: AccumulatorField<Wire = Option<T>>> AccumulatorField for Option<T>
where
    Self: OutputField + for<'a> InputField<'a>,
{
    type Wire = Self;

    #[inline(always)]
    fn restore(wire: Self, _default: Self) -> Self {
        wire
    }

    #[inline(always)]
    fn wire(self) -> Self {
        self
    }

    fn is_lost(&self) -> bool {
        self.is_some()
    }
}

/// Accumulators from the table in which they came.
pub fn load<A: Accumulator>(table: Table) -> Result<Vec<A>, String> {
    let rows = table.rows as usize;
    let columns = A::columns();
    if table.nodes.len() != columns.len() {
        return Err(format!("accumulators came with {} columns, but have {}", table.nodes.len(), columns.len()));
    }
    let loaded = columns.iter().zip(table.nodes).map(|(column, node)| {
        let layout = Layout::of(&column.format).ok_or_else(|| format!("`{}` cannot be kept", column.name))?;
        Loaded::whole(&column.name, node, rows, Conversion::Same(layout))
    });
    A::read(&loaded.collect::<Result<Vec<_>, String>>()?, rows)
}

/// One column of [`Accumulator::store`].
pub fn store_column<F: AccumulatorField>(name: &str, values: impl Iterator<Item = F>) -> Result<Node, String> {
    values.map(F::wire).collect::<Values<F::Wire>>().finish(name)
}

/// Refuses a default that nulls cannot stand for; called with each field of one.
pub fn check_field<F: AccumulatorField>(name: &str, default: &F) -> Result<(), String> {
    if default.is_lost() {
        return Err(format!(
            "`{name}` of the accumulator is Some by default, but nulls stand for the default: make it None, or no Option"
        ));
    }
    Ok(())
}
