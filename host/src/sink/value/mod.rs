//! Values as text, the same in every sink: `1`, `0.1`, `true`, `2024-02-29T12:00:00.000Z`, `-12.50`.
//!
//! [`plain`] writes the types whose text never holds a character of the user's choosing, [`json`] writes
//! any value as JSON. Both are bound to a batch's arrays once, so that the loop over the rows chooses
//! nothing but a branch of an enum. Called by the file and print sinks, on compute threads.
//!
//! Invariant: the text depends on the value alone, and numbers read back as the value that was written.

pub mod decimal;
pub mod digits;
pub mod json;
pub mod plain;
pub mod strings;
pub mod time;
