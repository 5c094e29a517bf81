//! Columns read: from a loaded column to the value of a row's field.
//!
//! [`InputField`] is implemented for every type that a field of a row may have; `#[derive(Row)]`
//! calls it. [`InputColumns`] and [`InputRow`] are what the derive implements. A field's column is a view that is cheap to
//! copy and to cut; the loops in [`crate::run`] cut it into blocks, so that the compiler
//! sees each slice's length and drops the bounds checks.

use std::fmt;

use crate::{
    bits,
    loaded::{Conversion, Layout, Loaded, Number},
    types::{Date, Decimal, TimeUnit, Timestamp},
};

/// Said where a view is cut: [`Loaded::new`] has checked the lengths.
const LONG_ENOUGH: &str = "loaded columns have the length of the batch";

/// A type that a field of a row can have, read from a column.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a column",
    label = "not a type of column",
    note = "a field of a row is bool, i8 to i64, u8 to u64, f32, f64, &str, String, &[u8], Vec<u8>, Date, Timestamp, Decimal<P, S>, or an Option of one"
)]
pub trait InputField<'a>: Sized {
    /// The whole column.
    type Column: Copy;
    /// Whether the field itself can say that there is no value.
    const NULLABLE: bool;

    /// The type that the field wants, as job files name it.
    fn type_name() -> String;
    /// How a column of this Arrow format becomes the field's; none if it cannot.
    fn accept(format: &str) -> Option<Conversion>;
    fn view(column: &'a Loaded) -> Result<Self::Column, String>;
    /// Rows from `start`, a multiple of 8.
    fn part(column: Self::Column, start: usize, rows: usize) -> Self::Column;
    fn value(column: Self::Column, at: usize) -> Self;
}

/// All columns that a row reads. Implemented by `#[derive(Row)]` for the type `…Columns`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the columns of a row",
    label = "not a columns type",
    note = "`#[transform(columns)]` wants the type that `#[derive(Row)]` makes beside the row: `struct Bid` has `BidColumns<'_>`"
)]
pub trait InputColumns<'a>: Copy {
    /// The row whose columns they are.
    type Row: InputRow<'a>;

    fn reads() -> Vec<Read>;
    fn view(columns: &'a [Loaded], rows: usize) -> Result<Self, String>;
    fn part(self, start: usize, rows: usize) -> Self;
}

/// A row that is read. Implemented by `#[derive(Row)]`, and by `()`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row",
    label = "not a row",
    note = "what is read is a struct that names its columns: put `#[derive(Row)]` on it"
)]
pub trait InputRow<'a>: Sized {
    type Columns: InputColumns<'a>;
    fn row(columns: Self::Columns, at: usize) -> Self;
}

/// A row of which nothing is read.
impl<'a> InputColumns<'a> for () {
    type Row = ();

    fn reads() -> Vec<Read> {
        Vec::new()
    }

    fn view(_columns: &'a [Loaded], _rows: usize) -> Result<Self, String> {
        Ok(())
    }

    fn part(self, _start: usize, _rows: usize) -> Self {}
}

impl InputRow<'_> for () {
    type Columns = ();

    fn row(_columns: (), _at: usize) -> Self {}
}

/// One column that a row reads, as `open` needs to know it.
#[derive(Debug, Clone, Copy)]
pub struct Read {
    pub column: &'static str,
    /// Where it is declared: `Bid.price`.
    pub field: &'static str,
    pub nullable: bool,
    pub type_name: fn() -> String,
    pub accept: fn(&str) -> Option<Conversion>,
}

impl Read {
    pub fn of<'a, F: InputField<'a>>(column: &'static str, field: &'static str) -> Self {
        Self { column, field, nullable: F::NULLABLE, type_name: F::type_name, accept: F::accept }
    }
}

