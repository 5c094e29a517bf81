//! The savepoints of a job, beside its checkpoint, and files of others.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use serde_json::{Value, json};

use super::{Savepoint, SavepointError, file::FILE_BYTES_MAX, json};
use crate::{
    checkpoint::{CheckpointError, Location, Savepoints, is_savepoint_name},
    failpoint,
    job::diagnostic::shown,
};

/// What a job has in stock.
pub struct Stock<'a> {
    pub location: &'a Location,
}

impl Stock<'_> {
    fn open(&self) -> Result<Savepoints, SavepointError> {
        Ok(Savepoints::open(self.location, false)?)
    }

    /// Their names, in order.
    pub fn names(&self) -> Result<Vec<String>, SavepointError> {
        match self.open() {
            // Nobody has run the job.
            Err(SavepointError::Checkpoint(CheckpointError::Missing { .. })) => Ok(Vec::new()),
            savepoints => Ok(savepoints?.list()?),
        }
    }

    fn unknown(&self, name: &str) -> SavepointError {
        SavepointError::Unknown { name: shown(name), known: self.names().unwrap_or_default() }
    }

    /// The bytes of one, as they are.
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>, SavepointError> {
        let found = match self.open() {
            Err(SavepointError::Checkpoint(CheckpointError::Missing { .. })) => None,
            savepoints => savepoints?.get(name, FILE_BYTES_MAX)?,
        };
        found.ok_or_else(|| self.unknown(name))
    }

    /// Reads one, and checks every byte of it.
    pub fn get(&self, name: &str) -> Result<Savepoint, SavepointError> {
        let bytes = self.bytes(name)?;
        Savepoint::decode(&bytes, &self.shown(name))
    }

    /// All of them as JSON, each with what is wrong with it.
    pub fn listed(&self) -> Result<Value, SavepointError> {
        let mut savepoints = Vec::new();
        for name in self.names()? {
            let bytes = self.bytes(&name)?;
            savepoints.push(match Savepoint::decode(&bytes, &self.shown(&name)) {
                Ok(savepoint) => json::line(&name, &savepoint, bytes.len() as u64),
                Err(error) => json!({ "name": name, "file_bytes": bytes.len(), "error": error.to_string() }),
            });
        }
        Ok(json!({ "savepoints": savepoints }))
    }

    /// All that is in one, as JSON.
    pub fn shown_whole(&self, name: &str) -> Result<Value, SavepointError> {
        let bytes = self.bytes(name)?;
        Ok(json::whole(name, &Savepoint::decode(&bytes, &self.shown(name))?, bytes.len() as u64))
    }

    fn shown(&self, name: &str) -> String {
        self.open().map_or_else(|_| name.to_owned(), |savepoints| savepoints.shown(name))
    }

    /// Whether one could be made under this name.
    pub fn check_free(&self, name: &str) -> Result<(), SavepointError> {
        if !is_savepoint_name(name) {
            return Err(SavepointError::Name { name: shown(name) });
        }
        if self.names()?.iter().any(|known| known == name) {
            return Err(SavepointError::Exists { name: name.to_owned() });
        }
        Ok(())
    }

    /// Puts the bytes of one there, under a name that nobody has.
    pub fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), SavepointError> {
        self.check_free(name)?;
        let draft = Savepoints::open(self.location, true)?.draft(name, bytes)?;
        failpoint::reach("drafted");
        if draft.keep()? { Ok(()) } else { Err(SavepointError::Exists { name: name.to_owned() }) }
    }

    pub fn remove(&self, name: &str) -> Result<(), SavepointError> {
        let removed = match self.open() {
            Err(SavepointError::Checkpoint(CheckpointError::Missing { .. })) => false,
            savepoints => savepoints?.remove(name)?,
        };
        if removed { Ok(()) } else { Err(self.unknown(name)) }
    }
}

/// The bytes of a savepoint that is a file somewhere.
pub fn read_file(path: &Path) -> Result<Vec<u8>, SavepointError> {
    fs::read(path).map_err(|source| SavepointError::Io { action: "read", path: path.display().to_string(), source })
}

/// Writes a file that is whole under its name; one that is there stays.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), SavepointError> {
    let failed = |action| {
        let path = path.display().to_string();
        move |source| SavepointError::Io { action, path, source }
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = tempfile::NamedTempFile::new_in(folder).map_err(failed("create"))?;
    draft.write_all(bytes).and_then(|()| draft.as_file().sync_all()).map_err(failed("write"))?;
    draft.persist_noclobber(path).map_err(|error| failed("create")(error.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("sync"))
}
