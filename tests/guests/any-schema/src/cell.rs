//! One value of a column, and the rules of the forms: which values are kept, and what a map makes of them.
//!
//! `tests/differential/rules.rs` states the same rules again, in other words.

use crate::column::Kind;

/// A value that is not null.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Bool(bool),
    /// Integers, dates and timestamps, as the bits of their width.
    Whole(u64),
    Single(f32),
    Double(f64),
    Decimal(i128),
    Text(String),
    Bytes(Vec<u8>),
}

impl Cell {
    /// What a map puts in the place of a null.
    pub fn zero(kind: Kind) -> Self {
        match kind {
            Kind::Bool => Self::Bool(false),
            Kind::Whole { .. } => Self::Whole(0),
            Kind::Single => Self::Single(0.0),
            Kind::Double => Self::Double(0.0),
            Kind::Decimal => Self::Decimal(0),
            Kind::Bytes { text: true, .. } => Self::Text(String::new()),
            Kind::Bytes { text: false, .. } => Self::Bytes(Vec::new()),
        }
    }

    /// Whether a filter keeps the row.
    pub fn is_kept(&self) -> bool {
        match self {
            Self::Bool(value) => *value,
            Self::Whole(bits) => bits & 1 == 1,
            Self::Single(value) => *value > 0.0,
            Self::Double(value) => *value > 0.0,
            Self::Decimal(value) => value & 1 == 1,
            Self::Text(text) => text.len() & 1 == 1,
            Self::Bytes(bytes) => bytes.len() & 1 == 1,
        }
    }

    /// What a map makes of it.
    pub fn changed(self) -> Self {
        match self {
            Self::Bool(value) => Self::Bool(!value),
            // Cut to the column's width when it is written.
            Self::Whole(bits) => Self::Whole(bits.wrapping_add(1)),
            Self::Single(value) => Self::Single(value * 0.5 + 1.0),
            Self::Double(value) => Self::Double(value * 0.5 + 1.0),
            Self::Decimal(value) => Self::Decimal(-value),
            Self::Text(text) => Self::Text(text.chars().rev().chain(['é']).collect()),
            Self::Bytes(bytes) => Self::Bytes(bytes.into_iter().rev().chain([0]).collect()),
        }
    }
}
