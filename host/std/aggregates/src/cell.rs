//! Values of any column as bytes, and back: for functions that keep rows.
//!
//! The bytes of two values of one column compare as the values do: the sign bit is turned and the highest byte comes first.
//! NaN is greater than every number, as for [`crate::choice`].

use pelton_guest::{
    fold::{InputField, Loaded, Node},
    prelude::*,
};

use crate::column::{Column, Kind, narrow};

/// The values of a column.
pub enum Cells<'a> {
    Bool(Bools<'a>),
    Signed(&'a [i64]),
    Unsigned(&'a [u64]),
    Float(&'a [f64]),
    Decimal(&'a [i128]),
    Bytes(Binaries<'a>),
}

const SIGN: u64 = 1 << 63;
const WIDE_SIGN: u128 = 1 << 127;

impl<'a> Cells<'a> {
    pub fn new(kind: Kind, loaded: &'a Loaded) -> Result<Self, String> {
        Ok(match kind {
            Kind::Bool => Self::Bool(bool::view(loaded)?),
            Kind::Signed => Self::Signed(i64::view(loaded)?),
            Kind::Unsigned => Self::Unsigned(u64::view(loaded)?),
            Kind::Float => Self::Float(f64::view(loaded)?),
            Kind::Decimal { .. } => Self::Decimal(<Decimal<38, 0>>::view(loaded)?),
            Kind::Bytes => Self::Bytes(<&[u8]>::view(loaded)?),
        })
    }

    /// Appends the value of row `at`, which is not null.
    #[inline(always)]
    pub fn encode(&self, at: usize, bytes: &mut Vec<u8>) {
        match self {
            Self::Bool(values) => bytes.push(values.get(at).unwrap_or_default().into()),
            Self::Signed(values) => {
                let value = values.get(at).copied().unwrap_or_default();
                bytes.extend_from_slice(&(value as u64 ^ SIGN).to_be_bytes());
            }
            Self::Unsigned(values) => {
                bytes.extend_from_slice(&values.get(at).copied().unwrap_or_default().to_be_bytes())
            }
            Self::Float(values) => {
                let value = values.get(at).copied().unwrap_or_default();
                let bits = if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
                // Negative numbers descend with their bits.
                let ordered = if bits & SIGN == 0 { bits ^ SIGN } else { !bits };
                bytes.extend_from_slice(&ordered.to_be_bytes());
            }
            Self::Decimal(values) => {
                let value = values.get(at).copied().unwrap_or_default();
                bytes.extend_from_slice(&(value as u128 ^ WIDE_SIGN).to_be_bytes());
            }
            Self::Bytes(values) => bytes.extend_from_slice(values.get(at).unwrap_or_default()),
        }
    }
}

/// A column being made of encoded values.
enum Builder {
    Bool(Values<Option<bool>>),
    Signed(Values<Option<i64>>),
    Unsigned(Values<Option<u64>>),
    Float(Values<Option<f64>>),
    Decimal(Values<Option<Decimal<38, 0>>>),
    Bytes(Values<Option<Vec<u8>>>),
}

impl Builder {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Bool => Self::Bool(Values::default()),
            Kind::Signed => Self::Signed(Values::default()),
            Kind::Unsigned => Self::Unsigned(Values::default()),
            Kind::Float => Self::Float(Values::default()),
            Kind::Decimal { .. } => Self::Decimal(Values::default()),
            Kind::Bytes => Self::Bytes(Values::default()),
        }
    }

    fn push(&mut self, value: Option<&[u8]>) {
        // A value of the wrong length, which no encoder makes, is null.
        let word = value.and_then(|bytes| bytes.first_chunk()).map(|word| u64::from_be_bytes(*word));
        match self {
            Self::Bool(values) => values.push(value.and_then(|bytes| bytes.first()).map(|flag| *flag == 1)),
            Self::Signed(values) => values.push(word.map(|word| (word ^ SIGN) as i64)),
            Self::Unsigned(values) => values.push(word),
            Self::Float(values) => {
                values.push(word.map(|word| f64::from_bits(if word & SIGN == 0 { !word } else { word ^ SIGN })))
            }
            Self::Decimal(values) => {
                let wide = value.and_then(|bytes| bytes.first_chunk()).map(|word| u128::from_be_bytes(*word));
                values.push(wide.map(|word| Decimal((word ^ WIDE_SIGN) as i128)));
            }
            Self::Bytes(values) => values.push(value.map(<[u8]>::to_vec)),
        }
    }

    fn finish(self, name: &str) -> Result<Node, String> {
        match self {
            Self::Bool(values) => values.finish(name),
            Self::Signed(values) => values.finish(name),
            Self::Unsigned(values) => values.finish(name),
            Self::Float(values) => values.finish(name),
            Self::Decimal(values) => values.finish(name),
            Self::Bytes(values) => values.finish(name),
        }
    }
}

/// Encoded values as a column like `column`.
pub fn decode<'a>(column: &Column, values: impl Iterator<Item = Option<&'a [u8]>>) -> Result<Node, String> {
    let mut builder = Builder::new(column.kind);
    values.for_each(|value| builder.push(value));
    Ok(narrow(builder.finish(&column.name)?, &column.format))
}
