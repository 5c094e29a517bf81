//! One value, and columns that grow by one value at a time.

use std::rc::Rc;

use super::{Bits, Lane, Made, Texts, Values, Vector};
use crate::types::Kind;

/// A value of any kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    Null,
    Bool(bool),
    Whole(i64),
    Real(f64),
    Wide(i128),
    Text(Rc<str>),
}

impl Scalar {
    /// As a vector of `kind`, the same in all rows.
    pub fn vector<'a>(&self, kind: Kind, rows: usize) -> Vector<'a> {
        let values = match self {
            Self::Null => {
                return Vector { values: Builder::new(kind, 0).blank(), valid: Bits::zeros(rows) };
            }
            Self::Bool(value) => Values::Bool(Bits::of(*value, rows)),
            Self::Whole(value) => Values::Whole(Lane::Same(*value)),
            Self::Real(value) => Values::Real(Lane::Same(*value)),
            Self::Wide(value) => Values::Wide(Lane::Same(*value)),
            Self::Text(text) => Values::Text(Texts::Same(Rc::clone(text))),
        };
        Vector::of(values)
    }
}

/// A column that grows.
pub struct Builder {
    values: Growing,
    valid: Vec<u8>,
}

enum Growing {
    Bool(Vec<u8>),
    Whole(Vec<i64>),
    Real(Vec<f64>),
    Wide(Vec<i128>),
    Text(Made),
    Presence,
}

impl Builder {
    pub fn new(kind: Kind, rows: usize) -> Self {
        let values = match kind {
            Kind::Bool => Growing::Bool(Vec::with_capacity(rows)),
            Kind::Whole => Growing::Whole(Vec::with_capacity(rows)),
            Kind::Real => Growing::Real(Vec::with_capacity(rows)),
            Kind::Wide => Growing::Wide(Vec::with_capacity(rows)),
            Kind::Text => Growing::Text(Made::with_capacity(rows)),
            Kind::Presence => Growing::Presence,
        };
        Self { values, valid: Vec::with_capacity(rows) }
    }

    /// Appends a value; one of another kind is null.
    pub fn push(&mut self, scalar: &Scalar) {
        let is_valid = match (&mut self.values, scalar) {
            (Growing::Bool(values), Scalar::Bool(value)) => push(values, u8::from(*value)),
            (Growing::Whole(values), Scalar::Whole(value)) => push(values, *value),
            (Growing::Real(values), Scalar::Real(value)) => push(values, *value),
            (Growing::Wide(values), Scalar::Wide(value)) => push(values, *value),
            (Growing::Text(made), Scalar::Text(text)) => {
                made.push(text);
                true
            }
            _ => {
                self.push_blank();
                false
            }
        };
        self.valid.push(u8::from(is_valid));
    }

    fn push_blank(&mut self) {
        match &mut self.values {
            Growing::Bool(values) => values.push(0),
            Growing::Whole(values) => values.push(0),
            Growing::Real(values) => values.push(0.0),
            Growing::Wide(values) => values.push(0),
            Growing::Text(made) => made.push(""),
            Growing::Presence => {}
        }
    }

    /// A value that means nothing.
    fn blank<'a>(self) -> Values<'a> {
        match self.values {
            Growing::Bool(_) => Values::Bool(Bits::ONES),
            Growing::Whole(_) => Values::Whole(Lane::Same(0)),
            Growing::Real(_) => Values::Real(Lane::Same(0.0)),
            Growing::Wide(_) => Values::Wide(Lane::Same(0)),
            Growing::Text(_) => Values::Text(Texts::Same("".into())),
            Growing::Presence => Values::Presence,
        }
    }

    pub fn finish<'a>(self) -> Result<Vector<'a>, String> {
        let values = match self.values {
            Growing::Bool(flags) => Values::Bool(Bits::from_flags(&flags)),
            Growing::Whole(values) => Values::Whole(values.into()),
            Growing::Real(values) => Values::Real(values.into()),
            Growing::Wide(values) => Values::Wide(values.into()),
            Growing::Text(made) => Values::Text(made.finish()?),
            Growing::Presence => Values::Presence,
        };
        let all = self.valid.iter().all(|flag| *flag == 1);
        Ok(Vector { values, valid: if all { Bits::ONES } else { Bits::from_flags(&self.valid) } })
    }
}

fn push<T>(values: &mut Vec<T>, value: T) -> bool {
    values.push(value);
    true
}
