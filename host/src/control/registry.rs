//! The registry: modules by the digest of their bytes, never changed, and tags `name@version` that lead to them.
//!
//! ```text
//! modules/DIGEST.wasm    the bytes, as they were pushed
//! modules/DIGEST.json    what it is, who pushed it and when; it counts from when this is there
//! tags/name@version      its digest
//! ```
//!
//! Called by the engine. Invariants: what is in the registry has been loaded and started once; a tag never comes to mean something
//! else; bytes are compared with their digest whenever they are read.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use pelton_core::{
    limits::Limits,
    model::{ModuleDigest, ModuleTag},
};
use pelton_wasm::{
    AggregateInstance, CallError, CogroupInstance, EnrichInstance, KeyedInstance, Kind, Module, Runtime,
    TransformInstance,
};
use serde::{Deserialize, Serialize};

use super::{ControlError, folder::Folder, upload::Upload};
use crate::clock;

/// Bytes of a module, at most.
pub const MODULE_BYTES_MAX: u64 = 256 << 20;
/// Memory of the instance that is started for a trial; what a job lets a module have is the job's limit.
const TRIAL_MEMORY_BYTES: u64 = 1 << 30;
/// The contract that modules are built for.
const CONTRACT: &str = "pelton:operator@0.1.0";

/// What is known of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleInfo {
    pub digest: ModuleDigest,
    pub bytes: u64,
    /// `transform`, `keyed`, `aggregate` or `cogroup`.
    pub kind: String,
    pub packaging: String,
    pub contract: String,
    pub imports: Vec<String>,
    pub exports: Vec<String>,
    pub pushed_by: String,
    /// In µs since 1970 UTC.
    pub pushed_at: i64,
}

/// A name for a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagInfo {
    pub tag: ModuleTag,
    pub digest: ModuleDigest,
    pub by: String,
    /// In µs since 1970 UTC.
    pub at: i64,
}

/// A module and its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    #[serde(flatten)]
    pub module: ModuleInfo,
    pub tags: Vec<ModuleTag>,
}

#[derive(Debug)]
pub struct Registry {
    modules: Folder,
    tags: Folder,
    runtime: Arc<Runtime>,
    /// What is on the disk. Held while it changes.
    known: Mutex<Known>,
    /// One module is in memory and compiled at a time, however many are pushed.
    compiling: Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    modules: BTreeMap<ModuleDigest, ModuleInfo>,
    tags: BTreeMap<ModuleTag, TagInfo>,
}

impl Known {
    fn tags_of(&self, digest: ModuleDigest) -> Vec<ModuleTag> {
        self.tags.values().filter(|tag| tag.digest == digest).map(|tag| tag.tag.clone()).collect()
    }

    fn listed(&self, digest: ModuleDigest) -> Option<Listed> {
        let module = self.modules.get(&digest)?.clone();
        Some(Listed { module, tags: self.tags_of(digest) })
    }

    /// A tag, a digest, or the beginning of one that no other has.
    fn resolve(&self, reference: &str) -> Result<ModuleDigest, ControlError> {
        const PREFIX_MIN: usize = 8;
        let missing = || ControlError::missing("module", reference);
        if let Ok(tag) = reference.parse::<ModuleTag>() {
            return self.tags.get(&tag).map(|tag| tag.digest).ok_or_else(missing);
        }
        if reference.len() < PREFIX_MIN {
            return Err(missing());
        }
        let mut found = self.modules.keys().filter(|digest| digest.to_string().starts_with(reference));
        match (found.next(), found.next()) {
            (Some(only), None) => Ok(*only),
            (Some(_), Some(_)) => Err(ControlError::invalid(
                format!("several modules have a digest that begins with {reference}"),
                "give more of its digits",
            )),
            (None, _) => Err(missing()),
        }
    }
}

