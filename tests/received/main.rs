//! Sources whose rows come once, through the real binary: killed, torn, stopped, run in an engine.
//!
//! Clients send numbered rows, each with a number that tells whether it is whole. Whatever happens to the process, a row that was answered is in the
//! output once, no row is there twice, and none is half.

mod clients;
mod going_on;
mod joined;
mod kills;
mod latency;
mod place;
mod slow;
