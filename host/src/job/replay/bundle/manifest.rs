//! What a bundle holds, as its first member says it.

use std::collections::BTreeMap;

use pelton_core::{
    checkpoint::record::{FileRef, Growth},
    job::Overrides,
    types,
};
use serde::{Deserialize, Serialize};

use arrow::datatypes::{Schema, SchemaRef};

pub(super) const FORMAT: u64 = 1;
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const DIGEST: &str = "manifest.blake3";
/// Bytes of the manifest.
pub(super) const MANIFEST_BYTES_MAX: u64 = 64 << 20;
pub(super) const MEMBERS_MAX: usize = 100_000;
/// Bytes of all members together.
pub(super) const BYTES_MAX: u64 = 64 << 30;
/// The largest input file of which a part may be in a bundle: it is made with holes.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 44;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) format: u64,
    /// The version of Pelton that made it.
    pub(super) pelton: String,
    pub(super) job: String,
    pub(super) epoch: u64,
    pub(super) revisions: Vec<RevisionEntry>,
    /// Variables of the environment that job files name.
    pub(super) variables: BTreeMap<String, String>,
    /// The first record is the base, whose snapshot everything begins with.
    pub(super) has_base: bool,
    /// Members, oldest first.
    pub(super) records: Vec<usize>,
    pub(super) files: Vec<FileEntry>,
    pub(super) sources: Vec<SourceEntry>,
    pub(super) tables: Vec<TableEntry>,
    /// How the partitions of each source begin, in µs.
    pub(super) beginnings: Vec<Vec<i64>>,
    /// All but the manifest and its digest, in order.
    pub(super) members: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) blake3: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevisionEntry {
    pub(super) number: u64,
    /// The job file's name, for messages.
    pub(super) file: String,
    pub(super) text: String,
    pub(super) overrides: Overrides,
    /// Members, by the names that the job file has for modules.
    pub(super) modules: BTreeMap<String, usize>,
}

/// A file of the checkpoint that a record names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileEntry {
    pub(super) file: FileRef,
    pub(super) member: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceEntry {
    pub(super) name: String,
    pub(super) columns: Option<Columns>,
    pub(super) files: Vec<InputEntry>,
}

/// An input file, or the part of it that is needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InputEntry {
    /// As the job file would name it.
    pub(super) name: String,
    /// Of the whole file.
    pub(super) bytes: u64,
    /// Offset and length of what is in the member, one after the other.
    pub(super) parts: Vec<(u64, u64)>,
    pub(super) member: usize,
    /// Of a part of a file that grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) growth: Option<Growth>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableEntry {
    pub(super) name: String,
    pub(super) columns: Columns,
}

/// Name and type of each column, as job files write them.
pub(super) type Columns = Vec<(String, String)>;

/// None: some type has no text that means the same.
pub(super) fn columns_of(schema: &Schema) -> Option<Columns> {
    let columns = schema.fields().iter().map(|field| (field.name().clone(), types::column(field)));
    let columns: Columns = columns.collect();
    let back = schema_of(&columns)?;
    let is_same = schema
        .fields()
        .iter()
        .zip(back.fields())
        .all(|(own, read)| own.data_type() == read.data_type() && own.is_nullable() == read.is_nullable());
    is_same.then_some(columns)
}

pub(super) fn schema_of(columns: &Columns) -> Option<SchemaRef> {
    let fields = columns.iter().map(|(name, text)| types::parse_column(name, text).ok());
    Some(Schema::new(fields.collect::<Option<Vec<_>>>()?).into())
}
