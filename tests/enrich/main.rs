//! Enrich operators through the real binary, against an endpoint that counts: what is asked, how often, and by whom.
//!
//! The endpoint never gives the same answer twice, so whoever asks once more is found out by the rows as well.

mod again;
mod asking;
mod cases;
mod failing;
mod neighbours;
mod place;
mod secrets;
mod server;
