//! Bundles: one epoch in one file, with everything that it takes to compute it again on another machine.
//!
//! ```text
//!  FILE = zstd( tar:  manifest.json      what is in it, each member with its length and BLAKE3
//!                     manifest.blake3    of the manifest
//!                     record/0 …         the base's record and those after it, as the journal had them
//!                     state/0 …          the snapshot's files, and tables
//!                     module/0 …         modules, by the names that the job files have for them
//!                     input/0 … )        of each input file the bytes that are needed
//! ```
//!
//! Called by `pelton replay --save` and `--bundle`. A bundle comes from anywhere: invariant: no byte of it is believed that its manifest does not
//! vouch for, no name in it becomes a path, nothing is read from the machine that the bundle does not hold, and what it takes on the disk is bounded.

pub(in crate::job) mod archive;
mod manifest;
mod pack;
mod unpack;

pub use self::{
    pack::{Packed, pack},
    unpack::Unpacked,
};

use crate::error::{Code, Coded};

#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("failed to {action} {path}")]
    Io { action: &'static str, path: String, source: std::io::Error },
    #[error("the bundle {path} is damaged: {what}")]
    Damaged { path: String, what: String },
    #[error("the bundle {path} was made by a newer Pelton: its format is {format}")]
    Newer { path: String, format: u64 },
    #[error("a bundle would need {what}, and holds {most} at most")]
    TooLarge { what: String, most: String },
    #[error("{file} was changed while it was put into a bundle")]
    Changed { file: String },
    #[error("the columns of {what} have no text by which a bundle could name them")]
    Columns { what: String },
}

impl Coded for BundleError {
    fn code(&self) -> Code {
        Code::BundleUnusable
    }

    fn help(&self) -> Option<String> {
        Some(
            match self {
                Self::Io { .. } => "check that it is there, and that there is space for what it holds (TMPDIR)",
                Self::Damaged { .. } => "copy it anew, or make it anew where the job runs: `pelton replay … --save FILE`",
                Self::Newer { .. } => "replay it with the Pelton that made it, or with a newer one",
                Self::TooLarge { .. } => {
                    "replay the epoch beside the job; smaller epochs (`batch.max-bytes`) and snapshots that are closer make smaller bundles"
                }
                Self::Changed { .. } => "try again when nobody writes to the file",
                Self::Columns { .. } => "declare them in the job file (`schema = { … }`)",
            }
            .into(),
        )
    }
}
