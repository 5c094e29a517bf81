//! The engine: takes jobs and modules, keeps what should run running.
//!
//! Called by `api`, and made by `pelton serve`. All calls block; none holds up a job. Invariant: a change that was answered is on the
//! disk, and a module that a revision names stays in the registry as long as the job is there.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pelton_core::{
    job::Overrides,
    model::{ModuleDigest, ModuleTag},
};
use pelton_wasm::{Level, Runtime};

use super::{
    ControlError,
    audit::Audit,
    catalogue::{Catalogue, Damage, Entry, Found, JobRecord, Origin, Revision, Standing},
    folder::Folder,
    job::{Job, Rest},
    logs::LogEntry,
    registry::{Listed, Registry},
    resolve,
    status::{JobStatus, State},
    tokens::Tokens,
    upload::Upload,
    verifier::Verifier,
};
use crate::{
    clock,
    job::{diagnostic::shown, file::BYTES_MAX, run::Sample},
    lock::Lock,
    log::Heard,
    telemetry::Traces,
};

/// What an engine works with.
pub struct EngineOptions {
    /// Its data directory, which is made if it is missing.
    pub data: PathBuf,
    pub runtime: Arc<Runtime>,
    /// Compute threads of jobs that do not say how many.
    pub threads: usize,
    /// None: nobody wants traces.
    pub traces: Option<Traces>,
    /// Where its jobs listen for what is said of them.
    pub heard: Heard,
}

/// A job that a client hands over.
#[derive(Debug, Clone, Default)]
pub struct Submission {
    /// The job file.
    pub text: String,
    /// Its name, for messages.
    pub file: Option<String>,
    /// What relative paths in it are relative to, on the engine's machine; none: a directory of the job's own.
    pub directory: Option<PathBuf>,
    /// As by `--set`.
    pub overrides: Overrides,
    /// What modules are that the file names, as far as the client knows.
    pub pins: BTreeMap<String, ModuleDigest>,
}

/// Many jobs, and the modules that they run.
pub struct Engine {
    registry: Registry,
    catalogue: Catalogue,
    tokens: Tokens,
    audit: Audit,
    runtime: Arc<Runtime>,
    threads: usize,
    traces: Option<Traces>,
    heard: Heard,
    data: PathBuf,
    jobs: Mutex<BTreeMap<String, Arc<Job>>>,
    /// Those that cannot be read.
    damaged: Mutex<BTreeMap<String, Damage>>,
    /// Held by what decides whether a module is needed: the last step of a submission, a removal.
    changes: Mutex<()>,
    pub(super) is_closing: AtomicBool,
    _lock: Lock,
}

/// How often it is looked whether a shadow has shown enough, or a watch is over.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a caller waits for a job to commit what it has begun. It goes on by itself then.
const PATIENCE: Duration = Duration::from_secs(30);

impl Engine {
    /// Where traces go, if anybody wants them.
    pub(super) fn traces(&self) -> Option<&Traces> {
        self.traces.as_ref()
    }

    pub(super) fn heard(&self) -> &Heard {
        &self.heard
    }

    /// Opens the data directory, for this process alone. Nothing runs yet.
    pub fn open(options: EngineOptions) -> Result<Arc<Self>, ControlError> {
        let EngineOptions { data, runtime, threads, traces, heard } = options;
        let data = Folder::create(&data)?;
        let lock = data.lock("lock")?;
        data.sweep()?;
        let registry = Registry::open(&data, Arc::clone(&runtime))?;
        let (catalogue, Found { jobs, damaged }) = Catalogue::open(&data)?;
        for (job, Damage { path, what }) in &damaged {
            tracing::error!(job, path, what, "a job cannot be read, and does not run");
        }
        let jobs = jobs.into_iter().map(|entry| (entry.record.name.clone(), Arc::new(Job::new(entry)))).collect();
        Ok(Arc::new(Self {
            registry,
            catalogue,
            tokens: Tokens::open(data.path())?,
            audit: Audit::open(data.path())?,
            runtime,
            threads,
            traces,
            heard,
            data: data.path().to_owned(),
            jobs: Mutex::new(jobs),
            damaged: Mutex::new(damaged),
            changes: Mutex::new(()),
            is_closing: AtomicBool::new(false),
            _lock: lock,
        }))
    }

