//! Cogroups: a function of one key and its rows on both sides, the general join.
//!
//! `#[cogroup]` implements [`Cogroup`] by calling the author's function in the loop of [`run`]; [`Opened`] answers `open` and
//! `process` with it, the same code in a module and in the offline harness. The host has matched the rows: a key is
//! seen once in a call, with all of its rows.

mod joined;
mod opened;
mod run;

pub use self::{
    joined::Joined,
    opened::{Call, Cogroup, Opened},
    run::{Shown, describe, run},
};
