//! Columns while expressions are computed: values of one kind, and which of them are there.
//!
//! ```text
//! nodes that came ─► source (loads, widens) ─► Vector ─► evaluate ─► Vector ─► node (narrows, keeps rows) ─► nodes that go
//! ```
//!
//! What lies under a null is any value of the kind, and means nothing.

mod bits;
mod lane;
mod node;
mod scalar;
mod source;
mod text;

pub use self::{
    bits::Bits,
    lane::{Lane, View, any, map, zip},
    node::node,
    scalar::{Builder, Scalar},
    source::{Held, Source},
    text::{Made, Texts},
};

const BOUND: &str = "the binder gives every operation vectors of its kind";

#[derive(Debug, Clone)]
pub struct Vector<'a> {
    pub values: Values<'a>,
    pub valid: Bits<'a>,
}

/// Values, one variant for each [`crate::types::Kind`].
#[derive(Debug, Clone)]
pub enum Values<'a> {
    Bool(Bits<'a>),
    Whole(Lane<'a, i64>),
    Real(Lane<'a, f64>),
    Wide(Lane<'a, i128>),
    Text(Texts<'a>),
    /// Of a type that is not computed with.
    Presence,
}

impl<'a> Vector<'a> {
    /// Values in every row.
    pub fn of(values: Values<'a>) -> Self {
        Self { values, valid: Bits::ONES }
    }

    pub fn bools(bits: Bits<'a>) -> Self {
        Self::of(Values::Bool(bits))
    }

    /// The values of bools. These five are for operations whose operands the binder has given that kind.
    pub fn bits(&self) -> &Bits<'a> {
        match &self.values {
            Values::Bool(bits) => bits,
            _ => unreachable!("{BOUND}"),
        }
    }

    pub fn wholes(&self) -> &Lane<'a, i64> {
        match &self.values {
            Values::Whole(lane) => lane,
            _ => unreachable!("{BOUND}"),
        }
    }

    pub fn reals(&self) -> &Lane<'a, f64> {
        match &self.values {
            Values::Real(lane) => lane,
            _ => unreachable!("{BOUND}"),
        }
    }

    pub fn wides(&self) -> &Lane<'a, i128> {
        match &self.values {
            Values::Wide(lane) => lane,
            _ => unreachable!("{BOUND}"),
        }
    }

    pub fn texts(&self) -> &Texts<'a> {
        match &self.values {
            Values::Text(texts) => texts,
            _ => unreachable!("{BOUND}"),
        }
    }

    /// Whether the number in a row is 0.
    pub fn is_zero(&self, row: usize) -> bool {
        match &self.values {
            Values::Whole(lane) => lane.view().get(row) == 0,
            Values::Real(lane) => lane.view().get(row) == 0.0,
            Values::Wide(lane) => lane.view().get(row) == 0,
            _ => false,
        }
    }

    /// The value of a row.
    pub fn scalar(&self, row: usize) -> Scalar {
        if !self.valid.get(row) {
            return Scalar::Null;
        }
        match &self.values {
            Values::Bool(bits) => Scalar::Bool(bits.get(row)),
            Values::Whole(lane) => Scalar::Whole(lane.view().get(row)),
            Values::Real(lane) => Scalar::Real(lane.view().get(row)),
            Values::Wide(lane) => Scalar::Wide(lane.view().get(row)),
            Values::Text(texts) => Scalar::Text(texts.get(row).into()),
            Values::Presence => Scalar::Null,
        }
    }
}
