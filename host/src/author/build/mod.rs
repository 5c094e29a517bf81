//! From a project to its module: the SDK unpacked, the language's compiler run, the result packed as a component.
//!
//! A build whose sources, SDK and result are those of the last one is not run again: [`stamp`] knows.

mod assemblyscript;
mod c;
mod go;
mod java;
mod javascript;
mod python;
mod rust;
mod source_map;
mod stamp;
mod zig;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{AuthorError, Language, Project, embedded, project::WORK, tools::Tools};
use stamp::Stamp;

/// A module that was built.
#[derive(Debug)]
pub struct Built {
    pub path: PathBuf,
    pub bytes: usize,
    /// BLAKE3, as jobs and `pelton inspect` show it.
    pub digest: String,
    /// Nothing had changed.
    pub is_unchanged: bool,
    pub took: Duration,
}

/// Builds `project`, if it has changed.
pub fn build(project: &Project, tools: &Tools<'_>) -> Result<Built, AuthorError> {
    let started = Instant::now();
    let path = project.module();
    let sources = stamp::sources(project)?;
    let built = |bytes: &[u8], digest: String, is_unchanged| Built {
        path: path.clone(),
        bytes: bytes.len(),
        digest,
        is_unchanged,
        took: started.elapsed(),
    };
    if let Ok(bytes) = fs::read(&path) {
        let digest = stamp::digest(&bytes);
        let now = Stamp { sources: sources.clone(), locks: stamp::locks(project)?, output: digest.clone() };
        if Stamp::read(project) == Some(now) {
            return Ok(built(&bytes, digest, true));
        }
    }
    prepare(&project.dir, project.language)?;
    let compiled = match project.language {
        Language::Rust => rust::compile(project, tools),
        Language::Python => python::compile(project, tools),
        Language::TypeScript | Language::JavaScript => javascript::compile(project, tools),
        Language::C | Language::Cpp => c::compile(project, tools),
        Language::Go => go::compile(project, tools),
        Language::Zig => zig::compile(project, tools),
        Language::AssemblyScript => assemblyscript::compile(project, tools),
        Language::Java => java::compile(project, tools),
    }?;
    let failed = |path: &Path| AuthorError::io(format!("read {}", path.display()));
    let component = pelton_wasm::pack(&fs::read(&compiled).map_err(failed(&compiled))?)?;
    let digest = stamp::digest(&component);
    write(&path, &component)?;
    Stamp { sources, locks: stamp::locks(project)?, output: digest.clone() }.write(project)?;
    Ok(built(&component, digest, false))
}

/// Puts what a build and the author's own tests read into `dir`.
pub fn prepare(dir: &Path, language: Language) -> Result<(), AuthorError> {
    embedded::unpack(language, &sdk(dir))
}

fn sdk(dir: &Path) -> PathBuf {
    dir.join(WORK).join("sdk")
}

/// Writes a whole file or none.
fn write(path: &Path, bytes: &[u8]) -> Result<(), AuthorError> {
    let failed = || AuthorError::io(format!("write {}", path.display()));
    let beside = path.with_extension("wasm.new");
    fs::write(&beside, bytes).map_err(failed())?;
    fs::rename(&beside, path).map_err(failed())
}

/// A directory below the project's own for what a build makes on its way.
fn work(project: &Project) -> Result<PathBuf, AuthorError> {
    let dir = project.work().join("build");
    fs::create_dir_all(&dir).map_err(AuthorError::io(format!("make {}", dir.display())))?;
    Ok(dir)
}
