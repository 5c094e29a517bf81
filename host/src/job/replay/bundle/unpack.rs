//! Opens a bundle: checks every byte of it, and puts what is large into a folder that goes when it is closed.
//!
//! Paths are made here, from numbers. What the manifest says is checked before anything is made of it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use pelton_core::{
    checkpoint::record::{FileRef, Record},
    hash::hash_bytes,
    model::Epoch,
};
use tempfile::TempDir;

use super::{
    BundleError,
    archive::Reader,
    manifest::{
        BYTES_MAX, DIGEST, FILE_BYTES_MAX, FORMAT, InputEntry, MANIFEST, MANIFEST_BYTES_MAX, MEMBERS_MAX, Manifest,
        schema_of,
    },
};
use crate::{
    checkpoint::{CheckpointError, Stretch},
    job::{plan::modules::Modules, replay::Revised, run::RunError},
    source::file::{GivenFiles, listing::ListedFile},
};

/// A bundle that is as it was made, and its content.
pub struct Unpacked {
    folder: TempDir,
    /// For messages.
    path: String,
    manifest: Manifest,
    stretch: Stretch,
    revisions: BTreeMap<u64, Revised>,
    given: BTreeMap<String, GivenFiles>,
}

impl Unpacked {
    /// Reads the whole bundle.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        let shown = path.display().to_string();
        let io = |action, path: &str| {
            let path = path.to_owned();
            move |source| BundleError::Io { action, path, source }
        };
        let file = File::open(path).map_err(io("open", &shown))?;
        let folder = TempDir::with_prefix("pelton-bundle-");
        let folder = folder.map_err(io("make a folder in", &std::env::temp_dir().display().to_string()))?;
        let damaged = |what: String| BundleError::Damaged { path: shown.clone(), what };
        let mut reader = Reader::new(file).map_err(|error| damaged(error.to_string()))?;
        let manifest = manifest(&mut reader, &shown)?;
        for (number, member) in manifest.members.iter().enumerate() {
            let target = folder.path().join(number.to_string());
            let mut file = File::create_new(&target).map_err(io("create", &target.display().to_string()))?;
            let mut hasher = blake3::Hasher::new();
            let mut failed = None;
            let copied = reader.member(&member.name, member.bytes, |content| {
                let mut buffer = vec![0; 64 << 10];
                loop {
                    let count = content.read(&mut buffer)?;
                    let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else { return Ok(()) };
                    hasher.update(piece);
                    // A full disk is no damage.
                    if let Err(error) = file.write_all(piece) {
                        failed = Some(error);
                        return Err(io::Error::other("it cannot be kept"));
                    }
                }
            });
            if let Some(error) = failed {
                return Err(io("write", &target.display().to_string())(error));
            }
            copied.map_err(|error| damaged(format!("{}: {error}", member.name)))?;
            if hasher.finalize().to_hex().as_str() != member.blake3 {
                return Err(damaged(format!("{} does not match its checksum", member.name)));
            }
        }
        reader.finish().map_err(|error| damaged(error.to_string()))?;
        let mut unpacked = Self {
            folder,
            path: shown.clone(),
            stretch: Stretch { base: None, again: Vec::new() },
            revisions: BTreeMap::new(),
            given: BTreeMap::new(),
            manifest,
        };
        unpacked.stretch = unpacked.records()?;
        unpacked.revisions = unpacked.revised()?;
        unpacked.given = unpacked.inputs()?;
        Ok(unpacked)
    }

    fn damaged(&self, what: impl Into<String>) -> BundleError {
        BundleError::Damaged { path: self.path.clone(), what: what.into() }
    }

    fn member_path(&self, number: usize) -> PathBuf {
        self.folder.path().join(number.to_string())
    }

    fn member(&self, number: usize) -> Result<Vec<u8>, BundleError> {
        if number >= self.manifest.members.len() {
            return Err(self.damaged(format!("it has no member {number}")));
        }
        let path = self.member_path(number);
        fs::read(&path).map_err(|source| BundleError::Io { action: "read", path: path.display().to_string(), source })
    }

    fn records(&self) -> Result<Stretch, BundleError> {
        let mut records = Vec::new();
        for number in &self.manifest.records {
            let bytes = self.member(*number)?;
            let record: Record = rmp_serde::from_slice(&bytes)
                .map_err(|error| self.damaged(format!("a record cannot be decoded: {error}")))?;
            records.push(record);
        }
        let follows = records.iter().zip(records.iter().skip(1)).all(|(one, next)| one.epoch.next() == next.epoch);
        let mut records = records.into_iter();
        let base = if self.manifest.has_base { records.next() } else { None };
        let again: Vec<Record> = records.collect();
        let is_last = again.last().is_some_and(|last| last.epoch.0 == self.manifest.epoch);
        let begins = base
            .as_ref()
            .map_or(again.first().map(|first| first.epoch) == Some(Epoch::FIRST), |base| base.snapshot.is_some());
        if !follows || !is_last || !begins {
            return Err(self.damaged("its records do not lead to its epoch"));
        }
        Ok(Stretch { base, again })
    }

    fn revised(&self) -> Result<BTreeMap<u64, Revised>, BundleError> {
        let mut revisions = BTreeMap::new();
        for entry in &self.manifest.revisions {
            let mut modules = BTreeMap::new();
            for (reference, member) in &entry.modules {
                modules.insert(reference.clone(), self.member(*member)?);
            }
            // Nothing is read from beside it: its files and modules are given.
            let name = Path::new(&entry.file).file_name().map_or_else(|| "job.toml".into(), ToOwned::to_owned);
            let revised = Revised {
                text: entry.text.clone(),
                path: self.folder.path().join(name),
                overrides: entry.overrides.clone(),
                modules: Modules::Pinned(modules),
            };
            revisions.insert(entry.number, revised);
        }
        Ok(revisions)
    }

    /// Makes the input files, with holes where nothing is needed.
    fn inputs(&self) -> Result<BTreeMap<String, GivenFiles>, BundleError> {
        let mut given = BTreeMap::new();
        for source in &self.manifest.sources {
            let columns = source.columns.as_ref();
            let schema = columns.map(|columns| schema_of(columns).ok_or_else(|| self.damaged("a column has no type")));
            let files = source.files.iter().map(|entry| self.input(entry)).collect::<Result<Vec<_>, _>>()?;
            given.insert(format!("source.{}", source.name), GivenFiles { files, schema: schema.transpose()? });
        }
        for table in &self.manifest.tables {
            let schema = schema_of(&table.columns).ok_or_else(|| self.damaged("a column has no type"))?;
            given.insert(format!("table.{}", table.name), GivenFiles { files: Vec::new(), schema: Some(schema) });
        }
        Ok(given)
    }

    fn input(&self, entry: &InputEntry) -> Result<ListedFile, BundleError> {
        let wrong = || self.damaged("the parts of an input file do not fit");
        let member = self.manifest.members.get(entry.member).ok_or_else(wrong)?;
        let mut end = 0_u64;
        let mut total = 0_u64;
        for (offset, bytes) in &entry.parts {
            if *offset < end {
                return Err(wrong());
            }
            end = offset.checked_add(*bytes).ok_or_else(wrong)?;
            total += bytes;
        }
        if end > entry.bytes || total != member.bytes || entry.bytes > FILE_BYTES_MAX {
            return Err(wrong());
        }
        let path = self.folder.path().join(format!("{}.input", entry.member));
        let made = || -> io::Result<()> {
            let mut from = File::open(self.member_path(entry.member))?;
            let mut file = File::create_new(&path)?;
            file.set_len(entry.bytes)?;
            for (offset, bytes) in &entry.parts {
                file.seek(SeekFrom::Start(*offset))?;
                io::copy(&mut (&mut from).take(*bytes), &mut file)?;
            }
            Ok(())
        };
        made().map_err(|source| BundleError::Io { action: "write", path: path.display().to_string(), source })?;
        // It is there twice from now on.
        drop(fs::remove_file(self.member_path(entry.member)));
        Ok(ListedFile { path, name: Arc::from(entry.name.as_str()), bytes: entry.bytes, growth: entry.growth })
    }

    pub fn epoch(&self) -> Epoch {
        Epoch(self.manifest.epoch)
    }

    /// The version of Pelton that made it.
    pub fn version(&self) -> &str {
        &self.manifest.pelton
    }

    pub fn stretch(&self) -> Stretch {
        self.stretch.clone()
    }

    pub fn revision(&self, number: u64) -> Result<Revised, RunError> {
        self.revisions.get(&number).cloned().ok_or(RunError::UnknownRevision { revision: number })
    }

    /// Of the environment where it was made, as far as job files name them.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.manifest.variables.get(name).cloned()
    }

    pub fn given(&self) -> BTreeMap<String, GivenFiles> {
        self.given.clone()
    }

    pub fn beginnings(&self) -> Vec<Vec<i64>> {
        self.manifest.beginnings.clone()
    }

    /// Reads a file that a record names, and checks it.
    pub fn get(&self, file: &FileRef) -> Result<Vec<u8>, CheckpointError> {
        let entry = self.manifest.files.iter().find(|entry| entry.file.name == file.name);
        let missing = || CheckpointError::unreadable(file, "a record needs it, and the bundle does not hold it");
        let bytes = self.member(entry.ok_or_else(missing)?.member);
        let bytes = bytes.map_err(|error| CheckpointError::unreadable(file, error))?;
        if bytes.len() as u64 != file.bytes || hash_bytes(&bytes) != file.checksum {
            return Err(CheckpointError::unreadable(file, "its content is not what the record says"));
        }
        Ok(bytes)
    }
}

