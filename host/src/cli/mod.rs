//! The command line.

pub mod config;
mod excerpt;
pub mod report;
