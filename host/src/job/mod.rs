//! Jobs: the file that people write, the plan that fits together, the run.
//!
//! ```text
//! file (TOML) ─► plan (modules opened, edges typed) ─► run (epochs), in attempts
//! ```

pub mod attempts;
pub mod dead_letters;
pub mod diagnostic;
pub mod file;
pub mod look;
pub mod plan;
pub mod replay;
pub mod run;
pub mod savepoint;
pub mod trace;