/// The next column, as field `F` sees it.
pub fn view<'a, F: InputField<'a>>(
    name: &str,
    columns: &mut std::slice::Iter<'a, Loaded>,
) -> Result<F::Column, String> {
    let column = columns.next().ok_or_else(|| format!("column `{name}` did not come, though the contract reads it"))?;
    F::view(column).map_err(|why| format!("column `{name}`: {why}"))
}

macro_rules! number {
    ($($type:ty, $raw:ty, $format:literal, $name:literal, $wrap:expr;)*) => {$(
        impl<'a> InputField<'a> for $type {
            type Column = &'a [$raw];
            const NULLABLE: bool = false;

            fn type_name() -> String {
                $name.to_owned()
            }

            fn accept(format: &str) -> Option<Conversion> {
                if format == $format {
                    return Some(Conversion::Same(Layout::Fixed(size_of::<$raw>())));
                }
                let (from, to) = (Number::of(format)?, Number::of($format)?);
                from.widens_to(to).then_some(Conversion::Widen(from, to))
            }

            fn view(column: &'a Loaded) -> Result<Self::Column, String> {
                Ok(column.values.elements(column.rows).expect(LONG_ENOUGH))
            }

            #[inline(always)]
            fn part(column: Self::Column, start: usize, rows: usize) -> Self::Column {
                column.get(start..start + rows).expect(LONG_ENOUGH)
            }

            #[inline(always)]
            fn value(column: Self::Column, at: usize) -> Self {
                $wrap(*column.get(at).expect(LONG_ENOUGH))
            }
        }
    )*};
}

fn same<T>(value: T) -> T {
    value
}

number! {
    i8, i8, "c", "s8", same;
    i16, i16, "s", "s16", same;
    i32, i32, "i", "s32", same;
    i64, i64, "l", "s64", same;
    u8, u8, "C", "u8", same;
    u16, u16, "S", "u16", same;
    u32, u32, "I", "u32", same;
    u64, u64, "L", "u64", same;
    f32, f32, "f", "f32", same;
    f64, f64, "g", "f64", same;
    Date, i32, "tdD", "date", Date;
}

impl<'a> InputField<'a> for Timestamp {
    /// Microseconds.
    type Column = &'a [i64];
    const NULLABLE: bool = false;

    fn type_name() -> String {
        "timestamp".to_owned()
    }

    fn accept(format: &str) -> Option<Conversion> {
        match TimeUnit::of(format)? {
            TimeUnit::Microsecond => Some(Conversion::Same(Layout::Fixed(8))),
            unit => Some(Conversion::Rescale(unit)),
        }
    }

    fn view(column: &'a Loaded) -> Result<Self::Column, String> {
        i64::view(column)
    }

    #[inline(always)]
    fn part(column: Self::Column, start: usize, rows: usize) -> Self::Column {
        i64::part(column, start, rows)
    }

    #[inline(always)]
    fn value(column: Self::Column, at: usize) -> Self {
        Self(i64::value(column, at))
    }
}

impl<'a, const PRECISION: u8, const SCALE: u8> InputField<'a> for Decimal<PRECISION, SCALE> {
    /// Unscaled.
    type Column = &'a [i128];
    const NULLABLE: bool = false;

    fn type_name() -> String {
        crate::types::name(&Self::format())
    }

    fn accept(format: &str) -> Option<Conversion> {
        let (precision, scale) = format.strip_prefix("d:")?.split_once(',')?;
        let fits = precision.parse::<u8>().is_ok_and(|have| have <= PRECISION) && scale.parse() == Ok(SCALE);
        fits.then_some(Conversion::Same(Layout::Fixed(16)))
    }

    fn view(column: &'a Loaded) -> Result<Self::Column, String> {
        Ok(column.values.elements(column.rows).expect(LONG_ENOUGH))
    }

    #[inline(always)]
    fn part(column: Self::Column, start: usize, rows: usize) -> Self::Column {
        column.get(start..start + rows).expect(LONG_ENOUGH)
    }

