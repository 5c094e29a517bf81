//! Sliding aggregation without payloads: which accumulators to merge so that each window costs a constant number of
//! merges for each key, however many panes it has.
//!
//! The reduce side calls [`TwoStacks::upsert`] for each partial that arrives and [`TwoStacks::close`] for each window,
//! for all keys at once; it gets a [`Plan`] of merges in rounds, and carries it out as a few calls of the guest with
//! one row for each key. For merges that are associative, and need be neither commutative nor invertible.
//!
//! The panes of one key, in order of time:
//!
//! ```text
//!  kept for late rows │ front                     │ back             │ pending
//!  pane  pane         │ pane    pane    pane      │ pane    pane     │ pane …
//!                     │ suffix  suffix  suffix    │ └─ their merge ┘ │ after the last window closed
//!                     └── each: the merge from here to the end of the front
//!  window = first suffix ⊕ back
//! ```
//!
//! A window that slides drops suffixes from the front and adds panes to the back. When the front is used up, the back
//! is flipped: one pass from its end makes it the new front. All keys flip at the same window, one in length / slide, so
//! that the rounds of that pass are as long as there are keys. So each pane is merged once into the back, once into a
//! suffix. This is the two-stacks queue as Tangwongsan, Hirzel and Schneider describe it ("In-order sliding-window
//! aggregation in worst-case constant time", VLDB Journal 2021; "Low-latency sliding-window aggregation in worst-case
//! constant time", DEBS 2017), save that panes keep their own accumulators: those alone are state; suffixes and backs
//! are scratch that can be made again. A late row within the last window drops its key's scratch, in whole or in part,
//! which costs as many merges as there are panes in it.
//!
//! Memory: 20 bytes for a key and 24 for a pane, in two arenas. Cost of a window: a walk over the keys that have panes.

mod arena;
mod keys;
mod plan;
mod scratch;
mod snapshot;

pub use keys::TwoStacks;
pub use plan::{Answer, Merge, Operand, Plan};
pub use snapshot::SavedStacks;

#[cfg(test)]
mod tests;
