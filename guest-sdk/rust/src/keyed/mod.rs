//! Keyed operators: a function of one key, its state, its lists and maps, its rows and its timers.
//!
//! `#[keyed]` implements [`Keyed`] by calling the author's function in the loop of [`run`]; [`Opened`] answers `open` and `process`
//! with it, the same code in a module and in the offline harness. Nothing is kept between calls: state comes as columns,
//! and only what changed goes back.

mod migrate;
mod opened;
mod out;
mod run;
mod state;
mod tables;
mod timers;

pub use self::{
    migrate::{Migrated, OlderState, migrate},
    opened::{Call, Keyed, KeyedDescription, Opened},
    out::Out,
    run::{Made, Shown, describe, run},
    state::{NoState, State},
    tables::{KeyedTable, KeyedTables, List, Map, Subkey, SubkeyField},
    timers::{Clock, Timer, Timers},
};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::{
    out::NO_ORIGIN,
    tables::{Stored, serve},
};
