//! The catalogue: what each job is, and what it should be doing.
//!
//! ```text
//! jobs/NAME/revisions/0000000001.json    what the job was at first; never changed
//! jobs/NAME/job.json                     its revision of today, and where it stands; a job is there when this is
//! jobs/NAME/checkpoint/                  where its job file names no other
//! ```
//!
//! Called by the engine. Invariant: a job's record names a revision that is on the disk, and a revision names modules that are in the
//! registry, so that a job can be started again from nothing but this directory and its own input.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use pelton_core::model::ModuleDigest;
use serde::{Deserialize, Serialize};

use super::{ControlError, folder::Folder};

/// A job as it was submitted or changed once. Numbers count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    pub number: u64,
    /// In µs since 1970 UTC.
    pub created: i64,
    pub by: String,
    /// The job file's name, for messages.
    pub file: String,
    /// The job file.
    pub text: String,
    /// What relative paths in it are relative to.
    pub directory: PathBuf,
    /// As by `--set`.
    pub overrides: BTreeMap<String, String>,
    /// What each module is that the job file names, but for those that come with Pelton.
    pub pins: BTreeMap<String, ModuleDigest>,
    /// What it was made by.
    #[serde(default)]
    pub origin: Origin,
}

/// What made a revision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Origin {
    #[default]
    Submit,
    /// A candidate runs as the operator's shadow, to be compared for so many epochs.
    Shadow { operator: String, epochs: u64, is_automatic: bool },
    /// A candidate does a share (such as 1/8) of the operator's work.
    Canary { operator: String, share: String },
    /// Another module in the operator's place. Until then (µs since 1970 UTC) the one before is its shadow, and comes back
    /// if it fails.
    Swap { operator: String, watched_until: Option<i64> },
    /// Another job file.
    Apply,
    /// The operator's shadow goes; or the modules before, which have finished their windows.
    Settle {
        operator: String,
        #[serde(default)]
        is_drained: bool,
    },
    /// The last change was taken back; `reason` if the engine did it.
    Rollback { operator: String, reason: Option<String> },
}

impl Origin {
    /// The operator that changed.
    pub fn operator(&self) -> Option<&str> {
        match self {
            Self::Submit | Self::Apply => None,
            Self::Shadow { operator, .. }
            | Self::Canary { operator, .. }
            | Self::Swap { operator, .. }
            | Self::Settle { operator, .. }
            | Self::Rollback { operator, .. } => Some(operator),
        }
    }
}

/// What a job should be doing, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    pub name: String,
    /// The number of its revision of today.
    pub revision: u64,
    pub standing: Standing,
    /// Why it does not run, if nobody asked for that.
    pub reason: Option<Reason>,
    /// In µs since 1970 UTC.
    pub changed: i64,
}

/// Where a job stands, for good: an engine that starts resumes those that run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    Running,
    /// It takes no more input, and is finished when its windows are closed.
    Draining,
    /// It waits for `resume`: somebody asked for it, or its restart strategy gave up.
    Paused,
    Stopped,
    /// Its input has ended, or it was drained.
    Finished,
    /// It cannot go on as it is.
    Failed,
}

impl Standing {
    /// An engine that starts lets it go on.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Draining)
    }
}

/// An error of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// `PELTON-NNNN`
    pub code: String,
    pub message: String,
}

/// A job as the catalogue has it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: JobRecord,
    /// All of them, in order.
    pub(super) revisions: Vec<Revision>,
}

/// What a catalogue holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) jobs: Vec<Entry>,
    /// By the names of the jobs.
    pub(super) damaged: BTreeMap<String, Damage>,
}

/// Why a job cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The file.
    pub path: String,
    pub what: String,
}

const RECORD: &str = "job.json";
const REVISIONS: &str = "revisions";
const CHECKPOINT: &str = "checkpoint";

#[derive(Debug)]
pub(super) struct Catalogue {
    jobs: Folder,
}

impl Catalogue {
    /// Answers also what is in it; a job whose files are damaged is left as it is, and ends no other.
    pub(super) fn open(data: &Folder) -> Result<(Self, Found), ControlError> {
        let catalogue = Self { jobs: data.folder("jobs")? };
        catalogue.jobs.sweep()?;
        let mut found = Found::default();
        for name in catalogue.jobs.names()? {
            match catalogue.entry(&name) {
                Ok(Some(entry)) => found.jobs.push(entry),
                // It was being submitted, and nobody was told that it is there.
                Ok(None) => catalogue.jobs.remove_folder(&name)?,
                Err(ControlError::Damaged { path, what }) => {
                    found.damaged.insert(name, Damage { path, what });
                }
                Err(error) => return Err(error),
            }
        }
        Ok((catalogue, found))
    }

