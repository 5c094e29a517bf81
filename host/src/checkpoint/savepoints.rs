//! Savepoints beside a job's journal: `savepoints/NAME.savepoint`, one file each, that the job itself neither reads nor collects.
//!
//! ```text
//!  draft (.NAME.savepoint.PID), synced ─► its name, which nobody has yet ─► names synced
//! ```
//!
//! What is in such a file is decided above, by `job::savepoint`. No lock is taken: savepoints may be made and removed beside a job that runs. Invariant:
//! under its name a savepoint is whole, and never replaced.

use std::io;

use super::{
    CheckpointError, Location, Place,
    directory::create_durably,
    disk::{Disk, Frames},
    names,
};

/// The savepoints at one place.
#[derive(Debug)]
pub struct Savepoints {
    place: Place,
}

/// One that is on the disk, but has no name yet.
#[derive(Debug)]
pub struct Draft {
    savepoints: Savepoints,
    name: String,
    /// Where names can be given later; else the bytes, to be put at once.
    content: Content,
}

#[derive(Debug)]
enum Content {
    File(String),
    Bytes(Vec<u8>),
}

impl Savepoints {
    /// Opens a place where there is a checkpoint, or will be: `makes` the directory if it is missing.
    pub fn open(location: &Location, makes: bool) -> Result<Self, CheckpointError> {
        if let Location::Directory(path) = location {
            match (path.exists(), makes) {
                (true, _) => {}
                (false, true) => create_durably(path)
                    .map_err(|source| CheckpointError::io("create directory", path.display(), source))?,
                (false, false) => return Err(CheckpointError::Missing { directory: location.to_string() }),
            }
        }
        Ok(Self { place: Place::open(location)? })
    }

    /// For messages.
    pub fn shown(&self, name: &str) -> String {
        self.place.shown(&names::savepoint(name))
    }

    fn error(&self, action: &'static str, path: &str) -> impl FnOnce(io::Error) -> CheckpointError + use<> {
        let path = self.place.shown(path);
        move |source| CheckpointError::io(action, path, source)
    }

    /// Their names, in order.
    pub fn list(&self) -> Result<Vec<String>, CheckpointError> {
        let files = match self.place.list(names::SAVEPOINTS) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            files => files.map_err(self.error("list", names::SAVEPOINTS))?,
        };
        let mut found: Vec<String> =
            files.iter().filter_map(|file| names::savepoint_name(file)).map(str::to_owned).collect();
        found.sort_unstable();
        Ok(found)
    }

    /// The bytes of one; none: there is none of this name.
    pub fn get(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, CheckpointError> {
        if !names::is_savepoint_name(name) {
            return Ok(None);
        }
        let path = names::savepoint(name);
        match self.place.read(&path, bytes_max) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(self.error("read", &path)),
        }
    }

    pub fn has(&self, name: &str) -> Result<bool, CheckpointError> {
        let path = names::savepoint(name);
        Ok(names::is_savepoint_name(name) && self.place.exists(&path).map_err(self.error("find", &path))?)
    }

    /// Writes one, which is there under its name only after [`Draft::keep`].
    pub fn draft(self, name: &str, bytes: Vec<u8>) -> Result<Draft, CheckpointError> {
        let name = name.to_owned();
        if self.place.frames() == Frames::Put {
            return Ok(Draft { savepoints: self, name, content: Content::Bytes(bytes) });
        }
        let made = self.place.create_directory(names::SAVEPOINTS).and_then(|()| self.place.sync_directory(""));
        made.map_err(self.error("create directory", names::SAVEPOINTS))?;
        self.sweep(&name)?;
        let path = names::savepoint_draft(&name, std::process::id());
        let file = self.place.create(&path, 0).map_err(self.error("create", &path))?;
        let written = self.place.write(&file, &bytes, 0).map_err(self.error("write", &path));
        if let Err(error) = written.and_then(|()| self.place.sync_file(&file).map_err(self.error("sync", &path))) {
            drop(self.place.remove(&path));
            return Err(error);
        }
        Ok(Draft { savepoints: self, name, content: Content::File(path) })
    }

    /// Removes drafts of this name, whose processes were killed: the one that lives is refused its own name in the end.
    fn sweep(&self, name: &str) -> Result<(), CheckpointError> {
        let draft = names::savepoint_draft(name, 0);
        let prefix = draft.strip_prefix(names::SAVEPOINTS).and_then(|draft| draft.strip_prefix('/'));
        let prefix = prefix.and_then(|draft| draft.strip_suffix('0')).unwrap_or_default();
        let files = self.place.list(names::SAVEPOINTS).map_err(self.error("list", names::SAVEPOINTS))?;
        for file in files.iter().filter(|file| {
            file.strip_prefix(prefix)
                .is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()))
        }) {
            let path = format!("{}/{file}", names::SAVEPOINTS);
            self.place.remove(&path).map_err(self.error("remove", &path))?;
        }
        Ok(())
    }

    /// False: there was none of this name.
    pub fn remove(&self, name: &str) -> Result<bool, CheckpointError> {
        if !self.has(name)? {
            return Ok(false);
        }
        let path = names::savepoint(name);
        match self.place.remove(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            removed => removed.map_err(self.error("remove", &path))?,
        }
        self.place.sync_directory(names::SAVEPOINTS).map_err(self.error("sync", names::SAVEPOINTS))?;
        Ok(true)
    }
}

impl Draft {
    /// Gives it its name. False: another one has it, and stays as it is.
    pub fn keep(self) -> Result<bool, CheckpointError> {
        let Self { savepoints, name, content } = self;
        let (place, path) = (&savepoints.place, names::savepoint(&name));
        let named = match &content {
            Content::File(draft) => {
                let named = place.link(draft, &path);
                let removed = place.remove(draft);
                named.and(removed).and_then(|()| place.sync_directory(names::SAVEPOINTS))
            }
            Content::Bytes(bytes) => {
                let put = || {
                    let file = place.create(&path, 0)?;
                    place.write(&file, bytes, 0)?;
                    place.sync_file(&file)
                };
                put()
            }
        };
        match named {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(source) => Err(savepoints.error("name", &path)(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_savepoint_is_there_under_its_name_once_it_is_kept_and_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Directory(folder.path().join("state"));
        assert!(matches!(Savepoints::open(&location, false), Err(CheckpointError::Missing { .. })));
        let open = || Savepoints::open(&location, true).unwrap();
        assert_eq!(open().list().unwrap(), Vec::<String>::new());
        // Killed before it had its name.
        drop(open().draft("a", b"lost".to_vec()).unwrap());
        assert!(open().list().unwrap().is_empty() && open().get("a", 99).unwrap().is_none());
        assert!(open().draft("a", b"one".to_vec()).unwrap().keep().unwrap());
        assert!(!open().draft("a", b"two".to_vec()).unwrap().keep().unwrap(), "the name is taken");
        assert!(open().draft("b", b"two".to_vec()).unwrap().keep().unwrap());
        assert_eq!(open().list().unwrap(), ["a", "b"]);
        assert_eq!(open().get("a", 99).unwrap().as_deref(), Some(&b"one"[..]));
        assert_eq!(open().get("../lock", 99).unwrap(), None);
        assert!(open().remove("a").unwrap() && !open().remove("a").unwrap());
        let left: Vec<_> = std::fs::read_dir(folder.path().join("state/savepoints")).unwrap().collect();
        assert_eq!(left.len(), 1, "drafts are gone");
    }
}
