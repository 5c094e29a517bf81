//! The compile cache: a directory of compiled components addressed by digest.
//!
//! An entry is
//!
//! ```text
//! "PELTONCC" | version u16 LE | BLAKE3 of the rest, keyed with this host's secret (32 bytes) | code
//! ```
//!
//! under the name `DIGEST-ENGINE.cwasm`, where ENGINE hashes wasmtime's version and configuration. The
//! secret is made at random beside the entries (`host.key`, readable by its user alone), so that only what this host
//! compiled is ever loaded. Whatever is wrong with an entry (torn, damaged, foreign, of another version) means the same:
//! compile again and replace it. A cache that cannot be written costs time, never a job. Its entries are at most
//! [`BYTES_MAX`]: who stores one removes those that were not loaded for the longest time.

use std::{
    hash::{Hash, Hasher},
    io::{self, Read, Write},
    path::Path,
    time::SystemTime,
};

use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions, OpenOptionsExt},
};
use pelton_core::model::ModuleDigest;
use wasmtime::{Engine, component::Component};

use crate::trusted::{self, Verified};

const MAGIC: &[u8; 8] = b"PELTONCC";
const VERSION: u16 = 1;
const KEY_FILE: &str = "host.key";
/// Bytes of all entries: some sixty modules in Python, or thousands in Rust.
const BYTES_MAX: u64 = 2 << 30;
const ENTRY: &str = ".cwasm";
const HEADER: usize = MAGIC.len() + 2 + blake3::OUT_LEN;

pub(crate) struct CompileCache {
    dir: Dir,
    key: [u8; 32],
    engine: u64,
}

impl CompileCache {
    /// Opens the cache in `path`, making it if need be.
    pub(crate) fn open(path: &Path, engine: &Engine) -> io::Result<Self> {
        Dir::create_ambient_dir_all(path, ambient_authority())?;
        let dir = Dir::open_ambient_dir(path, ambient_authority())?;
        let key = host_key(&dir)?;
        let mut hasher = Blake3Hasher(blake3::Hasher::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self { dir, key, engine: hasher.finish() })
    }

    fn name(&self, digest: &ModuleDigest) -> String {
        format!("{digest}-{:016x}{ENTRY}", self.engine)
    }

    /// The compiled component, if this host compiled it and the entry is whole.
    pub(crate) fn load(&self, digest: &ModuleDigest, engine: &Engine) -> Option<Component> {
        let name = self.name(digest);
        let bytes = self.read(&name).ok()?;
        let component = self.verify(&bytes).and_then(|code| trusted::load(engine, &code).ok());
        if component.is_none() {
            tracing::warn!(entry = name, "an entry of the compile cache is damaged or foreign; compiling again");
        }
        component
    }

    /// The file, which is marked as used.
    #[expect(clippy::disallowed_methods, reason = "the time of a file, which no job sees")]
    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut file = self.dir.open(name)?.into_std();
        let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len()).unwrap_or_default());
        file.read_to_end(&mut bytes)?;
        if let Err(error) = file.set_modified(SystemTime::now()) {
            tracing::debug!(%error, entry = name, "an entry of the compile cache cannot be marked as used");
        }
        Ok(bytes)
    }

    fn verify<'a>(&self, bytes: &'a [u8]) -> Option<Verified<'a>> {
        let (header, code) = bytes.split_at_checked(HEADER)?;
        let (magic, rest) = header.split_first_chunk::<8>()?;
        let (version, hash) = rest.split_first_chunk::<2>()?;
        // `blake3::Hash` compares in constant time.
        let hash = blake3::Hash::from_slice(hash).ok()?;
        let known = magic == MAGIC && u16::from_le_bytes(*version) == VERSION;
        (known && blake3::keyed_hash(&self.key, code) == hash).then_some(Verified(code))
    }

    /// Keeps `component` for the next start.
    pub(crate) fn store(&self, digest: &ModuleDigest, component: &Component) -> io::Result<()> {
        let code = component.serialize().map_err(io::Error::other)?;
        let mut entry = Vec::with_capacity(HEADER + code.len());
        entry.extend_from_slice(MAGIC);
        entry.extend_from_slice(&VERSION.to_le_bytes());
        entry.extend_from_slice(blake3::keyed_hash(&self.key, &code).as_bytes());
        entry.extend_from_slice(&code);
        write_private(&self.dir, &self.name(digest), &entry, Replace::Yes)?;
        self.prune(BYTES_MAX)
    }

    /// Removes what was not used for the longest time, until entries have at most so many bytes. The newest stays.
    fn prune(&self, most: u64) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in self.dir.entries()? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // Another process may have removed it.
            if let (true, Ok(metadata)) = (name.ends_with(ENTRY), entry.metadata()) {
                entries.push((metadata.modified()?.into_std(), metadata.len(), name));
            }
        }
        entries.sort_unstable();
        let mut bytes: u64 = entries.iter().map(|(_, len, _)| len).sum();
        entries.pop();
        for (_, len, name) in entries {
            if bytes <= most {
                break;
            }
            match self.dir.remove_file(&name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => bytes -= len,
            }
        }
        Ok(())
    }
}

