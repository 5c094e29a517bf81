//! Whether a module is that of its sources: a digest of everything that a build reads, beside that of what it made.

use std::{fs, path::Path};

use crate::author::{AuthorError, Project, embedded};

/// What the last build read and made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) inputs: String,
    pub(super) output: String,
}

const FILE: &str = "build.stamp";
/// Directories that hold no sources.
const NOT_SOURCES: [&str; 10] =
    [".git", ".pelton", ".pytest_cache", "__pycache__", "cases", "data", "node_modules", "out", "target", "tests"];
/// Beyond so many files a directory is no module's project.
const FILES_MAX: usize = 10_000;

impl Stamp {
    pub(super) fn read(project: &Project) -> Option<Self> {
        let text = fs::read_to_string(project.work().join(FILE)).ok()?;
        let (inputs, output) = text.trim_end().split_once('\n')?;
        Some(Self { inputs: inputs.to_owned(), output: output.to_owned() })
    }

    pub(super) fn write(&self, project: &Project) -> Result<(), AuthorError> {
        let path = project.work().join(FILE);
        let text = format!("{}\n{}\n", self.inputs, self.output);
        fs::create_dir_all(project.work()).map_err(AuthorError::io(format!("make {}", project.work().display())))?;
        fs::write(&path, text).map_err(AuthorError::io(format!("write {}", path.display())))
    }
}

pub(super) fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Of the sources by path, the SDK, and this version.
pub(super) fn inputs(project: &Project) -> Result<String, AuthorError> {
    let mut paths = Vec::new();
    collect(&project.dir, &mut paths).map_err(AuthorError::io(format!("list {}", project.dir.display())))?;
    paths.sort();
    let mut hasher = blake3::Hasher::new();
    let mut add = |part: &[u8]| {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    };
    add(env!("CARGO_PKG_VERSION").as_bytes());
    for (path, text) in embedded::files(project.language) {
        add(path.as_bytes());
        add(text.as_bytes());
    }
    for path in paths {
        let text = fs::read(&path).map_err(AuthorError::io(format!("read {}", path.display())))?;
        add(path.strip_prefix(&project.dir).unwrap_or(&path).as_os_str().as_encoded_bytes());
        add(&text);
    }
    Ok(hasher.finalize().to_hex().to_string())
}

fn collect(dir: &Path, paths: &mut Vec<std::path::PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if !NOT_SOURCES.contains(&&*name) {
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
