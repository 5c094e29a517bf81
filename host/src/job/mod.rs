//! Jobs.

pub mod diagnostic;
pub mod file;
