//! The operators of the boundary benchmark as plain loops over slices.
//!
//! The Rust guest compiles them to wasm and the benchmark calls the same source natively, so that the two differ by
//! the sandbox and the boundary alone. Each loop is generic over how a value lies in memory: typed (`f64`) in a typed
//! list, or as its little-endian bytes (`[u8; 8]`) in a raw buffer. Byte arrays need no alignment, so a buffer is read
//! with `as_chunks` and written with `into_flattened`: no unsafe code, no copy, and the compiler still makes vectors.

mod cell;
mod combine;
mod filter;

pub use cell::Cell;
pub use combine::{Combined, combine};
pub use filter::{filter, filter_by_push};

/// What `filter` and `scale` multiply by.
pub const RATE: f64 = 0.908;

/// Adds `by` to every value, wrapping.
pub fn add<C: Cell<i64>>(column: &[C], by: i64) -> Vec<C> {
    column.iter().map(|value| C::store(value.load().wrapping_add(by))).collect()
}

/// Multiplies every value by [`RATE`], also what lies under a null: a branch would cost more.
pub fn scale<P: Cell<f64>>(values: &[P]) -> Vec<P> {
    values.iter().map(|value| P::store(value.load() * RATE)).collect()
}

/// Makes ASCII letters upper case. UTF-8 keeps its length and its offsets.
pub fn upper(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ (u8::from(byte.wrapping_sub(b'a') < 26) << 5)).collect()
}
