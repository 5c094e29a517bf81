//! A value of a row, as the naive evaluator and the comparison see it: no batches, no buffers, no Arrow.

/// Floats are kept as their bits, so that zeros differ by their sign and NaNs by their payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Bool(bool),
    /// Integers, dates, timestamps and unscaled decimals.
    Whole(i128),
    Single(u32),
    Double(u64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Struct(Vec<Value>),
}

pub type Row = Vec<Value>;
