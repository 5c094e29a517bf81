//! Pelton's wasm boundary: the only crate that knows wasmtime.
//!
//! In the order in which a module meets them:
//!
//! ```text
//! packaging ─► engine (compile, cache) ─► module ─► transform (instance) ─► lower ─► guest ─► lift (checks)
//! ```
//!
//! Invariants: nothing that a guest returns is believed before `lift` has checked it; a call ends by
//! itself, by its deadline or by a limit; an instance that trapped is never called again; a module reaches
//! nothing of the world but `log` and an inert WASI.

mod bindings;
mod cache;
mod engine;
mod error;
mod host;
mod lift;
mod lower;
mod module;
mod packaging;
mod ticker;
mod transform;
mod trusted;
mod wasi;

pub use engine::{Runtime, RuntimeOptions};
pub use error::{CallError, GuestBacktrace, Law, LoadError};
pub use host::{CallLog, Level, LogLine, Metric};
pub use module::Module;
pub use packaging::Packaging;
pub use transform::{Answer, BatchContext, EmittedRows, Rejection, TransformInstance};

/// Entry points for fuzzing.
pub mod fuzz {
    pub use crate::lift::fuzz_lift;
}