/// This host's secret, made on first use. Several processes may race to make it: one wins, all read it.
fn host_key(dir: &Dir) -> io::Result<[u8; 32]> {
    for replace in [Replace::No, Replace::Yes] {
        if let Ok(bytes) = dir.read(KEY_FILE)
            && let Ok(key) = bytes.try_into()
        {
            return Ok(key);
        }
        let mut key = [0; 32];
        fill_random(&mut key)?;
        match write_private(dir, KEY_FILE, &key, replace) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    dir.read(KEY_FILE)?.try_into().map_err(|_| io::Error::other("the compile cache's key is damaged"))
}

fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Replace {
    Yes,
    No,
}

/// Writes a file whole or not at all: under a temporary name that no other process uses, then renamed.
fn write_private(dir: &Dir, name: &str, bytes: &[u8], replace: Replace) -> io::Result<()> {
    let mut unique = [0; 8];
    fill_random(&mut unique)?;
    let temporary = format!(".{name}.{:016x}.tmp", u64::from_le_bytes(unique));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let placed =
        dir.open_with(&temporary, &options).and_then(|mut file| file.write_all(bytes)).and_then(|()| match replace {
            Replace::Yes => dir.rename(&temporary, dir, name),
            Replace::No => dir.hard_link(&temporary, dir, name),
        });
    if placed.is_err() || replace == Replace::No {
        let _ = dir.remove_file(&temporary);
    }
    placed
}

/// A stable hash of what wasmtime considers a compatible engine.
struct Blake3Hasher(blake3::Hasher);

impl Hasher for Blake3Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash = self.0.finalize();
        hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine;

    fn compiled(engine: &Engine) -> Component {
        Component::new(engine, wat::parse_str("(component)").unwrap()).unwrap()
    }

    #[test]
    fn loads_what_it_stored_and_nothing_that_was_changed() {
        let temp = tempfile::tempdir().unwrap();
        let engine = engine::new_engine(engine::Metering::Time).unwrap();
        let cache = CompileCache::open(temp.path(), &engine).unwrap();
        let digest = ModuleDigest([7; 32]);
        assert!(cache.load(&digest, &engine).is_none(), "empty at first");
        cache.store(&digest, &compiled(&engine)).unwrap();
        assert!(cache.load(&digest, &engine).is_some());

        let path = temp.path().join(cache.name(&digest));
        let whole = std::fs::read(&path).unwrap();
        for at in [0, 9, 20, HEADER, whole.len() / 2, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            assert!(cache.load(&digest, &engine).is_none(), "byte {at} was changed");
        }
        for length in [0, 5, HEADER - 1, HEADER, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(cache.load(&digest, &engine).is_none(), "cut to {length}");
        }
        cache.store(&digest, &compiled(&engine)).unwrap();
        assert!(cache.load(&digest, &engine).is_some(), "replaced after damage");
    }

    #[test]
    fn what_was_not_used_for_the_longest_time_goes_first() {
        let temp = tempfile::tempdir().unwrap();
        let engine = engine::new_engine(engine::Metering::Time).unwrap();
        let cache = CompileCache::open(temp.path(), &engine).unwrap();
        let digests = [1, 2, 3].map(|of| ModuleDigest([of; 32]));
        for (age, digest) in (1..).zip(&digests) {
            cache.store(digest, &compiled(&engine)).unwrap();
            let file = std::fs::File::open(temp.path().join(cache.name(digest))).unwrap();
            let now = file.metadata().unwrap().modified().unwrap();
            file.set_modified(now - std::time::Duration::from_secs(3_600 / age)).unwrap();
        }
        let one = std::fs::metadata(temp.path().join(cache.name(&digests[0]))).unwrap().len();
        assert!(cache.load(&digests[0], &engine).is_some(), "the oldest, which is used now");
        cache.prune(3 * one).unwrap();
        assert!(digests.iter().all(|digest| temp.path().join(cache.name(digest)).is_file()), "there is room for all");
        cache.prune(2 * one).unwrap();
        assert!(cache.load(&digests[1], &engine).is_none());
        cache.prune(0).unwrap();
        let left = digests.map(|digest| cache.load(&digest, &engine).is_some());
        assert_eq!(left.iter().filter(|is_left| **is_left).count(), 1, "the newest stays");
        assert_eq!(host_key(&cache.dir).unwrap(), cache.key);
    }

    #[test]
    fn refuses_code_that_another_host_compiled() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let engine = engine::new_engine(engine::Metering::Time).unwrap();
        let digest = ModuleDigest([7; 32]);
        let foreign = CompileCache::open(theirs.path(), &engine).unwrap();
        foreign.store(&digest, &compiled(&engine)).unwrap();
        let cache = CompileCache::open(ours.path(), &engine).unwrap();
        std::fs::copy(theirs.path().join(foreign.name(&digest)), ours.path().join(cache.name(&digest))).unwrap();
        assert!(cache.load(&digest, &engine).is_none());
    }

    #[test]
    fn a_damaged_key_is_made_anew() {
        let temp = tempfile::tempdir().unwrap();
        let engine = engine::new_engine(engine::Metering::Time).unwrap();
        std::fs::write(temp.path().join(KEY_FILE), b"short").unwrap();
        let first = CompileCache::open(temp.path(), &engine).unwrap();
        let second = CompileCache::open(temp.path(), &engine).unwrap();
        assert_eq!(first.key, second.key);
        assert_ne!(first.key, [0; 32]);
    }
}
