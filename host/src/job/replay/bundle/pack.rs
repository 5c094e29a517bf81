//! Makes a bundle of an epoch that was just computed again.
//!
//! Everything is read twice: once for the digests, which stand in front, and once to be written. A file that changes in between is an error.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use pelton_core::{
    checkpoint::{
        grown::partition,
        record::{FileRef, Position, Record},
    },
    job::{FileSourceSpec, SourceKind},
};

use super::{
    BundleError, archive,
    manifest::{
        BYTES_MAX, DIGEST, FORMAT, FileEntry, InputEntry, MANIFEST, Manifest, Member, RevisionEntry, SourceEntry,
        TableEntry, columns_of,
    },
};
use crate::{
    job::{
        plan::modules::references,
        replay::{Kept, Outcome, ReplayError, Revised, Revisions},
        run::{RunError, replay::NeededFiles},
    },
    source::file::{
        listing::ListedFile,
        needed::{Until, needed},
        place,
    },
};

/// What a bundle holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed {
    /// Of its members.
    pub bytes: u64,
    /// Of the file.
    pub file_bytes: u64,
    /// Input that is in it.
    pub input_bytes: u64,
}

/// Where the bytes of a member come from.
enum Content {
    Bytes(Vec<u8>),
    /// A file of the checkpoint.
    Kept(FileRef),
    Parts {
        path: PathBuf,
        name: String,
        parts: Vec<Range<u64>>,
    },
}

/// Puts the epoch of `outcome` into a new file at `path`.
pub fn pack(revisions: &Revisions<'_>, kept: &Kept<'_>, outcome: &Outcome, path: &Path) -> Result<Packed, ReplayError> {
    let mut packing = Packing { kept, members: Vec::new(), contents: Vec::new() };
    let manifest = packing.manifest(revisions, outcome)?;
    let input_bytes = manifest.sources.iter().flat_map(|source| &source.files).flat_map(|file| &file.parts);
    let input_bytes = input_bytes.map(|(_, bytes)| bytes).sum();
    let bytes = manifest.members.iter().map(|member| member.bytes).sum();
    if bytes > BYTES_MAX {
        let (what, most) = (format!("{bytes} bytes"), format!("{BYTES_MAX}"));
        return Err(BundleError::TooLarge { what, most }.into());
    }
    let io = |action| {
        let path = path.display().to_string();
        move |source| BundleError::Io { action, path, source }
    };
    let file = File::create_new(path).map_err(io("create"))?;
    let written = packing.write(&manifest, file, path);
    if written.is_err() {
        // It holds nothing that could be used.
        drop(std::fs::remove_file(path));
    }
    let file_bytes = written?;
    Ok(Packed { bytes, file_bytes, input_bytes })
}

struct Packing<'a> {
    kept: &'a Kept<'a>,
    members: Vec<Member>,
    contents: Vec<Content>,
}