/// The manifest, and whether what it announces can be taken.
fn manifest<R: Read>(reader: &mut Reader<R>, path: &str) -> Result<Manifest, BundleError> {
    let damaged = |what: String| BundleError::Damaged { path: path.to_owned(), what };
    let text = reader.first(MANIFEST, MANIFEST_BYTES_MAX).map_err(|error| damaged(error.to_string()))?;
    let digest = reader.member(DIGEST, 64, |content| {
        let mut digest = String::new();
        content.read_to_string(&mut digest)?;
        Ok(digest)
    });
    if digest.map_err(|error| damaged(error.to_string()))? != blake3::hash(&text).to_hex().as_str() {
        return Err(damaged(format!("{MANIFEST} does not match its checksum")));
    }
    #[derive(serde::Deserialize)]
    struct Format {
        format: u64,
    }
    let unreadable = |error: serde_json::Error| damaged(format!("{MANIFEST} cannot be read: {error}"));
    let Format { format } = serde_json::from_slice(&text).map_err(unreadable)?;
    if format > FORMAT {
        return Err(BundleError::Newer { path: path.to_owned(), format });
    }
    let manifest: Manifest = serde_json::from_slice(&text).map_err(unreadable)?;
    if manifest.members.len() > MEMBERS_MAX {
        return Err(damaged(format!("it announces more than {MEMBERS_MAX} members")));
    }
    let total = manifest.members.iter().try_fold(0_u64, |sum, member| sum.checked_add(member.bytes));
    if total.is_none_or(|total| total > BYTES_MAX) {
        return Err(damaged(format!("it announces more than {BYTES_MAX} bytes")));
    }
    Ok(manifest)
}
