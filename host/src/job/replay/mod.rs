//! Replay and verify: epochs that were committed, computed again, with the modules that computed them or with another one.
//!
//! ```text
//!  kept: a checkpoint directory, or a bundle ─► stretch of records ┐
//!  revisions: text, modules of each revision ─► plans              ├─► run::replay ─► one (rows, same or not, difference)
//!                                                                  ┘              └─► verify (which epochs, which operator)
//! ```
//!
//! Called by `pelton replay` and `pelton verify`, here and through the engine. Invariant: nothing is taken over, written or locked: a job
//! that runs meanwhile does not notice.

pub mod bundle;
mod changed;
mod error;
pub mod json;
mod kept;
mod one;
pub mod out;
mod revisions;
mod verify;

pub use self::{
    error::ReplayError,
    kept::Kept,
    one::{Candidate, Outcome, Request, replay},
    revisions::{Revised, Revisions, With},
    verify::{Differing, Verification, Which, verify},
};
