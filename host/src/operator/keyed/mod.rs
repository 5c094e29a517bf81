//! Keyed operators: state for each key and timers, through modules that are handed both and keep neither.
//!
//! ```text
//! map side                        reduce side (one task for each partition and epoch)
//! batch ─► admit, key, hash ═══► group by key ─► calls ─► process (wasm) ─┬► changes ─► state, timers
//!            └► late, rejected        ▲ timers due, keys that end         └► rows ─► the operator's ports
//! ```
//!
//! An epoch's calls are: keys with rows, in the order of their first row and each with its rows in canonical order; then keys
//! that only a timer or their end brings. A call's changes are applied after its answer was checked, and before
//! the next call is made. What an older version of the module has kept for a key is migrated before the module sees the key
//! ([`migrate`]). Invariant: what is emitted depends on the input, its cut into epochs, and processing time alone.

mod apply;
mod emit;
mod isolate;
pub mod migrate;
mod partition;
mod reduce;
mod work;

use std::sync::Arc;

use pelton_core::{
    contract::{Input, KeyedSignature},
    limits::Limits,
    poison::OnTrap,
    window::Clock,
};
use pelton_wasm::Module;

pub use self::{partition::Partition, reduce::Reducer};
use super::{PortPlan, shuffle::ShufflePlan, tables::Offered};

/// What all threads share of a keyed operator.
#[derive(Debug)]
pub struct KeyedPlan {
    pub name: String,
    /// As the job file names it, for errors.
    pub module_name: String,
    pub module: Arc<Module>,
    pub limits: Limits,
    pub on_trap: OnTrap,
    /// A JSON object.
    pub options: String,
    pub input: Input,
    pub offered: Offered,
    pub signature: KeyedSignature,
    /// The map side.
    pub shuffle: ShufflePlan,
    pub ttl: Option<Ttl>,
    pub initial: Vec<Initial>,
    /// Keys with state are called in every epoch, also without rows.
    pub idle_keys: bool,
    /// Where the columns that the module reads are in the batches that arrive, in its order.
    pub reads_at: Vec<usize>,
    /// One for each port of the signature; none: nobody reads it.
    pub ports: Vec<Option<KeyedPort>>,
    /// Rows in one call, at most.
    pub rows_max: usize,
    pub seed: u64,
}

/// With what a state table begins.
#[derive(Debug, Clone)]
pub struct Initial {
    /// Index among the state tables, one with a row for each key.
    pub state: usize,
    /// Index among the job's tables.
    pub table: usize,
    /// Where the key and the values are among the table's columns.
    pub key_at: Vec<usize>,
    pub values_at: Vec<usize>,
}

/// How long the state of a key outlives its last row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl {
    /// In µs.
    pub length: i64,
    pub clock: Clock,
}

#[derive(Debug)]
pub struct KeyedPort {
    pub port: PortPlan,
    /// Which of its columns is an event time that passes: the host fills it in where a row has no origin.
    pub time_at: Option<usize>,
}

impl KeyedPlan {
    /// Whether anything depends on when the rows of a key happened.
    fn needs_times(&self) -> bool {
        self.shuffle.time.is_some()
            && (self.ttl.is_some_and(|ttl| ttl.clock == Clock::Event)
                || self.ports.iter().flatten().any(|port| port.time_at.is_some()))
    }

    pub fn partitions(&self) -> u16 {
        self.shuffle.partitions
    }
}
