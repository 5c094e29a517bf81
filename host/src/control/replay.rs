//! Epochs of the engine's jobs, computed again: by the revisions and the modules that they had.
//!
//! Called by the engine's routes, beside the job that may run meanwhile: nothing of it is taken or changed.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use pelton_core::model::{Epoch, ModuleDigest};
use serde_json::{Map, Value};

use super::{ControlError, Engine, catalogue::Revision, job::Job, resolve};
use crate::{
    checkpoint::{Location, Retained},
    job::{
        plan::modules::Modules,
        replay::{self, Kept, ReplayError, Request, Revised, Revisions, Verification, Which, With, bundle},
        run::RunError,
    },
    standard::is_std,
};

/// What a caller wants to see.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    pub epoch: u64,
    /// A name in the registry, `std:…`, or any name with `digest`; none: the modules that computed it.
    pub module: Option<String>,
    pub digest: Option<ModuleDigest>,
    /// In whose place; none: the job has one operator.
    pub operator: Option<String>,
    /// Its options that change.
    pub options: Map<String, Value>,
    /// Rows of each sink that are answered, at most.
    pub rows: usize,
}

/// Bytes of a bundle that are answered; a larger one is made on the engine's machine.
const BUNDLE_BYTES_MAX: u64 = 512 << 20;

impl Engine {
    /// Computes an epoch of a job again.
    pub fn replay(&self, name: &str, wanted: &Replay) -> Result<Value, ControlError> {
        let with = wanted.module.as_ref().map(|module| self.candidate(module, wanted)).transpose()?;
        let request = Request { epoch: Epoch(wanted.epoch), with, threads: self.threads() };
        self.with_job(name, |revisions, kept| {
            let outcome = replay::replay(revisions, kept, &request)?;
            Ok(replay::json::outcome(&outcome, wanted.rows))
        })
    }

    /// Computes epochs of a job again and says which come to something else. On one thread: the job has the others.
    pub fn verify(&self, name: &str, which: Which) -> Result<Value, ControlError> {
        Ok(replay::json::verification(&self.verification(name, which)?))
    }

    pub(super) fn verification(&self, name: &str, which: Which) -> Result<Verification, ControlError> {
        self.with_job(name, |revisions, kept| replay::verify(revisions, kept, which, 1))
    }

    /// Puts an epoch of a job into a bundle, and answers its bytes.
    pub fn bundle(&self, name: &str, epoch: u64) -> Result<Vec<u8>, ControlError> {
        let request = Request { epoch: Epoch(epoch), with: None, threads: self.threads() };
        let folder = tempfile::tempdir().map_err(ControlError::io("make a folder in", std::env::temp_dir()))?;
        let path = folder.path().join("bundle");
        self.with_job(name, |revisions, kept| {
            let outcome = replay::replay(revisions, kept, &request)?;
            let packed = bundle::pack(revisions, kept, &outcome, &path)?;
            if packed.file_bytes > BUNDLE_BYTES_MAX {
                let (what, most) = (format!("{} bytes", packed.file_bytes), format!("{BUNDLE_BYTES_MAX} by HTTP"));
                return Err(bundle::BundleError::TooLarge { what, most }.into());
            }
            std::fs::read(&path).map_err(|source| {
                bundle::BundleError::Io { action: "read", path: path.display().to_string(), source }.into()
            })
        })
    }

    fn candidate(&self, module: &str, wanted: &Replay) -> Result<With, ControlError> {
        let bytes = match wanted.digest {
            _ if is_std(module) => None,
            Some(digest) => Some(self.registry().read(digest)?),
            None => Some(self.registry().read(self.registry().resolve(module)?)?),
        };
        // A name that no revision has for a module of its own.
        let reference = if bytes.is_some() { format!("{module}#candidate") } else { module.to_owned() };
        let (operator, options) = (wanted.operator.clone(), wanted.options.clone());
        Ok(With { operator, module: module.to_owned(), reference, bytes, options })
    }

    fn with_job<T>(
        &self,
        name: &str,
        act: impl FnOnce(&Revisions<'_>, &Kept<'_>) -> Result<T, ReplayError>,
    ) -> Result<T, ControlError> {
        let done = self.with_retained(name, |_, revisions, retained| act(revisions, &Kept::Directory(retained)))?;
        Ok(done?)
    }

    /// Gives a job, its revisions and what its checkpoint has kept to `act`.
    pub(super) fn with_retained<T>(
        &self,
        name: &str,
        act: impl FnOnce(&Job, &Revisions<'_>, &Retained) -> T,
    ) -> Result<T, ControlError> {
        let job = self.find(name)?;
        let checkpoint = self.catalogue().checkpoint(name);
        let file = resolve::read(&job.revision(), &checkpoint)?;
        let spec = file.spec.checkpoint.as_ref();
        let spec = spec.ok_or_else(|| ReplayError::NoCheckpoint { job: name.to_owned() })?;
        let retained = Retained::open(Location::of(&file.dir, &spec.path)).map_err(ReplayError::from)?;
        let find = |number| self.revised(&job, number, &checkpoint);
        let revisions = Revisions {
            runtime: Arc::clone(self.runtime()),
            find: &find,
            variables: &|name| std::env::var(name).ok(),
            given: None,
        };
        Ok(act(&job, &revisions, &retained))
    }

    fn revised(&self, job: &Job, number: u64, checkpoint: &Path) -> Result<Revised, RunError> {
        let revisions = job.revisions();
        let known = revisions.iter().find(|revision| revision.number == number);
        let Revision { text, file, directory, overrides, pins, .. } =
            known.ok_or(RunError::UnknownRevision { revision: number })?.as_ref();
        let module = |(name, digest): (&String, &ModuleDigest)| -> Result<_, ControlError> {
            Ok((name.clone(), self.registry().read(*digest)?))
        };
        let modules: Result<BTreeMap<_, _>, _> = pins.iter().map(module).collect();
        let modules = modules.map_err(|source| RunError::Unplannable { revision: number, source: Box::new(source) })?;
        Ok(Revised {
            text: text.clone(),
            path: directory.join(file),
            overrides: resolve::with_checkpoint(text, overrides, checkpoint),
            modules: Modules::Pinned(modules),
        })
    }
}
