//! Whether a module is that of its sources: digests of everything that a build reads, beside that of what it made.
//!
//! Sources are those of before the build, so that one that changes meanwhile is built again. What a build itself writes beside them, Cargo's
//! `Cargo.lock`, is that of after it: the first build makes it.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use crate::author::{AuthorError, Project, embedded};

/// What the last build read and made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) sources: String,
    pub(super) locks: String,
    pub(super) output: String,
}

/// Files that a build may write beside the sources; it reads them as well.
const LOCKS: [&str; 1] = ["Cargo.lock"];
const FILE: &str = "build.stamp";
/// Directories that hold no sources.
const NOT_SOURCES: [&str; 11] = [
    ".git",
    ".pelton",
    ".pytest_cache",
    ".zig-cache",
    "__pycache__",
    "cases",
    "data",
    "node_modules",
    "out",
    "target",
    "tests",
];
/// Beyond so many files a directory is no module's project.
const FILES_MAX: usize = 10_000;

impl Stamp {
    pub(super) fn read(project: &Project) -> Option<Self> {
        let text = fs::read_to_string(project.work().join(FILE)).ok()?;
        let mut lines = text.lines().map(str::to_owned);
        Some(Self { sources: lines.next()?, locks: lines.next()?, output: lines.next()? })
    }

    pub(super) fn write(&self, project: &Project) -> Result<(), AuthorError> {
        let path = project.work().join(FILE);
        let text = format!("{}\n{}\n{}\n", self.sources, self.locks, self.output);
        fs::create_dir_all(project.work()).map_err(AuthorError::io(format!("make {}", project.work().display())))?;
        fs::write(&path, text).map_err(AuthorError::io(format!("write {}", path.display())))
    }
}

pub(super) fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Of the sources by path, the SDK, and this version.
pub(super) fn sources(project: &Project) -> Result<String, AuthorError> {
    let mut hasher = blake3::Hasher::new();
    add(&mut hasher, env!("CARGO_PKG_VERSION").as_bytes());
    for (path, text) in embedded::files(project.language) {
        add(&mut hasher, path.as_bytes());
        add(&mut hasher, text.as_bytes());
    }
    add_files(&mut hasher, project, |name| !is_lock(name))?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Of what builds write beside the sources.
pub(super) fn locks(project: &Project) -> Result<String, AuthorError> {
    let mut hasher = blake3::Hasher::new();
    add_files(&mut hasher, project, is_lock)?;
    Ok(hasher.finalize().to_hex().to_string())
}

fn is_lock(name: &OsStr) -> bool {
    LOCKS.iter().any(|lock| name == *lock)
}

fn add(hasher: &mut blake3::Hasher, part: &[u8]) {
    hasher.update(&(part.len() as u64).to_le_bytes());
    hasher.update(part);
}

/// The project's files whose names are `wanted`, in the order of their paths.
fn add_files(
    hasher: &mut blake3::Hasher,
    project: &Project,
    wanted: impl Fn(&OsStr) -> bool,
) -> Result<(), AuthorError> {
    let mut paths = Vec::new();
    collect(&project.dir, &mut paths).map_err(AuthorError::io(format!("list {}", project.dir.display())))?;
    paths.retain(|path| path.file_name().is_some_and(&wanted));
    paths.sort();
    for path in paths {
        let text = fs::read(&path).map_err(AuthorError::io(format!("read {}", path.display())))?;
        add(hasher, path.strip_prefix(&project.dir).unwrap_or(&path).as_os_str().as_encoded_bytes());
        add(hasher, &text);
    }
    Ok(())
}

fn collect(dir: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            // `src/test` is where Maven has tests.
            if !NOT_SOURCES.contains(&&*name) && !path.ends_with("src/test") {
                collect(&path, paths)?;
            }
        } else if !name.ends_with(".wasm")
            && !name.ends_with(".wasm.new")
            && !name.ends_with(".md")
            && name != "job.toml"
        {
            paths.push(path);
        }
        if paths.len() > FILES_MAX {
            return Err(std::io::Error::other(format!("it holds more than {FILES_MAX} files")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::author::{Kind, Language, template};

    fn project() -> (tempfile::TempDir, Project) {
        let dir = tempfile::tempdir().expect("a directory");
        template::create(&dir.path().join("p"), "to-euro", Language::Rust, Kind::Transform).expect("made");
        let project = Project::open(&dir.path().join("p")).expect("a project");
        (dir, project)
    }

    #[test]
    fn what_a_build_writes_is_no_change_of_the_sources() {
        let (_dir, project) = project();
        let before = (sources(&project).expect("read"), locks(&project).expect("read"));
        fs::write(project.dir.join("Cargo.lock"), "version = 4\n").expect("written");
        assert_eq!(sources(&project).expect("read"), before.0);
        assert_ne!(locks(&project).expect("read"), before.1, "an author's `cargo update` is built");
        fs::write(project.dir.join("src/lib.rs"), "").expect("written");
        assert_ne!(sources(&project).expect("read"), before.0);
    }

    #[test]
    fn a_stamp_is_read_as_it_was_written() {
        let (_dir, project) = project();
        let stamp = Stamp { sources: "a".to_owned(), locks: "b".to_owned(), output: "c".to_owned() };
        stamp.write(&project).expect("written");
        assert_eq!(Stamp::read(&project), Some(stamp));
        fs::write(project.work().join(FILE), "a\nb\n").expect("written");
        assert_eq!(Stamp::read(&project), None, "an older one, of two lines");
    }
}
