//! Pelton's wasm boundary: the only crate that knows wasmtime.
//!
//! In the order in which a module meets them:
//!
//! ```text
//! packaging ─► engine (compile, cache) ─► module (its kind) ─► transform | keyed | aggregate | cogroup | enrich (instance)
//!                                            │
//!                                            └─► calls ─► lower ─► guest ─► lift, answer (checks)
//! ```
//!
//! Invariants: nothing that a guest returns is believed before `lift` has checked it; a call ends by
//! itself, by its deadline or by a limit; an instance that trapped is never called again; a module reaches
//! nothing of the world but `log`, the `state` of its keys, and an inert WASI.

mod aggregate;
mod answer;
mod apart;
mod bindings;
mod cache;
mod calls;
mod cogroup;
mod engine;
mod enrich;
mod error;
mod fault;
mod host;
mod keyed;
mod keyed_answer;
mod lift;
mod lower;
mod migrate;
mod module;
mod packaging;
mod requests;
mod state;
mod state_row;
mod ticker;
mod transform;
mod trusted;
mod wasi;
mod wire;

pub use aggregate::AggregateInstance;
pub use answer::{Answer, EmittedRows, Rejection};
pub use apart::{Compiler, REFUSED};
pub use calls::BatchContext;
pub use cogroup::{CogroupBatch, CogroupInstance, CogroupSide};
pub use engine::{Metering, Runtime, RuntimeOptions, compile_here};
pub use enrich::EnrichInstance;
pub use error::{CallError, GuestBacktrace, Law, LoadError};
pub use host::{CallLog, Level, LogLine, Metric};
pub use keyed::{DueTimers, KeyedBatch, KeyedInstance};
pub use keyed_answer::{ChangeKind, Clock, KeyedAnswer, KeyedRows, NO_ORIGIN, StateChanges, TimerChange};
pub use migrate::{MigratedRows, OlderRows};
pub use module::{Kind, Module};
pub use packaging::{Packaging, pack};
pub use requests::{Allowed, Asked, NO_REQUEST, Reply, Request, RequestKey, Whom};
pub use state::{StateRange, StateReader, StateRows};
pub use transform::TransformInstance;

/// Entry points for fuzzing.
pub mod fuzz {
    pub use crate::lift::fuzz_lift;
}
