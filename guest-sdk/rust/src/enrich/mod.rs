//! Enrich operators: a function says what to ask for a row, another makes rows of the reply.
//!
//! ```text
//! rows ─► ask, row by row ─► each different request once ─► the engine fetches ─► answer, row by row, with the reply that the row waits for
//! ```
//!
//! `#[enrich]` implements [`Enrich`] by calling the author's functions in the loops of [`run`]; [`Opened`] answers `open`, `ask` and `answer` with
//! it, the same code in a module and in the offline harness. A module sends nothing itself, so a replay asks nobody.

mod opened;
mod reply;
mod request;
mod run;

pub use self::{
    opened::{Enrich, Opened},
    reply::{Replies, Reply},
    request::{Question, Request, encode},
    run::{ask, run},
};
