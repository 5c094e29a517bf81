//! A module's project: a directory with `pelton-module.toml`, which says its name and language.
//!
//! ```toml
//! name = "to-euro"
//! language = "python"
//! kind = "keyed"            # of operator; a transform, if nothing is said. Not for Rust, whose macros say it
//! source = "to_euro.py"     # what the build begins with; others are found from it
//! ```

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use toml_edit::DocumentMut;

use super::{AuthorError, Kind, Language};

/// The manifest's name.
pub const MANIFEST: &str = "pelton-module.toml";
/// What builds leave in a project; nothing of an author's is in it.
pub const WORK: &str = ".pelton";

#[derive(Debug, Clone)]
pub struct Project {
    pub dir: PathBuf,
    pub name: String,
    pub language: Language,
    /// Of operator; in Rust the source says it.
    pub kind: Kind,
    /// From `dir`.
    pub source: PathBuf,
}

impl Project {
    /// Reads the project in `dir`.
    pub fn open(dir: &Path) -> Result<Self, AuthorError> {
        let dir = dir.canonicalize().map_err(|error| wrong(dir, error.to_string()))?;
        let text = fs::read_to_string(dir.join(MANIFEST)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => wrong(&dir, format!("it has no {MANIFEST}")),
            _ => wrong(&dir, format!("its {MANIFEST} cannot be read: {error}")),
        })?;
        let manifest: DocumentMut =
            text.parse().map_err(|error| wrong(&dir, format!("its {MANIFEST} is not TOML: {error}")))?;
        if let Some((key, _)) = manifest.iter().find(|(key, _)| !["name", "language", "kind", "source"].contains(key)) {
            return Err(wrong(&dir, format!("its {MANIFEST} has the unknown key `{key}`")));
        }
        let value = |key: &str| {
            let text = manifest.get(key).and_then(|value| value.as_str());
            text.ok_or_else(|| wrong(&dir, format!("its {MANIFEST} does not say `{key}`, a text")))
        };
        let name = value("name")?.to_owned();
        check_name(&name)?;
        let language = value("language")?;
        let language: Language = language
            .parse()
            .map_err(|hint| wrong(&dir, format!("its {MANIFEST} has the language `{language}`: {hint}")))?;
        let kind = match manifest.get("kind") {
            None => Kind::default(),
            Some(_) if language == Language::Rust => {
                return Err(wrong(&dir, format!("its {MANIFEST} says `kind`, which in Rust the source's macro says")));
            }
            Some(_) => {
                let kind = value("kind")?;
                kind.parse::<Kind>()
                    .map_err(|hint| wrong(&dir, format!("its {MANIFEST} has the kind `{kind}`: {hint}")))?
            }
        };
        let source = PathBuf::from(value("source")?);
        if !dir.join(&source).is_file() {
            return Err(wrong(&dir, format!("its source {} is not there", source.display())));
        }
        Ok(Self { dir, name, language, kind, source })
    }

    /// Where builds work.
    pub fn work(&self) -> PathBuf {
        self.dir.join(WORK)
    }

    /// The module that builds make.
    pub fn module(&self) -> PathBuf {
        self.dir.join(format!("{}.wasm", self.name))
    }

    /// The name as languages have it: `to_euro`.
    pub fn identifier(&self) -> String {
        identifier(&self.name)
    }
}

fn wrong(dir: &Path, why: String) -> AuthorError {
    AuthorError::Project { dir: dir.to_owned(), why }
}

pub(super) fn identifier(name: &str) -> String {
    name.replace('-', "_")
}

/// A name that is one in every language, in a job file and as a file.
pub(super) fn check_name(name: &str) -> Result<(), AuthorError> {
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    let ends = !name.ends_with('-') && !name.contains("--") && name.len() <= 64;
    let holds = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if begins && holds && ends { Ok(()) } else { Err(AuthorError::Name(name.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names_everywhere() {
        for good in ["a", "to-euro", "q1"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "1a", "a_b", "a b", "../a", "a--b", &"a".repeat(65)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_manifest_that_is_wrong_is_told_apart() {
        let dir = tempfile::tempdir().expect("a directory");
        let opened = |text: &str| {
            fs::write(dir.path().join(MANIFEST), text).expect("written");
            Project::open(dir.path()).expect_err("it is wrong").to_string()
        };
        assert!(Project::open(dir.path()).expect_err("empty").to_string().ends_with("it has no pelton-module.toml"));
        assert!(opened("name = 1").ends_with("does not say `name`, a text"));
        assert!(opened("name = 'a'\nlanguage = 'pyhton'\nsource = 'a.py'").ends_with("did you mean `python`?"));
        assert!(opened("name = 'a'\nlanguage = 'c'\nsource = 'a.c'").ends_with("its source a.c is not there"));
        assert!(opened("nam = 'a'").ends_with("has the unknown key `nam`"));
    }
}