impl Packing<'_> {
    /// Adds a member with its digest. Answers its number.
    fn add(&mut self, kind: &str, content: Content) -> Result<usize, ReplayError> {
        let number = self.members.len();
        let mut hasher = blake3::Hasher::new();
        let bytes = self.copy(&content, &mut hasher)?;
        let blake3 = hasher.finalize().to_hex().to_string();
        self.members.push(Member { name: format!("{kind}/{number}"), bytes, blake3 });
        self.contents.push(content);
        Ok(number)
    }

    fn copy(&self, content: &Content, out: &mut dyn Write) -> Result<u64, ReplayError> {
        let failed = |path: &Path, source| BundleError::Io { action: "read", path: path.display().to_string(), source };
        match content {
            Content::Bytes(bytes) => {
                out.write_all(bytes).map_err(|source| failed(Path::new("memory"), source))?;
                Ok(bytes.len() as u64)
            }
            Content::Kept(file) => {
                let bytes = self.kept.get(file)?;
                out.write_all(&bytes).map_err(|source| failed(Path::new(&file.name), source))?;
                Ok(bytes.len() as u64)
            }
            Content::Parts { path, name, parts } => {
                let mut file = File::open(path).map_err(|source| failed(path, source))?;
                let mut total = 0;
                for part in parts {
                    let wanted = part.end - part.start;
                    let copied =
                        file.seek(SeekFrom::Start(part.start)).and_then(|_| io::copy(&mut (&file).take(wanted), out));
                    if copied.map_err(|source| failed(path, source))? != wanted {
                        return Err(BundleError::Changed { file: name.clone() }.into());
                    }
                    total += wanted;
                }
                Ok(total)
            }
        }
    }

    fn manifest(&mut self, revisions: &Revisions<'_>, outcome: &Outcome) -> Result<Manifest, ReplayError> {
        let stretch = self.kept.stretch(outcome.epoch.epoch)?;
        let Some(last) = stretch.again.last() else {
            return Err(ReplayError::NotRetained { epoch: outcome.epoch.epoch, held: self.kept.replayable() });
        };
        let variables = RefCell::new(BTreeMap::new());
        let noting = |name: &str| {
            let value = (revisions.variables)(name)?;
            variables.borrow_mut().insert(name.to_owned(), value.clone());
            Some(value)
        };
        let noted = Revisions {
            runtime: Arc::clone(&revisions.runtime),
            find: revisions.find,
            variables: &noting,
            given: revisions.given.clone(),
        };
        let of_records = stretch.base.iter().chain(&stretch.again);
        let mut numbers: Vec<u64> = of_records.map(|record| record.revision).collect();
        numbers.dedup();
        let mut entries = Vec::new();
        for number in numbers {
            entries.push(self.revision(&noted, number)?);
        }
        let (file, _) = noted.file(last.revision)?;
        let plan = noted.plan(last.revision)?;
        let has_base = stretch.base.is_some();
        let mut records = Vec::new();
        let mut files: Vec<FileEntry> = Vec::new();
        for (at, record) in stretch.base.iter().chain(&stretch.again).enumerate() {
            // Older snapshots are not looked at, nor are those of the epochs that are computed.
            let is_base = has_base && at == 0;
            self.files_of(record, is_base, &mut files)?;
            let encoded = rmp_serde::to_vec_named(record).expect("names and numbers have a form in MessagePack");
            records.push(self.add("record", Content::Bytes(encoded))?);
        }
        let mut sources = Vec::new();
        for (planned, needed) in plan.sources.iter().zip(&outcome.files) {
            let spec = file.spec.sources.iter().find(|spec| spec.name == planned.name).map(|spec| &spec.kind);
            let files = match spec {
                Some(SourceKind::File(spec)) => self.inputs(spec, needed, &file.dir, &noted, &planned.name)?,
                _ => Vec::new(),
            };
            let columns = columns_of(&planned.source.schema());
            sources.push(SourceEntry { name: planned.name.clone(), columns, files });
        }
        let mut tables = Vec::new();
        for planned in &plan.tables {
            let what = || BundleError::Columns { what: format!("table `{}`", planned.name) };
            let columns = columns_of(planned.table.schema()).ok_or_else(what)?;
            tables.push(TableEntry { name: planned.name.clone(), columns });
        }
        drop(noted);
        Ok(Manifest {
            format: FORMAT,
            pelton: env!("CARGO_PKG_VERSION").to_owned(),
            job: outcome.job.clone(),
            epoch: outcome.epoch.epoch.0,
            revisions: entries,
            variables: variables.into_inner(),
            has_base,
            records,
            files,
            sources,
            tables,
            beginnings: outcome.beginnings.clone(),
            members: self.members.clone(),
        })
    }

    fn revision(&mut self, revisions: &Revisions<'_>, number: u64) -> Result<RevisionEntry, ReplayError> {
        let Revised { text, path, overrides, .. } = (revisions.find)(number)?;
        let (file, modules) = revisions.file(number)?;
        let limit = file.spec.operators.iter().map(|operator| operator.limits.module_bytes).max().unwrap_or(0);
        let mut entries = BTreeMap::new();
        for reference in references(&file.spec) {
            let bytes = modules.find(reference, &file.dir, limit).map_err(|unfound| ReplayError::Module {
                path: reference.to_owned(),
                source: io::Error::other(unfound.what),
            })?;
            entries.insert(reference.to_owned(), self.add("module", Content::Bytes(bytes.into_owned()))?);
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(RevisionEntry { number, file: name, text, overrides, modules: entries })
    }

    /// The files that a record names and its epoch is computed from, once each: tables, dead letters that were put in again, replies; of the base its
    /// snapshot.
    fn files_of(&mut self, record: &Record, is_base: bool, files: &mut Vec<FileEntry>) -> Result<(), ReplayError> {
        let snapshot = record.snapshot.iter().filter(|_| is_base).flat_map(|snapshot| {
            let partitions = snapshot.operators.iter().flat_map(|operator| &operator.partitions);
            std::iter::once(&snapshot.engine).chain(partitions)
        });
        // The base's own tables and letters are those of an epoch that is not computed.
        let tables = record.tables.iter().filter(|_| !is_base).map(|table| &table.rows);
        let letters = record.letters.replayed.iter().filter(|_| !is_base);
        let replies = record.replies.iter().filter(|_| !is_base);
        for file in tables.chain(letters).chain(replies).chain(snapshot) {
            if !files.iter().any(|known| known.file == *file) {
                let member = self.add("state", Content::Kept(file.clone()))?;
                files.push(FileEntry { file: file.clone(), member });
            }
        }
        Ok(())
    }

    fn inputs(
        &mut self,
        spec: &FileSourceSpec,
        needed_files: &NeededFiles,
        dir: &Path,
        revisions: &Revisions<'_>,
        source: &str,
    ) -> Result<Vec<InputEntry>, ReplayError> {
        let NeededFiles { listed, from, to, .. } = needed_files;
        let (first, from_offset) = match from {
            Position::Start => (0, None),
            Position::Range { partition, sequence, offset, .. } => {
                (*partition as usize, (*sequence > 0).then_some(*offset))
            }
            Position::End => return Ok(Vec::new()),
        };
        let (last, until) = match to {
            Position::Start => return Ok(Vec::new()),
            Position::Range { partition, sequence, offset, rows_at } => {
                let until = Until { offset: *offset, rows_at: *rows_at };
                (*partition as usize, (*sequence > 0).then_some(until))
            }
            Position::End => (listed.len(), None),
        };
        let given = revisions.given.as_ref().and_then(|given| given.get(&format!("source.{source}")));
        let mut entries = Vec::new();
        for (at, record) in listed.iter().enumerate().map(|(index, record)| (partition(index, record) as usize, record))
        {
            if at < first {
                continue;
            }
            // Of the file that comes next, nothing was read.
            if at > last || at == last && until.is_none() {
                break;
            }
            let epoch = pelton_core::model::Epoch::FIRST;
            let failed = |error| RunError::Source { name: source.to_owned(), epoch, source: error };
            let is_same = |file: &&ListedFile| {
                *file.name == *record.name && file.growth.map(|of| of.partition) == record.growth.map(|of| of.partition)
            };
            let brought = given.and_then(|given| given.files.iter().find(is_same));
            let path = match (brought, &record.growth) {
                (Some(file), _) => file.path.clone(),
                (None, None) => dir.join(&record.name),
                (None, Some(growth)) => {
                    place::found(&dir.join(&record.name), growth.inode, &record.name).map_err(failed)?
                }
            };
            let (name, growth) = (Arc::from(record.name.as_str()), None);
            let file = ListedFile { path: path.clone(), name, bytes: record.bytes, growth };
            let from = from_offset.filter(|_| at == first).or(record.growth.map(|growth| growth.from));
            let parts = needed(spec, &file, from, until.filter(|_| at == last));
            let parts = parts.map_err(failed)?;
            let shown = parts.iter().map(|part| (part.start, part.end - part.start)).collect();
            let member = self.add("input", Content::Parts { path, name: record.name.clone(), parts })?;
            entries.push(InputEntry {
                name: record.name.clone(),
                bytes: record.bytes,
                parts: shown,
                member,
                growth: record.growth,
            });
        }
        Ok(entries)
    }

    /// Answers the length of the file.
    fn write(&self, manifest: &Manifest, file: File, path: &Path) -> Result<u64, ReplayError> {
        let io = |action: &'static str| {
            let path = path.display().to_string();
            move |source| ReplayError::from(BundleError::Io { action, path, source })
        };
        let mut writer = archive::Writer::new(BufWriter::new(file)).map_err(io("write"))?;
        let text = serde_json::to_vec_pretty(manifest).expect("names, numbers and texts");
        let digest = blake3::hash(&text).to_hex().to_string();
        writer.member(MANIFEST, text.len() as u64, &mut text.as_slice()).map_err(io("write"))?;
        writer.member(DIGEST, digest.len() as u64, &mut digest.as_bytes()).map_err(io("write"))?;
        for (member, content) in self.members.iter().zip(&self.contents) {
            let mut bytes = Vec::new();
            let mut hasher = blake3::Hasher::new();
            match content {
                Content::Parts { path, name, parts } => {
                    let mut input = Parts { file: File::open(path).map_err(io("read"))?, parts, done: 0, hasher };
                    let written = writer.member(&member.name, member.bytes, &mut input);
                    written.map_err(io("write"))?;
                    if input.hasher.finalize().to_hex().as_str() != member.blake3 {
                        return Err(BundleError::Changed { file: name.clone() }.into());
                    }
                }
                Content::Bytes(_) | Content::Kept(_) => {
                    self.copy(content, &mut bytes)?;
                    hasher.update(&bytes);
                    if hasher.finalize().to_hex().as_str() != member.blake3 {
                        return Err(BundleError::Changed { file: member.name.clone() }.into());
                    }
                    writer.member(&member.name, member.bytes, &mut bytes.as_slice()).map_err(io("write"))?;
                }
            }
        }
        let file = writer.finish().map_err(io("write"))?;
        let file = file.into_inner().map_err(|error| io("write")(error.into_error()))?;
        file.sync_all().map_err(io("sync"))?;
        Ok(file.metadata().map_err(io("read"))?.len())
    }
}

/// Parts of a file, one after the other.
struct Parts<'a> {
    file: File,
    parts: &'a [Range<u64>],
    /// Bytes of the first part that have been read.
    done: u64,
    hasher: blake3::Hasher,
}

impl Read for Parts<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(part) = self.parts.first() {
            let left = part.end - part.start - self.done;
            if left == 0 {
                self.parts = self.parts.get(1..).unwrap_or_default();
                self.done = 0;
                continue;
            }
            self.file.seek(SeekFrom::Start(part.start + self.done))?;
            let count = (&self.file).take(left).read(buffer)?;
            if let Some(read) = buffer.get(..count) {
                self.hasher.update(read);
            }
            self.done += count as u64;
            return Ok(count);
        }
        Ok(0)
    }
}
