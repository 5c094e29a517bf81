//! Where the modules come from that a job file names.
//!
//! Called by `build` for each of them, but for those that come with Pelton. A run from the command line reads files; an engine has
//! pinned what each name means when the job was submitted, so that a restart depends on no file.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::Path,
};

use pelton_core::{
    job::{JobSpec, OperatorSpec},
    model::ModuleTag,
};

use crate::standard::is_std;

/// What is asked for the bytes of a module.
#[derive(Debug, Clone)]
pub enum Modules {
    /// The file system: names are paths, relative to the job file.
    Files,
    /// Bytes by the names that the job file has for them.
    Pinned(BTreeMap<String, Vec<u8>>),
}

/// Why there are no bytes, as the end of a sentence, and what to do.
#[derive(Debug)]
pub(in crate::job) struct Unfound {
    pub(in crate::job) what: String,
    pub(in crate::job) help: String,
}

impl Modules {
    /// The module that the file in `dir` calls `reference`. A file of more than `bytes_max` is cut one byte behind it, so that a huge
    /// one costs nothing and is still refused for its size.
    pub(in crate::job) fn find(&self, reference: &str, dir: &Path, bytes_max: u64) -> Result<Cow<'_, [u8]>, Unfound> {
        match self {
            Self::Files if reference.parse::<ModuleTag>().is_ok() => Err(Unfound {
                what: format!("{reference} is a name in an engine's registry, and this run has no engine"),
                help: "give the path of a file, or hand the job to an engine: `pelton job submit`".into(),
            }),
            Self::Files => {
                let path = dir.join(reference);
                read(&path, bytes_max).map(Cow::Owned).map_err(|error| Unfound {
                    what: format!("failed to read the module {}: {error}", path.display()),
                    help: "paths are relative to the job file; build the module first".into(),
                })
            }
            Self::Pinned(modules) => {
                modules.get(reference).map(|bytes| Cow::Borrowed(bytes.as_slice())).ok_or_else(|| Unfound {
                    what: format!("the module {reference} was not pinned when the job was submitted"),
                    help: "submit the job again".into(),
                })
            }
        }
    }
}

/// The names of modules in a job, but for those that come with Pelton.
pub fn references(spec: &JobSpec) -> BTreeSet<&str> {
    let all = spec.operators.iter().flat_map(OperatorSpec::all_modules).map(|module| module.reference.as_str());
    all.filter(|reference| !is_std(reference)).collect()
}

/// Reads at most one byte more than is allowed.
pub fn read(path: &Path, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
