//! An accumulator that keeps one value of a column, of any type.

use std::cmp::Ordering;

use pelton_guest::{
    fold::{Accumulator, InputField, KeptField, Loaded, Node, OutputField, StateColumn, Table},
    prelude::*,
};

/// A type of value: what is read and what is kept of it.
pub trait Keep {
    type Value<'a>: InputField<'a> + Copy;
    type Kept: KeptField<Held = Self::Kept> + OutputField + for<'a> InputField<'a>;

    /// The order of values: total, so that it does not matter which one came first.
    fn compare(value: Self::Value<'_>, kept: &Self::Kept) -> Ordering;
    fn keep(value: Self::Value<'_>, kept: &mut Option<Self::Kept>);
    fn value(kept: &Self::Kept) -> Self::Value<'_>;
}

macro_rules! scalars {
    ($($kind:ident $type:ty, |$value:ident| $canonical:expr, |$left:ident, $right:ident| $compare:expr;)*) => {$(
        pub struct $kind;

        impl Keep for $kind {
            type Value<'a> = $type;
            type Kept = $type;

            #[inline(always)]
            fn compare($left: $type, $right: &$type) -> Ordering {
                $compare
            }

            #[inline(always)]
            fn keep($value: $type, kept: &mut Option<$type>) {
                *kept = Some($canonical);
            }

            #[inline(always)]
            fn value(kept: &$type) -> $type {
                *kept
            }
        }
    )*};
}

scalars! {
    Bool bool, |value| value, |left, right| left.cmp(right);
    Signed i64, |value| value, |left, right| left.cmp(right);
    Unsigned u64, |value| value, |left, right| left.cmp(right);
    Float f64, |value| canonical(value), |left, right| canonical(left).total_cmp(right);
    Unscaled Decimal<38, 0>, |value| value, |left, right| left.cmp(right);
}

/// There is one NaN, greater than every number.
#[inline(always)]
fn canonical(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value }
}

pub struct Bytes;

impl Keep for Bytes {
    type Value<'a> = &'a [u8];
    type Kept = Vec<u8>;

    fn compare(value: &[u8], kept: &Vec<u8>) -> Ordering {
        value.cmp(kept.as_slice())
    }

    fn keep(value: &[u8], kept: &mut Option<Vec<u8>>) {
        let kept = kept.get_or_insert_default();
        kept.clear();
        kept.extend_from_slice(value);
    }

    fn value(kept: &Vec<u8>) -> &[u8] {
        kept
    }
}

/// One value, or none.
pub struct One<K: Keep>(pub Option<K::Kept>);

impl<K: Keep> Default for One<K> {
    fn default() -> Self {
        Self(None)
    }
}

const NAME: &str = "value";

impl<K: Keep> One<K> {
    /// The column of what was kept.
    pub fn column(states: Vec<Self>) -> Result<Node, String> {
        states.into_iter().map(|state| state.0).collect::<Values<Option<K::Kept>>>().finish(NAME)
    }
}

impl<K: Keep> Accumulator for One<K> {
    fn columns() -> Vec<StateColumn> {
        vec![StateColumn::of::<K::Kept>(NAME)]
    }

    fn read(columns: &[Loaded], rows: usize) -> Result<Vec<Self>, String> {
        let column = columns.first().ok_or("an accumulator came without its column")?;
        let view = <Option<K::Kept> as InputField<'_>>::view(column)?;
        Ok((0..rows).map(|at| Self(<Option<K::Kept> as InputField<'_>>::value(view, at))).collect())
    }

    fn store(states: Vec<Self>) -> Result<Table, String> {
        let rows = states.len() as u32;
        Ok(Table { rows, nodes: vec![Self::column(states)?] })
    }

    fn check_default() -> Result<(), String> {
        Ok(())
    }
}
