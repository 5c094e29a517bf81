//! The engine, through the real binary: what it keeps, what it runs, what survives it, whom it lets in.
//!
//! Each test serves in a folder of its own, on a port that is free. Commands and plain HTTP ask it.

mod access;
mod encrypted;
mod fuzzed;
mod going_on;
mod jobs;
mod letters;
mod migrate;
mod pressure;
mod received;
mod registry;
mod replay;
mod restarts;
mod running;
mod savepoints;
mod served;
mod state;
mod swap;
mod swaps;
mod top;
mod traces;
mod zoo;