impl Registry {
    pub(super) fn open(data: &Folder, runtime: Arc<Runtime>) -> Result<Self, ControlError> {
        let (modules, tags) = (data.folder("modules")?, data.folder("tags")?);
        modules.sweep()?;
        tags.sweep()?;
        let mut known = Known::default();
        for name in modules.names()?.iter().filter(|name| name.ends_with(".json")) {
            if let Some(module) = modules.read_record::<ModuleInfo>(name)? {
                known.modules.insert(module.digest, module);
            }
        }
        for name in tags.names()? {
            if let Some(tag) = tags.read_record::<TagInfo>(&name)? {
                known.tags.insert(tag.tag.clone(), tag);
            }
        }
        Ok(Self { modules, tags, runtime, known: Mutex::new(known), compiling: Mutex::new(()) })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for a module that comes.
    pub(super) fn upload(&self) -> Result<Upload, ControlError> {
        Upload::begin(&self.modules)
    }

    /// Takes a module, and names it; the answer says whether it is new. `.wat` text is taken too.
    pub(super) fn push(
        &self,
        upload: &mut Upload,
        tag: Option<&ModuleTag>,
        by: &str,
    ) -> Result<(Listed, bool), ControlError> {
        let digest = upload.digest();
        // Before anything is compiled: a tag that is taken costs nothing.
        if let Some(tag) = tag {
            free_for(&self.known(), tag, digest)?;
        }
        let is_known = self.known().modules.contains_key(&digest);
        if !is_known {
            // However many are sent, one is in memory.
            let _one = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
            let bytes = upload.read()?;
            let module = self.check(&bytes, tag)?;
            let info = ModuleInfo {
                digest,
                bytes: bytes.len() as u64,
                kind: module.kind().name().to_owned(),
                packaging: module.packaging.to_string(),
                contract: CONTRACT.to_owned(),
                imports: module.imports.clone(),
                exports: module.exports.clone(),
                pushed_by: by.to_owned(),
                pushed_at: clock::now_us(),
            };
            let mut known = self.known();
            self.modules.write(&content(digest), &bytes)?;
            self.modules.write_record(&description(digest), &info)?;
            known.modules.insert(digest, info);
        }
        if let Some(tag) = tag {
            self.name(&mut self.known(), digest, tag, by)?;
        }
        let listed = self.known().listed(digest).ok_or_else(|| ControlError::missing("module", digest))?;
        Ok((listed, !is_known))
    }

    /// Loads it and starts it once: what comes in can be run.
    fn check(&self, bytes: &[u8], tag: Option<&ModuleTag>) -> Result<Module, ControlError> {
        let name = tag.map(|tag| format!(" {tag}")).unwrap_or_default();
        let limits = Limits { module_bytes: MODULE_BYTES_MAX, memory_bytes: TRIAL_MEMORY_BYTES, ..Limits::default() };
        let module = Module::load(&self.runtime, bytes, &limits)
            .map_err(|source| ControlError::Module { name: name.clone(), source })?;
        start(&module, &limits).map_err(|source| ControlError::Start { name, source: Box::new(source) })?;
        Ok(module)
    }

    fn name(&self, known: &mut Known, digest: ModuleDigest, tag: &ModuleTag, by: &str) -> Result<(), ControlError> {
        if free_for(known, tag, digest)? {
            let info = TagInfo { tag: tag.clone(), digest, by: by.to_owned(), at: clock::now_us() };
            self.tags.write_record(&tag.to_string(), &info)?;
            known.tags.insert(tag.clone(), info);
        }
        Ok(())
    }

    /// All of them, those that were pushed last first.
    pub fn list(&self) -> Vec<Listed> {
        let known = self.known();
        let mut all: Vec<Listed> = known.modules.keys().filter_map(|digest| known.listed(*digest)).collect();
        all.sort_by_key(|listed| std::cmp::Reverse(listed.module.pushed_at));
        all
    }

    /// What a tag, a digest or the beginning of one means.
    pub fn resolve(&self, reference: &str) -> Result<ModuleDigest, ControlError> {
        self.known().resolve(reference)
    }

    pub fn show(&self, reference: &str) -> Result<Listed, ControlError> {
        let known = self.known();
        let digest = known.resolve(reference)?;
        known.listed(digest).ok_or_else(|| ControlError::missing("module", reference))
    }

    pub fn has(&self, digest: ModuleDigest) -> bool {
        self.known().modules.contains_key(&digest)
    }

    /// The bytes, which are what was pushed.
    pub fn read(&self, digest: ModuleDigest) -> Result<Vec<u8>, ControlError> {
        if !self.has(digest) {
            return Err(ControlError::missing("module", digest));
        }
        let name = content(digest);
        let damaged = |what: &str| ControlError::Damaged {
            path: self.modules.path().join(&name).display().to_string(),
            what: what.to_owned(),
        };
        let bytes = self.modules.read(&name, MODULE_BYTES_MAX)?.ok_or_else(|| damaged("it is missing"))?;
        if *blake3::hash(&bytes).as_bytes() != digest.0 {
            return Err(damaged("its content does not match its digest"));
        }
        Ok(bytes)
    }

    /// Gives a module one more name. A tag that it has already stays as it is.
    pub(super) fn tag(&self, reference: &str, tag: &ModuleTag, by: &str) -> Result<Listed, ControlError> {
        let mut known = self.known();
        let digest = known.resolve(reference)?;
        self.name(&mut known, digest, tag, by)?;
        known.listed(digest).ok_or_else(|| ControlError::missing("module", reference))
    }

    /// Takes a tag away, and its module when that was the last one; a digest takes its tags with it. The caller has made sure
    /// that nobody needs it.
    pub(super) fn remove(&self, reference: &str) -> Result<Listed, ControlError> {
        let mut known = self.known();
        let digest = known.resolve(reference)?;
        let listed = known.listed(digest).ok_or_else(|| ControlError::missing("module", reference))?;
        let only = reference.parse::<ModuleTag>().ok();
        let removed: Vec<ModuleTag> =
            listed.tags.iter().filter(|tag| only.as_ref().is_none_or(|only| only == *tag)).cloned().collect();
        for tag in &removed {
            self.tags.remove(&tag.to_string())?;
            known.tags.remove(tag);
        }
        if removed.len() == listed.tags.len() {
            self.modules.remove(&description(digest))?;
            known.modules.remove(&digest);
            self.modules.remove(&content(digest))?;
        }
        Ok(listed)
    }
}

/// Whether the tag has to be made: it may be there already, for the same module.
fn free_for(known: &Known, tag: &ModuleTag, digest: ModuleDigest) -> Result<bool, ControlError> {
    match known.tags.get(tag) {
        None => Ok(true),
        Some(taken) if taken.digest == digest => Ok(false),
        Some(taken) => Err(ControlError::conflict(
            format!("{tag} is another module, of digest {}", taken.digest),
            "a tag never changes its meaning: give the module a new version",
        )),
    }
}

fn content(digest: ModuleDigest) -> String {
    format!("{digest}.wasm")
}

fn description(digest: ModuleDigest) -> String {
    format!("{digest}.json")
}

fn start(module: &Module, limits: &Limits) -> Result<(), CallError> {
    match module.kind() {
        Kind::Transform => TransformInstance::new(module, limits).map(drop),
        Kind::Keyed => KeyedInstance::new(module, limits).map(drop),
        Kind::Aggregate => AggregateInstance::new(module, limits).map(drop),
        Kind::Cogroup => CogroupInstance::new(module, limits).map(drop),
        Kind::Enrich => EnrichInstance::new(module, limits).map(drop),
    }
}
