//! Pelton: a stream processor whose operators are sandboxed WebAssembly components.
//!
//! In data-flow order; lower may not import higher (`tests/layering.rs` holds it):
//!
//! ```text
//! source ─► operator ─► sink          one batch's way
//! state                               of keyed operators
//! checkpoint                          what a job has committed, on a disk or in a bucket
//! standard                            the modules that are shipped inside
//! job                                 the file, the plan, the run
//! telemetry                           what a collector is told of a run
//! control                             the engine: modules, and jobs that go on
//! author                              new modules: build, golden cases, laws
//! api, cli                            what programs ask, what people type
//! ```

pub mod api;
pub mod author;
pub mod checkpoint;
pub mod cli;
pub mod clock;
pub mod control;
pub mod error;
pub mod failpoint;
pub mod job;
pub mod lock;
pub mod log;
pub mod nearest;
pub mod operator;
#[cfg(test)]
#[path = "../../tests/seeds.rs"]
mod seeds;
pub mod sink;
pub mod source;
pub mod standard;
pub mod state;
pub mod telemetry;
