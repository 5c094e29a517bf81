//! A savepoint as one file: a tar of plain files, as bundles are, behind a frame that says what it is and vouches for every byte.
//!
//! ```text
//!  0             4           8        12         14    16              24                56
//!  │ 0x184D2A50  │ 48: u32   │ "PLSP" │ 1: u16   │ 0   │ bytes behind  │ BLAKE3 of those │ zstd( tar: manifest.json, manifest.blake3, members )
//! ```
//!
//! The first eight bytes make the rest of the head a frame that zstd skips: other programs see a tar that is compressed. Invariant: a file of which one
//! byte is not as it was written is refused as a whole, before anything in it is looked at.

use std::io;

use pelton_core::checkpoint::record::Record;

use super::{
    SavepointError,
    manifest::{BYTES_MAX, DIGEST, FORMAT, MANIFEST, MANIFEST_BYTES_MAX, MEMBERS_MAX, Manifest, Member},
};
use crate::job::replay::bundle::archive;

const SKIPPED: [u8; 8] = [0x50, 0x2a, 0x4d, 0x18, 48, 0, 0, 0];
const MAGIC: [u8; 4] = *b"PLSP";
const HEAD: usize = 56;
/// Bytes of a file that is read.
pub(super) const FILE_BYTES_MAX: u64 = BYTES_MAX + (1 << 30);

/// A savepoint, with all that it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Savepoint {
    pub manifest: Manifest,
    pub record: Record,
    pub(super) members: Vec<Vec<u8>>,
}

/// Takes members down as they come.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) entries: Vec<Member>,
    pub(super) contents: Vec<Vec<u8>>,
}

impl Members {
    /// Answers the number of the member.
    pub(super) fn add(&mut self, folder: &str, content: Vec<u8>) -> usize {
        let number = self.entries.len();
        let (name, bytes) = (format!("{folder}/{number}"), content.len() as u64);
        self.entries.push(Member { name, bytes, blake3: blake3::hash(&content).to_hex().to_string() });
        self.contents.push(content);
        number
    }

    pub(super) fn check(&self) -> Result<(), SavepointError> {
        let bytes: u64 = self.entries.iter().map(|member| member.bytes).sum();
        let too_large = |what: String, most: String| Err(SavepointError::TooLarge { what, most });
        if self.entries.len() > MEMBERS_MAX {
            return too_large(format!("{} parts", self.entries.len()), MEMBERS_MAX.to_string());
        }
        if bytes > BYTES_MAX {
            return too_large(format!("{bytes} bytes"), BYTES_MAX.to_string());
        }
        Ok(())
    }
}

impl Savepoint {
    pub(super) fn new(manifest: Manifest, record: Record, members: Vec<Vec<u8>>) -> Self {
        Self { manifest, record, members }
    }

    pub(super) fn member(&self, number: usize) -> &[u8] {
        self.members.get(number).map(Vec::as_slice).unwrap_or_default()
    }

    /// What the engine itself keeps.
    pub(super) fn engine(&self) -> &[u8] {
        self.member(self.manifest.engine)
    }

    /// The state of an operator, partition by partition.
    pub(super) fn state(&self, partitions: &[usize]) -> Vec<&[u8]> {
        partitions.iter().map(|member| self.member(*member)).collect()
    }

    /// Bytes of everything, as it is in memory.
    pub fn content_bytes(&self) -> u64 {
        self.members.iter().map(|member| member.len() as u64).sum()
    }

    /// The bytes of its file.
    pub fn encode(&self) -> Vec<u8> {
        let behind = self.archive().expect("memory takes what the checks allow");
        let mut bytes = Vec::with_capacity(HEAD + behind.len());
        bytes.extend(SKIPPED);
        bytes.extend(MAGIC);
        bytes.extend((FORMAT as u16).to_le_bytes());
        bytes.extend([0, 0]);
        bytes.extend((behind.len() as u64).to_le_bytes());
        bytes.extend(blake3::hash(&behind).as_bytes());
        bytes.extend(behind);
        bytes
    }