    /// Resumes what should run. Answers how many jobs these are.
    pub fn start(self: &Arc<Self>) -> Result<usize, ControlError> {
        let mut count = 0;
        for job in self.all().into_iter().filter(|job| job.standing().is_active()) {
            job.start(self)?;
            count += 1;
        }
        self.look_after_jobs()?;
        Ok(count)
    }

    /// Has threads settle what changes leave open, and verify epochs, until the engine is gone or closes.
    fn look_after_jobs(self: &Arc<Self>) -> Result<(), ControlError> {
        let engine = Arc::downgrade(self);
        let look = move || {
            while let Some(engine) = engine.upgrade().filter(|engine| !engine.is_closing.load(Ordering::Acquire)) {
                engine.all().iter().for_each(|job| job.look_after(&engine));
                drop(engine);
                std::thread::sleep(LOOK_EVERY);
            }
        };
        let thread = std::thread::Builder::new().name("changes".into()).spawn(look);
        thread.map_err(ControlError::io("start a thread in", &self.data))?;
        let (verifier, engine) = (Verifier::default(), Arc::downgrade(self));
        let thread = std::thread::Builder::new().name("verifier".into()).spawn(move || verifier.run(&engine));
        thread.map(drop).map_err(ControlError::io("start a thread in", &self.data))
    }

