//! The engine: many jobs in one process, and the modules that they run.
//!
//! ```text
//!  DIR/lock                        one engine for each data directory
//!  DIR/modules, DIR/tags           registry: immutable modules by digest, and names for them
//!  DIR/jobs/NAME/                  catalogue: what each job should be doing, its revisions, its checkpoint
//!  DIR/tokens, DIR/audit.jsonl     who may do what, and who did
//!
//!  api, cli ─► engine ─► registry, catalogue            what is written down
//!                 └────► job (its thread) ─► attempts ─► run
//! ```
//!
//! Called by `api` and by `pelton serve`. Invariant: whatever a caller was told has happened is on the disk; what should run is decided
//! by the catalogue alone, so that an engine that was killed goes on as if it had not been.

pub mod apply;
pub mod audit;
pub mod catalogue;
pub mod engine;
pub mod error;
mod figures;
mod folder;
mod job;
mod letters;
pub mod logs;
pub mod registry;
pub mod replay;
pub mod resolve;
pub mod savepoint;
mod state;
pub mod status;
pub mod swap;
pub mod tokens;
pub mod trace;
pub mod upload;
mod verifier;

pub use engine::{Engine, EngineOptions, Submission};
pub use error::ControlError;