    fn archive(&self) -> io::Result<Vec<u8>> {
        let text = serde_json::to_vec_pretty(&self.manifest).expect("names, numbers and texts");
        let digest = blake3::hash(&text).to_hex().to_string();
        let mut writer = archive::Writer::new(Vec::new())?;
        writer.member(MANIFEST, text.len() as u64, &mut text.as_slice())?;
        writer.member(DIGEST, digest.len() as u64, &mut digest.as_bytes())?;
        for (member, mut content) in self.manifest.members.iter().zip(self.members.iter().map(Vec::as_slice)) {
            writer.member(&member.name, member.bytes, &mut content)?;
        }
        writer.finish()
    }

    /// Reads a file's bytes and checks them all; `path` is for messages.
    pub fn decode(bytes: &[u8], path: &str) -> Result<Self, SavepointError> {
        let damaged = |what: &str| SavepointError::Damaged { path: path.to_owned(), what: what.to_owned() };
        let behind = checked(bytes, path)?;
        let mut reader = archive::Reader::new(behind).map_err(|error| damaged(&error.to_string()))?;
        let mut read = || -> io::Result<(Manifest, Vec<Vec<u8>>)> {
            let text = reader.first(MANIFEST, MANIFEST_BYTES_MAX)?;
            let digest = reader.member(DIGEST, 64, |content| io::read_to_string(content))?;
            if digest != blake3::hash(&text).to_hex().as_str() {
                return Err(io::Error::other(format!("{MANIFEST} does not match its checksum")));
            }
            let manifest: Manifest = serde_json::from_slice(&text)
                .map_err(|error| io::Error::other(format!("{MANIFEST} cannot be read: {error}")))?;
            let total = manifest.members.iter().try_fold(0_u64, |sum, member| sum.checked_add(member.bytes));
            if manifest.members.len() > MEMBERS_MAX || total.is_none_or(|total| total > BYTES_MAX) {
                return Err(io::Error::other("it announces more than a savepoint holds"));
            }
            let mut members = Vec::new();
            for member in &manifest.members {
                let content = reader.member(&member.name, member.bytes, |content| {
                    let mut all = Vec::new();
                    content.read_to_end(&mut all).map(|_| all)
                })?;
                if blake3::hash(&content).to_hex().as_str() != member.blake3 {
                    return Err(io::Error::other(format!("{} does not match its checksum", member.name)));
                }
                members.push(content);
            }
            Ok((manifest, members))
        };
        let (manifest, members) = read().map_err(|error| damaged(&error.to_string()))?;
        reader.finish().map_err(|error| damaged(&error.to_string()))?;
        let is_member = |number: &usize| *number < members.len();
        let named = manifest.operators.iter().flat_map(|operator| &operator.partitions);
        let named = named.chain(manifest.tables.iter().map(|table| &table.member));
        let mut named = named.chain(manifest.letters.iter().map(|letters| &letters.member));
        if !named.all(is_member) || !is_member(&manifest.record) || !is_member(&manifest.engine) {
            return Err(damaged("it names a part that it does not hold"));
        }
        let record = members.get(manifest.record).map(Vec::as_slice).unwrap_or_default();
        let record: Record = rmp_serde::from_slice(record)
            .map_err(|error| damaged(&format!("its record cannot be decoded: {error}")))?;
        if record.epoch.0 != manifest.epoch {
            return Err(damaged("its record is of another epoch"));
        }
        Ok(Self { manifest, record, members })
    }
}

