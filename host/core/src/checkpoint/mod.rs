//! The epoch protocol, as data and pure decisions: what is committed, and what whoever recovers has to do.
//!
//! The host's `checkpoint` carries it out on a disk; a model of that disk carries it out in tests, with every crash point.

pub mod record;
