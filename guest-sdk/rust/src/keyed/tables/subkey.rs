//! Subkeys: what the rows of a map are ordered and found by.
//!
//! A subkey is one value, or a struct of them with `#[derive(Subkey)]`, compared field by field. The order is the engine's: that of the
//! values, and of text and bytes byte by byte. Invariant: nothing lies between a subkey and the one [`Subkey::after`] it, so every
//! range is one from a subkey (included) to a subkey (excluded).

use std::cmp::Ordering;

use crate::{
    bindings::Node,
    columns::Values,
    input::{self, InputField},
    kept::StateColumn,
    loaded::Loaded,
    output::OutputField,
    types::{Date, Decimal, Timestamp},
};

/// A type that a subkey, or a field of one, can have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a subkey",
    label = "has no order that all rows agree on, or is no column",
    note = "a field of a subkey is bool, i8 to i64, u8 to u64, String, Vec<u8>, Date, Timestamp or Decimal<P, S>: no float, and no Option",
    note = "a struct of such fields is a whole subkey: put `#[derive(Subkey, Clone)]` on it"
)]
pub trait SubkeyField: OutputField + for<'a> InputField<'a> + Clone {
    /// A column of one row: this value.
    fn node(&self) -> Node;
    fn compare(&self, other: &Self) -> Ordering;
    /// The least value that is greater.
    fn after(&self) -> Option<Self>;
    /// The least value.
    fn least() -> Self;
}

/// What a map's rows are found by. Implemented by `#[derive(Subkey)]`, and for single values.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the subkey of a map",
    label = "not a subkey",
    note = "a subkey is bool, i8 to i64, u8 to u64, String, Vec<u8>, Date, Timestamp or Decimal<P, S>; floats and Options have no place in an order",
    note = "or it is a struct of such fields: put `#[derive(Subkey, Clone)]` on it"
)]
pub trait Subkey: Clone {
    /// The columns as they came.
    type Columns<'a>: Copy;
    /// The columns to send.
    type Made: Default;

    fn columns() -> Vec<StateColumn>;
    fn view(columns: &[Loaded]) -> Result<Self::Columns<'_>, String>;
    fn read(columns: Self::Columns<'_>, at: usize) -> Self;
    fn put(self, made: &mut Self::Made);
    fn finish(made: Self::Made) -> Result<Vec<Node>, String>;
    /// Columns of one row: this subkey.
    fn bound(&self) -> Vec<Node>;
    fn compare(&self, other: &Self) -> Ordering;
    /// The least subkey that is greater.
    fn after(&self) -> Option<Self>;
    /// The least subkey.
    fn least() -> Self;
}

/// The column of a subkey that is a single value.
const KEY: &str = "key";

impl<F: SubkeyField> Subkey for F {
    type Columns<'a> = <F as InputField<'a>>::Column;
    type Made = Values<F>;

    fn columns() -> Vec<StateColumn> {
        vec![StateColumn::of_subkey::<F>(KEY)]
    }

    fn view(columns: &[Loaded]) -> Result<Self::Columns<'_>, String> {
        input::view::<F>(KEY, &mut columns.iter())
    }

    fn read(columns: Self::Columns<'_>, at: usize) -> Self {
        F::value(columns, at)
    }

    fn put(self, made: &mut Self::Made) {
        made.push(self);
    }

    fn finish(made: Self::Made) -> Result<Vec<Node>, String> {
        Ok(vec![made.finish(KEY)?])
    }

    fn bound(&self) -> Vec<Node> {
        vec![self.node()]
    }

    fn compare(&self, other: &Self) -> Ordering {
        SubkeyField::compare(self, other)
    }

    fn after(&self) -> Option<Self> {
        SubkeyField::after(self)
    }

    fn least() -> Self {
        <F as SubkeyField>::least()
    }
}

/// A column of one row without nulls.
fn one<const N: usize>(buffers: [Vec<u8>; N]) -> Node {
    Node { rows: 1, buffers: std::iter::once(Vec::new()).chain(buffers).collect() }
}

macro_rules! fields {
    ($(($($parameter:tt)*) $type:ty: $least:expr, |$value:ident| $after:expr, $bytes:expr;)*) => {$(
        impl<$($parameter)*> SubkeyField for $type {
            fn node(&self) -> Node {
                let $value = self;
                one([$bytes])
            }

            fn compare(&self, other: &Self) -> Ordering {
                self.cmp(other)
            }

            fn after(&self) -> Option<Self> {
                let $value = self;
                $after
            }

            fn least() -> Self {
                $least
            }
        }
    )*};
}

macro_rules! integers {
    ($($type:ty)*) => {
        fields! { $(() $type: <$type>::MIN, |value| value.checked_add(1), value.to_le_bytes().to_vec();)* }
    };
}

integers!(i8 i16 i32 i64 u8 u16 u32 u64);

fields! {
    () bool: false, |value| (!value).then_some(true), vec![u8::from(*value)];
    () Date: Self(i32::MIN), |value| value.0.checked_add(1).map(Self), value.0.to_le_bytes().to_vec();
    () Timestamp: Self(i64::MIN), |value| value.0.checked_add(1).map(Self), value.0.to_le_bytes().to_vec();
    (const PRECISION: u8, const SCALE: u8) Decimal<PRECISION, SCALE>:
        Self(-greatest(PRECISION)),
        |value| (value.0 < greatest(PRECISION)).then(|| Self(value.0 + 1)),
        value.0.to_le_bytes().to_vec();
}

/// The greatest number of so many digits.
fn greatest(digits: u8) -> i128 {
    10_i128.pow(u32::from(digits)) - 1
}

macro_rules! bytes {
    ($($type:ty, $zero:expr;)*) => {$(
        impl SubkeyField for $type {
            fn node(&self) -> Node {
                // Longer values than a column can have fail where rows are put.
                let end = i32::try_from(self.len()).unwrap_or(i32::MAX);
                one([[0, end].map(i32::to_le_bytes).concat(), AsRef::<[u8]>::as_ref(self).to_vec()])
            }

            fn compare(&self, other: &Self) -> Ordering {
                self.cmp(other)
            }

            fn after(&self) -> Option<Self> {
                let mut after = self.clone();
                after.push($zero);
                Some(after)
            }

            fn least() -> Self {
                Self::new()
            }
        }
    )*};
}

bytes! {
    String, '\0';
    Vec<u8>, 0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_lies_between_a_value_and_the_one_after_it() {
        assert_eq!(SubkeyField::after(&-1_i8), Some(0));
        assert_eq!(SubkeyField::after(&u64::MAX), None);
        assert_eq!([false, true].map(|value| SubkeyField::after(&value)), [Some(true), None]);
        assert_eq!(SubkeyField::after(&"a".to_owned()), Some("a\0".to_owned()));
        assert_eq!(SubkeyField::after(&vec![255_u8]), Some(vec![255, 0]));
        assert_eq!(SubkeyField::after(&Decimal::<3, 1>(998)), Some(Decimal(999)));
        assert_eq!(SubkeyField::after(&Decimal::<3, 1>(999)), None);
        assert_eq!(<Decimal<38, 0> as SubkeyField>::least().0, -(10_i128.pow(38) - 1));
        assert_eq!(SubkeyField::after(&Timestamp(i64::MAX)), None);
    }
}
