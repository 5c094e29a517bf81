//! The epoch protocol, as data and pure decisions: what is committed, and what whoever recovers has to do.
//!
//! The host's `checkpoint` carries it out on a disk; a model of that disk carries it out in tests, with every crash point.
//!
//! ```text
//! record, claim ─► frame (bytes) ─► chain (which frames count) ─► recovery (what to do) ─► retain (what may go)
//! ```
//!
//! [`packed`] is how snapshots of state hold their numbers.

pub mod chain;
pub mod claim;
pub mod frame;
pub mod grown;
pub mod packed;
pub mod record;
pub mod recovery;
pub mod retain;

/// Why saved state cannot be what was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Damage(pub &'static str);

impl Damage {
    /// `is_sound`, or else this.
    pub fn unless(is_sound: bool, what: &'static str) -> Result<(), Self> {
        if is_sound { Ok(()) } else { Err(Self(what)) }
    }
}

/// Whether these numbers are all those below `count`, each once. Looks at no more of them than that.
pub fn are_all_below(count: usize, numbers: impl Iterator<Item = u32> + Clone) -> bool {
    numbers.clone().take(count.saturating_add(1)).count() == count && are_distinct_below(count, numbers)
}

/// Whether these numbers are below `bound` and none is there twice. Takes `bound` bytes of memory.
pub fn are_distinct_below(bound: usize, mut numbers: impl Iterator<Item = u32>) -> bool {
    let mut is_there = vec![false; bound];
    numbers.all(|number| is_there.get_mut(number as usize).is_some_and(|is_there| !std::mem::replace(is_there, true)))
}