    #[inline(always)]
    fn value(column: Self::Column, at: usize) -> Self {
        Self(*column.get(at).expect(LONG_ENOUGH))
    }
}

/// A column of `bool`.
#[derive(Clone, Copy)]
pub struct Bools<'a> {
    bits: &'a [u8],
    rows: usize,
}

impl<'a> Bools<'a> {
    /// The value of row `at`; none beyond the end.
    #[inline(always)]
    pub fn get(self, at: usize) -> Option<bool> {
        (at < self.rows).then(|| bits::get(self.bits, at))
    }

    pub fn len(self) -> usize {
        self.rows
    }

    pub fn is_empty(self) -> bool {
        self.rows == 0
    }

    pub fn iter(self) -> impl ExactSizeIterator<Item = bool> + 'a {
        (0..self.rows).map(move |at| bits::get(self.bits, at))
    }
}

impl fmt::Debug for Bools<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> InputField<'a> for bool {
    type Column = Bools<'a>;
    const NULLABLE: bool = false;

    fn type_name() -> String {
        "bool".to_owned()
    }

    fn accept(format: &str) -> Option<Conversion> {
        (format == "b").then_some(Conversion::Same(Layout::Bits))
    }

    fn view(column: &'a Loaded) -> Result<Self::Column, String> {
        Ok(Bools { bits: column.values.bytes(), rows: column.rows })
    }

    #[inline(always)]
    fn part(column: Self::Column, start: usize, rows: usize) -> Self::Column {
        Bools { bits: column.bits.get(start / 8..).expect(LONG_ENOUGH), rows }
    }

    #[inline(always)]
    fn value(column: Self::Column, at: usize) -> Self {
        bits::get(column.bits, at)
    }
}

/// A column whose rows may be null: `values`, and which of them are there.
#[derive(Clone, Copy)]
pub struct Nullable<'a, Column> {
    /// All values. What lies under a null is unspecified.
    pub values: Column,
    /// Empty if no row is null.
    validity: &'a [u8],
}

impl<Column> Nullable<'_, Column> {
    /// Whether row `at` has a value.
    #[inline(always)]
    pub fn is_valid(&self, at: usize) -> bool {
        self.validity.is_empty() || bits::get(self.validity, at)
    }

    /// Whether no row is null, so that `values` can be used as they are.
    pub fn all_valid(&self) -> bool {
        self.validity.is_empty()
    }
}

impl<'a, T: Copy> Nullable<'a, &'a [T]> {
    /// The value of row `at`; none if it is null, and none beyond the end.
    #[inline(always)]
    pub fn get(&self, at: usize) -> Option<T> {
        self.values.get(at).copied().filter(|_| self.is_valid(at))
    }

    /// Every row.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<T>> {
        self.values.iter().enumerate().map(|(at, value)| self.is_valid(at).then_some(*value))
    }
}

impl<Column: fmt::Debug> fmt::Debug for Nullable<'_, Column> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nullable").field("values", &self.values).field("all_valid", &self.all_valid()).finish()
    }
}

impl<'a, F: InputField<'a>> InputField<'a> for Option<F> {
    type Column = Nullable<'a, F::Column>;
    const NULLABLE: bool = true;

    fn type_name() -> String {
        format!("{}?", F::type_name())
    }

    fn accept(format: &str) -> Option<Conversion> {
        F::accept(format)
    }

    fn view(column: &'a Loaded) -> Result<Self::Column, String> {
        Ok(Nullable { values: F::view(column)?, validity: column.validity.bytes() })
    }

    #[inline(always)]
    fn part(column: Self::Column, start: usize, rows: usize) -> Self::Column {
        let validity = match column.validity {
            [] => &[],
            bits => bits.get(start / 8..).expect(LONG_ENOUGH),
        };
        Nullable { values: F::part(column.values, start, rows), validity }
    }

    #[inline(always)]
    fn value(column: Self::Column, at: usize) -> Self {
        column.is_valid(at).then(|| F::value(column.values, at))
    }
}