/// What is behind the head, if it is what the head says.
fn checked<'a>(bytes: &'a [u8], path: &str) -> Result<&'a [u8], SavepointError> {
    let damaged = |what: &str| SavepointError::Damaged { path: path.to_owned(), what: what.to_owned() };
    let field = |at: usize, length: usize| bytes.get(at..at + length).unwrap_or_default();
    if field(0, 8) != SKIPPED || field(8, 4) != MAGIC {
        return Err(damaged("it does not begin like a savepoint"));
    }
    let format = field(12, 2).try_into().map_or(0, u16::from_le_bytes);
    let behind = bytes.get(HEAD..).ok_or_else(|| damaged("it ends within its head"))?;
    if u64::from(format) > FORMAT && field(24, 32) == blake3::hash(behind).as_bytes() {
        return Err(SavepointError::Newer { path: path.to_owned(), format: format.into() });
    }
    if u64::from(format) != FORMAT || field(14, 2) != [0, 0] {
        return Err(damaged("its head is not as it was written"));
    }
    let length = field(16, 8).try_into().map_or(0, u64::from_le_bytes);
    if length != behind.len() as u64 {
        return Err(damaged(&format!("it has {} bytes behind its head instead of {length}", behind.len())));
    }
    if field(24, 32) != blake3::hash(behind).as_bytes() {
        return Err(damaged("it does not match its checksum"));
    }
    Ok(behind)
}

#[cfg(test)]
mod tests {
    use pelton_core::{checkpoint::record::Letters, model::Epoch};

    use super::*;
    use crate::job::savepoint::manifest::OperatorEntry;

    fn small() -> Savepoint {
        let record = Record {
            epoch: Epoch(7),
            generation: 1,
            now: 3,
            job: "j".into(),
            revision: 0,
            first_task: 1,
            end_task: 9,
            sources: Vec::new(),
            turns: Vec::new(),
            is_reduced: true,
            is_last: false,
            tables: Vec::new(),
            modules: Vec::new(),
            sinks: Vec::new(),
            snapshot: None,
            published_through: Epoch(6),
            letters: Letters::default(),
            replies: None,
        };
        let mut members = Members::default();
        let partitions = vec![members.add("state", b"one".to_vec()), members.add("state", Vec::new())];
        let number = members.add("record", rmp_serde::to_vec_named(&record).unwrap());
        let engine = members.add("engine", b"engine".to_vec());
        let manifest = Manifest {
            format: FORMAT,
            pelton: "0.1.0".into(),
            name: "n".into(),
            job: "j".into(),
            epoch: 7,
            revision: 0,
            made: 1,
            now: 3,
            record: number,
            engine,
            operators: vec![OperatorEntry { name: "a".into(), shape: "keyed".into(), partitions }],
            tables: Vec::new(),
            letters: Vec::new(),
            modules: Vec::new(),
            members: members.entries,
        };
        Savepoint::new(manifest, record, members.contents)
    }

    #[test]
    fn every_byte_that_is_changed_is_found_and_every_cut() {
        let savepoint = small();
        let bytes = savepoint.encode();
        assert_eq!(Savepoint::decode(&bytes, "f").unwrap(), savepoint);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert!(Savepoint::decode(&changed, "f").is_err(), "bit {bit} of byte {at}");
            }
            assert!(Savepoint::decode(&bytes[..at], "f").is_err(), "cut at {at}");
        }
        let longer = [bytes.as_slice(), b"x"].concat();
        assert!(Savepoint::decode(&longer, "f").is_err());
    }

    #[test]
    fn what_a_newer_pelton_made_is_called_newer() {
        let mut bytes = small().encode();
        bytes[12] = 2;
        let error = Savepoint::decode(&bytes, "f").unwrap_err();
        assert_eq!(error.to_string(), "the savepoint f was made by a newer Pelton: its format is 2");
    }

    #[test]
    fn other_programs_see_a_tar_that_is_compressed() {
        let bytes = small().encode();
        let tar = zstd::decode_all(bytes.as_slice()).unwrap();
        assert_eq!(tar.get(..13), Some(&b"manifest.json"[..]));
    }
}
