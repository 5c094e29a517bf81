//! Checkpoints in a directory or a bucket: carries out what `pelton_core::checkpoint` decides.
//!
//! ```text
//!  DIRECTORY/lock                      who runs the job, and an advisory lock
//!            journal/0000000007.log    claims, committed epochs, what was published: frames of docs/format.md
//!            files/GGGGGGGGGG-…        snapshots, tables and dead letters that committed records name
//!            requests/…                what somebody wants of the dead letters
//!            savepoints/NAME.savepoint copies of one epoch that stay until they are removed
//!            inputs/NAME/0000000042.log   what a source was given that cannot ask for it again: its log, from frame 42 on
//!
//!  put files ─► commit: sync files/, one frame, fdatasync ─► permit ─► the sinks publish ─► published ─► collect
//! ```
//!
//! A bucket holds the same, with segments of one frame that are put where none is ([`objects`]).
//!
//! The run calls [`Store`], replays [`Retained`], the command line [`inspect`]. Invariants: a [`CommitPermit`] exists only for what is durable; a
//! process that lost the job gets none; only this module names files of the directory.

mod collect;
mod directory;
mod disk;
mod error;
mod files;
mod input;
pub mod inspect;
pub mod letters;
mod names;
mod objects;
mod open;
mod owner;
mod payload;
mod place;
mod read;
mod retained;
mod savepoints;
mod store;
#[cfg(test)]
mod testing;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod day_tests;
#[cfg(test)]
mod flip_tests;
#[cfg(test)]
mod model;
#[cfg(test)]
mod model_job;
#[cfg(test)]
mod simulation;

pub(crate) use self::directory::create_durably;
pub use self::{
    collect::Collected,
    directory::Directory,
    disk::{Disk, Frames},
    error::CheckpointError,
    files::Files,
    input::{InputLog, InputReader},
    inspect::holds_journal,
    names::{is_savepoint_name, segment as segment_path},
    open::{Committed, Recovered, Take},
    place::{Location, Place},
    retained::{Retained, Stretch},
    savepoints::{Draft, Savepoints},
    store::{CommitPermit, Store},
};
pub use pelton_core::checkpoint::chain::TornTail;
