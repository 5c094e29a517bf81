//! Poison rows through the real binary: rows on which a module traps, or never ends, among 100,000 others.
//!
//! ```text
//!  rows without the bad ones ─► run ────────────────────────────► expected output
//!  rows with them ─► run, on-trap = "dead-letter" ─► the same output, and each bad row in the queue once
//! ```
//!
//! The modules are tests/guests/touchy; `make guests` builds them.

mod no_rows;
mod parts;
mod place;
mod positions;
mod queue;
mod slow;
