//! The epoch protocol, as data and pure decisions: what is committed, and what whoever recovers has to do.
//!
//! The host's `checkpoint` carries it out on a disk; a model of that disk carries it out in tests, with every crash point.
//!
//! ```text
//! record, claim ─► frame (bytes) ─► chain (which frames count) ─► recovery (what to do) ─► retain (what may go)
//! ```

pub mod chain;
pub mod claim;
pub mod frame;
pub mod record;
pub mod recovery;
pub mod retain;
