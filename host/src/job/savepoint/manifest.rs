//! What a savepoint holds, as its first member says it.

use serde::{Deserialize, Serialize};

pub(super) const FORMAT: u64 = 1;
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const DIGEST: &str = "manifest.blake3";
/// Bytes of the manifest.
pub(super) const MANIFEST_BYTES_MAX: u64 = 64 << 20;
pub(super) const MEMBERS_MAX: usize = 1_000_000;
/// Bytes of all members together: they are read into memory.
pub(super) const BYTES_MAX: u64 = 64 << 30;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub(super) format: u64,
    /// The version of Pelton that made it.
    pub pelton: String,
    /// As it was made; a copy may have another one.
    pub name: String,
    pub job: String,
    pub epoch: u64,
    /// The job's; 0 without an engine.
    pub revision: u64,
    /// When it was made, and the processing time of its epoch, in µs since 1970 UTC.
    pub made: i64,
    pub now: i64,
    /// Members: the commit record, and what the engine itself keeps.
    pub(super) record: usize,
    pub(super) engine: usize,
    pub operators: Vec<OperatorEntry>,
    pub tables: Vec<TableEntry>,
    /// Dead letters, the oldest first.
    pub letters: Vec<LetterEntry>,
    pub modules: Vec<ModuleEntry>,
    /// All but the manifest and its digest, in order.
    pub(super) members: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorEntry {
    pub name: String,
    /// Whose state it is, in words: kind, key, windows, columns.
    pub shape: String,
    /// Members, one for each partition.
    pub(super) partitions: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableEntry {
    pub name: String,
    pub version: u64,
    pub(super) member: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LetterEntry {
    pub letters: u64,
    pub(super) member: usize,
}

/// What computed the epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleEntry {
    pub operator: String,
    pub digests: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) blake3: String,
}

impl Manifest {
    /// Bytes of these members.
    pub(super) fn bytes(&self, members: &[usize]) -> u64 {
        members.iter().filter_map(|member| self.members.get(*member)).map(|member| member.bytes).sum()
    }
}