    fn entry(&self, name: &str) -> Result<Option<Entry>, ControlError> {
        let folder = self.jobs.folder(name)?;
        folder.sweep()?;
        let Some(record) = folder.read_record::<JobRecord>(RECORD)? else { return Ok(None) };
        let revisions = folder.folder(REVISIONS)?;
        revisions.sweep()?;
        let mut read = Vec::new();
        for name in revisions.names()? {
            read.extend(revisions.read_record::<Revision>(&name)?);
        }
        read.sort_by_key(|revision| revision.number);
        if !read.iter().any(|revision| revision.number == record.revision) {
            return Err(ControlError::Damaged {
                path: revisions.path().join(file(record.revision)).display().to_string(),
                what: "it is missing".into(),
            });
        }
        Ok(Some(Entry { record, revisions: read }))
    }

    /// Writes a revision down. It counts when a record names it.
    pub(super) fn add_revision(&self, job: &str, revision: &Revision) -> Result<(), ControlError> {
        self.jobs.folder(job)?.folder(REVISIONS)?.write_record(&file(revision.number), revision)
    }

    pub(super) fn set(&self, record: &JobRecord) -> Result<(), ControlError> {
        self.jobs.folder(&record.name)?.write_record(RECORD, record)
    }

    /// With its revisions, and its checkpoint if that is here.
    pub(super) fn remove(&self, job: &str) -> Result<(), ControlError> {
        self.jobs.remove_folder(job)
    }

    /// Where a job's checkpoint is whose file names none.
    pub(super) fn checkpoint(&self, job: &str) -> PathBuf {
        self.directory(job).join(CHECKPOINT)
    }

    /// What paths are relative to that come from nowhere.
    pub(super) fn directory(&self, job: &str) -> PathBuf {
        Path::new(self.jobs.path()).join(job)
    }
}

fn file(number: u64) -> String {
    format!("{number:010}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(number: u64) -> Revision {
        Revision {
            number,
            created: 5,
            by: "local".into(),
            file: "job.toml".into(),
            text: "name = \"a\"".into(),
            directory: "/somewhere".into(),
            overrides: BTreeMap::new(),
            pins: BTreeMap::from([("m.wasm".to_owned(), ModuleDigest([7; 32]))]),
            origin: Origin::Rollback { operator: "o".into(), reason: None },
        }
    }

    fn record(revision: u64, standing: Standing) -> JobRecord {
        JobRecord { name: "a".into(), revision, standing, reason: None, changed: 6 }
    }

    #[test]
    fn a_job_is_there_when_its_record_is() {
        let root = tempfile::tempdir().unwrap();
        let data = Folder::create(root.path()).unwrap();
        let open = || Catalogue::open(&data).map(|(catalogue, found)| (catalogue, found.jobs)).unwrap();
        let (catalogue, entries) = open();
        assert!(entries.is_empty());
        catalogue.add_revision("a", &revision(1)).unwrap();
        let (catalogue, entries) = open();
        assert!(entries.is_empty(), "nobody was told of it");
        assert!(!root.path().join("jobs/a").exists());

        catalogue.add_revision("a", &revision(1)).unwrap();
        catalogue.set(&record(1, Standing::Running)).unwrap();
        catalogue.add_revision("a", &revision(2)).unwrap();
        let (catalogue, mut entries) = open();
        let entry = entries.pop().unwrap();
        assert_eq!((entry.record, entry.revisions), (record(1, Standing::Running), vec![revision(1), revision(2)]));

        catalogue.set(&record(2, Standing::Paused)).unwrap();
        let (catalogue, entries) = open();
        assert_eq!(entries[0].record, record(2, Standing::Paused));
        catalogue.remove("a").unwrap();
        assert!(open().1.is_empty());
    }

    #[test]
    fn a_record_without_its_revision_is_damage() {
        let root = tempfile::tempdir().unwrap();
        let data = Folder::create(root.path()).unwrap();
        let (catalogue, _) = Catalogue::open(&data).unwrap();
        catalogue.add_revision("a", &revision(1)).unwrap();
        catalogue.set(&record(2, Standing::Running)).unwrap();
        catalogue.add_revision("b", &revision(1)).unwrap();
        catalogue.set(&JobRecord { name: "b".into(), ..record(1, Standing::Running) }).unwrap();
        let (_, found) = Catalogue::open(&data).unwrap();
        assert_eq!(found.jobs.iter().map(|job| job.record.name.as_str()).collect::<Vec<_>>(), ["b"]);
        let damage = &found.damaged["a"];
        assert!(damage.path.ends_with("0000000002.json") && damage.what == "it is missing", "{damage:?}");
    }
}