    /// Has every job commit and end, and waits for it. What should run is resumed by the next start.
    pub fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
        let jobs = self.all();
        jobs.iter().for_each(|job| job.halt());
        for job in jobs {
            while !job.wait(PATIENCE) {
                tracing::warn!(job = job.name(), "still commits what it has begun");
            }
        }
    }

    fn jobs_map(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changes(&self) -> Result<MutexGuard<'_, ()>, ControlError> {
        let guard = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_closing.load(Ordering::Acquire) { Err(ControlError::Closing) } else { Ok(guard) }
    }

    pub(super) fn all(&self) -> Vec<Arc<Job>> {
        self.jobs_map().values().cloned().collect()
    }

    /// Jobs whose files cannot be read: they do not run until somebody brings the files back and starts the engine anew, or
    /// removes them.
    pub fn damaged(&self) -> BTreeMap<String, Damage> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refuse_damaged(&self, name: &str) -> Result<(), ControlError> {
        match self.damaged().remove(name) {
            Some(Damage { path, what }) => Err(ControlError::Damaged { path, what }),
            None => Ok(()),
        }
    }

    pub(super) fn find(&self, name: &str) -> Result<Arc<Job>, ControlError> {
        self.refuse_damaged(name)?;
        self.jobs_map().get(name).cloned().ok_or_else(|| ControlError::missing("job", name))
    }

    /// Whether a job is about to run, and has no outputs yet.
    pub fn is_beginning(&self, name: &str) -> bool {
        let control = self.find(name).ok().and_then(|job| job.control());
        control.is_some_and(|control| control.current().is_none())
    }

    /// Looks at what leaves an output of a job that runs, for so many rows.
    pub fn tap(&self, name: &str, output: &str, rows: usize) -> Result<Sample, ControlError> {
        let job = self.find(name)?;
        let Some(control) = job.control() else {
            let help = match job.status().state {
                State::Finished => "it has finished, and no more rows leave it".to_owned(),
                _ => format!("`pelton job resume {name}` lets it go on"),
            };
            return Err(ControlError::conflict(format!("job `{name}` does not run"), help));
        };
        control.sample(output, rows).ok_or_else(|| {
            let what = format!("nothing reads an output `{}` of job `{name}`", shown(output));
            ControlError::invalid(what, format!("its outputs: {}", control.outputs().join(", ")))
        })
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    pub(super) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub(super) fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    /// All jobs by their names.
    pub fn jobs(&self) -> Vec<JobStatus> {
        self.all().iter().map(|job| job.status()).collect()
    }

    pub fn job(&self, name: &str) -> Result<JobStatus, ControlError> {
        Ok(self.find(name)?.status())
    }

    /// All revisions of a job, the oldest first.
    pub fn revisions(&self, name: &str) -> Result<Vec<Arc<Revision>>, ControlError> {
        Ok(self.find(name)?.revisions())
    }

    /// Lines of a job's log, as [`LogEntry`] has them, of level `least` and above, `most` at most: those after a number, or the last ones.
    pub fn logs(
        &self,
        name: &str,
        after: Option<u64>,
        least: Level,
        most: usize,
    ) -> Result<Vec<LogEntry>, ControlError> {
        Ok(self.find(name)?.logs(after, least, most))
    }

    /// Takes a job and runs it. A job of the same name that does not run gets a new revision and goes on with its state.
    pub fn submit(self: &Arc<Self>, submission: Submission, by: &str) -> Result<JobStatus, ControlError> {
        let (name, revision) = self.draft(submission, by)?;
        self.take(&name, revision, by)
    }

    /// Takes a job whose draft was made, and runs it.
    pub(super) fn take(self: &Arc<Self>, name: &str, revision: Revision, by: &str) -> Result<JobStatus, ControlError> {
        self.refuse_damaged(name)?;
        self.refuse_running(name)?;
        let file = resolve::read(&revision, &self.catalogue.checkpoint(name))?;
        resolve::check(&file)?;
        let revision = Revision { pins: resolve::pin(&self.registry, &file, &revision.pins, by)?, ..revision };
        // A job that does not fit is refused before anybody hears of it.
        drop(resolve::plan(&self.registry, &self.runtime, &file, &revision.pins, resolve::print_nowhere())?);
        let job = {
            let _changes = self.changes()?;
            self.refuse_running(name)?;
            if let Some(gone) = revision.pins.values().find(|digest| !self.registry.has(**digest)) {
                return Err(ControlError::missing("module", gone));
            }
            let known = self.jobs_map().get(name).cloned();
            let job = match known {
                Some(job) => {
                    job.revise(&self.catalogue, revision)?;
                    job
                }
                None => self.add(name, revision)?,
            };
            job.start(self)?;
            job
        };
        Ok(job.status())
    }

    /// The name and the first form of what was submitted, its modules not yet pinned.
    pub(super) fn draft(&self, submission: Submission, by: &str) -> Result<(String, Revision), ControlError> {
        let Submission { text, file, directory, overrides, pins } = submission;
        let file = file.unwrap_or_else(|| "job.toml".into());
        if file.is_empty() || file.contains(['/', '\0']) || file.len() > 255 {
            let what = format!("`{}` is not the name of a file", shown(&file));
            return Err(ControlError::invalid(what, "`file` is the job file's name, without its directory"));
        }
        if text.len() as u64 > BYTES_MAX {
            return Err(ControlError::invalid(
                "the job file is larger than 4 MiB",
                "a job names its data, and does not hold it",
            ));
        }
        let mut revision = Revision {
            number: 1,
            created: clock::now_us(),
            by: by.to_owned(),
            file,
            text,
            directory: PathBuf::new(),
            overrides,
            pins,
            origin: Origin::Submit,
        };
        revision.directory = resolve::directory(directory.as_deref(), PathBuf::new())?;
        // The name is needed to know where the job lives, and the file says it.
        let name = resolve::read(&revision, Path::new("checkpoint"))?.spec.name;
        if directory.is_none() {
            revision.directory = self.catalogue.directory(&name);
        }
        Ok((name, revision))
    }

    fn refuse_running(&self, name: &str) -> Result<(), ControlError> {
        let known = self.jobs_map().get(name).cloned();
        match known {
            Some(job) if !job.is_at_rest() => Err(ControlError::conflict(
                format!("job `{name}` is there and runs"),
                format!("stop it first (`pelton job stop {name}`), or give this one another name"),
            )),
            _ => Ok(()),
        }
    }

    fn add(&self, name: &str, revision: Revision) -> Result<Arc<Job>, ControlError> {
        self.catalogue.add_revision(name, &revision)?;
        let record = JobRecord {
            name: name.to_owned(),
            revision: revision.number,
            standing: Standing::Running,
            reason: None,
            changed: clock::now_us(),
        };
        self.catalogue.set(&record)?;
        let job = Arc::new(Job::new(Entry { record, revisions: vec![revision] }));
        self.jobs_map().insert(name.to_owned(), Arc::clone(&job));
        Ok(job)
    }

    /// Has a job commit and rest until it is resumed, also over restarts of the engine.
    pub fn pause(&self, name: &str) -> Result<JobStatus, ControlError> {
        self.rest(name, Rest::Pause)
    }

    /// Has a job commit and end.
    pub fn stop(&self, name: &str) -> Result<JobStatus, ControlError> {
        self.rest(name, Rest::Stop)
    }

    /// Has a job take no more input, close its windows and finish.
    pub fn drain(&self, name: &str) -> Result<JobStatus, ControlError> {
        self.rest(name, Rest::Drain)
    }

    fn rest(&self, name: &str, how: Rest) -> Result<JobStatus, ControlError> {
        let job = self.find(name)?;
        {
            let _changes = self.changes()?;
            job.rest(&self.catalogue, how)?;
        }
        job.wait(PATIENCE);
        Ok(job.status())
    }

    /// Lets a job go on that rests, whyever it does.
    pub fn resume(self: &Arc<Self>, name: &str) -> Result<JobStatus, ControlError> {
        let job = self.find(name)?;
        let _changes = self.changes()?;
        if job.standing().is_active() {
            return Err(ControlError::conflict(format!("job `{name}` runs"), "there is nothing to resume"));
        }
        if !job.wait(PATIENCE) {
            return Err(ControlError::conflict(
                format!("job `{name}` is still stopping"),
                "wait until it has committed what it has begun",
            ));
        }
        job.stand(&self.catalogue, Standing::Running, None)?;
        job.start(self)?;
        Ok(job.status())
    }

    /// Forgets a job that rests, with its revisions, and its checkpoint if that is in the data directory. What its sinks have
    /// written stays.
    pub fn remove(&self, name: &str) -> Result<(), ControlError> {
        if self.damaged().contains_key(name) {
            let _changes = self.changes()?;
            self.catalogue.remove(name)?;
            self.damaged.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
            return Ok(());
        }
        let job = self.find(name)?;
        let _changes = self.changes()?;
        if !job.is_at_rest() {
            return Err(ControlError::conflict(
                format!("job `{name}` runs"),
                format!("stop it first: `pelton job stop {name}`"),
            ));
        }
        self.catalogue.remove(name)?;
        self.jobs_map().remove(name);
        Ok(())
    }

    /// Takes a module into the registry; the answer says whether it is new.
    /// Room for a module that comes.
    pub fn upload(&self) -> Result<Upload, ControlError> {
        self.registry.upload()
    }

    pub fn push_module(
        &self,
        upload: &mut Upload,
        tag: Option<&ModuleTag>,
        by: &str,
    ) -> Result<(Listed, bool), ControlError> {
        self.registry.push(upload, tag, by)
    }

    pub fn tag_module(&self, reference: &str, tag: &ModuleTag, by: &str) -> Result<Listed, ControlError> {
        self.registry.tag(reference, tag, by)
    }

    /// Takes a module, or one of its tags, out of the registry, unless a job needs it.
    pub fn remove_module(&self, reference: &str) -> Result<Listed, ControlError> {
        let _changes = self.changes()?;
        if let Some(job) = self.damaged().keys().next() {
            return Err(ControlError::conflict(
                format!("job `{job}` cannot be read, and may need the module {reference}"),
                format!("bring its files back and start the engine anew, or remove it: `pelton job remove {job}`"),
            ));
        }
        let digest = self.registry.resolve(reference)?;
        let needs =
            |job: &Arc<Job>| job.revisions().iter().any(|revision| revision.pins.values().any(|pin| *pin == digest));
        if let Some(job) = self.all().iter().find(|job| needs(job)) {
            return Err(ControlError::conflict(
                format!("job `{}` needs the module {reference}", job.name()),
                format!("remove the job first: `pelton job remove {}`", job.name()),
            ));
        }
        self.registry.remove(reference)
    }
}
