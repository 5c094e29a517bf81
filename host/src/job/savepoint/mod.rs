//! Savepoints: one committed epoch of a job, whole and by itself, to go on from later, elsewhere, or with other partitions.
//!
//! ```text
//!  checkpoint, at an epoch ─► make ─► NAME.savepoint (file): manifest, record, state of each partition, tables, letters
//!                                            │
//!  plan of the job as it is to be ───────────┴─► fit: which state goes where, partition by partition, or why not ─► restore
//! ```
//!
//! Called by `pelton savepoint` and by the engine's routes. Making one takes nothing over; restoring one does. Invariants: a savepoint is of one
//! committed epoch, and holds all that it takes; no byte of it is believed that its digests do not vouch for; nothing is changed anywhere before it is
//! known that it fits.

mod error;
mod file;
mod fit;
pub mod json;
mod make;
mod manifest;
mod restore;
mod stock;

pub use self::{
    error::SavepointError,
    file::Savepoint,
    fit::{Became, Choices, Fate, Fit, fit},
    make::make,
    restore::{Restored, restore},
    stock::{Stock, read_file, write_file},
};
