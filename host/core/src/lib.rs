//! Pelton's pure decisions: the model of a job, its types, contracts and graph.
//!
//! Everything here is a function of its arguments. Architecture invariant: no I/O, no clock, no
//! randomness, no wasmtime, no tokio; the crates above read facts, ask this crate, and carry out
//! the answer.
//!
//! In the order in which a job meets them:
//!
//! ```text
//! types ─► job ─► graph ─► contract ─► limits ─► batch
//!                                                  │ keyed operators
//!   hash ─► shuffle ─► window, session ─► watermark ─► two_stacks
//!                                                  │ jobs that change while they run
//!                                         evolution, share
//!                                                  │ jobs that go on after a failure
//!                                       checkpoint, restart
//!                                                  │ rows on which a module fails
//!                                              poison
//!                                                  │ how much an epoch takes
//!                                               rate
//! ```

pub mod batch;
pub mod checkpoint;
pub mod contract;
pub mod enrich;
pub mod evolution;
pub mod graph;
pub mod hash;
pub mod job;
pub mod limits;
pub mod model;
pub mod poison;
#[cfg(test)]
mod random;
pub mod rate;
pub mod restart;
pub mod session;
pub mod share;
pub mod shuffle;
pub mod two_stacks;
pub mod types;
pub mod watermark;
pub mod window;
