//! State of keyed operators: keys, and the accumulators or values that belong to them, as typed columns.
//!
//! ```text
//! key columns ─► keys (hashed once, encoded) ─► groups (key → slot) ─► rows (slot → typed columns)     aggregates
//!                                            └► numbered (key → slot) ─┬► values (one row a key)        keyed operators
//!                                                                      ├► ordered (rows under subkeys)
//!                                                                      └► timers, expiry (what is due when)
//! ```
//!
//! Used by the keyed operators in `operator`; how each is saved stands beside it, and [`snapshot`] is what they share.
//! Invariant: slots are given out in the order in which keys are first seen, so
//! that whatever walks a table walks it in the same order on every run.

pub mod budget;
pub mod expiry;
pub mod groups;
pub mod keys;
pub mod looked;
pub mod numbered;
pub mod ordered;
pub mod picked;
pub mod rows;
pub mod snapshot;
pub mod table;
pub mod timers;
pub mod values;
