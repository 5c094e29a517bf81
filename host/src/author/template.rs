//! New projects: source, test, job, data, a golden case and a page, from templates in this binary.
//!
//! All of them do the same: read `price`, refuse what is none, keep those over `min`, add `euro`. So one case and one job fit all.

use std::{fs, path::Path};

use super::{
    AuthorError, Language, build,
    project::{MANIFEST, check_name, identifier},
};

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("templates/", $path))
    };
}

/// Path (with `{{…}}` as in the texts) and text.
type File = (&'static str, &'static str);

const COMMON: [File; 9] = [
    (MANIFEST, template!("common/pelton-module.toml")),
    ("job.toml", template!("common/job.toml")),
    ("README.md", template!("common/README.md")),
    (".gitignore", template!("common/gitignore")),
    ("data/bids.csv", template!("common/data/bids.csv")),
    ("cases/over-100/case.toml", template!("common/case.toml")),
    ("cases/over-100/input.csv", template!("common/input.csv")),
    ("cases/over-100/expected.jsonl", template!("common/expected.jsonl")),
    ("cases/over-100/expected.rejected.jsonl", template!("common/expected.rejected.jsonl")),
];

/// The files of a language, its source first.
fn files(language: Language) -> &'static [File] {
    match language {
        Language::Rust => &[("src/lib.rs", template!("rust/lib.rs")), ("Cargo.toml", template!("rust/Cargo.toml"))],
        Language::Python => &[
            ("{{id}}.py", template!("python/module.py")),
            ("tests/test_{{id}}.py", template!("python/test.py")),
            ("conftest.py", template!("python/conftest.py")),
        ],
        Language::TypeScript => &[
            ("src/{{name}}.ts", template!("typescript/module.ts")),
            ("tests/{{name}}.test.ts", template!("typescript/test.ts")),
            ("tsconfig.json", template!("typescript/tsconfig.json")),
            ("package.json", template!("typescript/package.json")),
        ],
        Language::JavaScript => &[
            // The template has no types of its own.
            ("src/{{name}}.js", template!("typescript/module.ts")),
            ("package.json", template!("typescript/package.json")),
        ],
        Language::C => &[("src/{{id}}.c", template!("c/module.c"))],
        Language::Cpp => &[("src/{{id}}.cpp", template!("c/module.c"))],
        Language::Go => &[("{{id}}.go", template!("go/module.go")), ("go.mod", template!("go/go.mod.txt"))],
    }
}

/// How an author runs the language's own tests.
fn tests(language: Language) -> &'static str {
    match language {
        Language::Rust => "`cargo test` runs the tests in `src/lib.rs`, without an engine.",
        Language::Python => "`python3 -m pytest` runs the tests in `tests/`, without an engine.",
        Language::TypeScript => "`npm install`, once, and `npm test` runs the tests in `tests/`, without an engine.",
        Language::Go => "`go test` runs tests beside the source, without an engine.",
        Language::JavaScript | Language::C | Language::Cpp => {
            "Add cases below `cases/`; `pelton test --bless` writes what they come to."
        }
    }
}

/// Makes the project `name` in `dir`, which must not hold anything.
pub fn create(dir: &Path, name: &str, language: Language) -> Result<(), AuthorError> {
    check_name(name)?;
    let taken = |why: String| AuthorError::Taken { dir: dir.to_owned(), why };
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(taken("it is not empty".to_owned()));
    }
    let source = files(language).first().map_or("", |(path, _)| *path);
    let fill = |text: &str| {
        text.replace("{{source}}", source)
            .replace("{{tests}}", tests(language))
            .replace("{{language}}", language.word())
            .replace("{{camel}}", &camel(name))
            .replace("{{pascal}}", &pascal(name))
            .replace("{{id}}", &identifier(name))
            .replace("{{name}}", name)
    };
    for (path, text) in COMMON.iter().chain(files(language)) {
        let path = dir.join(fill(path));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| taken(error.to_string()))?;
        }
        fs::write(&path, fill(text)).map_err(|error| taken(error.to_string()))?;
    }
    // So that editors and the language's own tests find the SDK at once.
    build::prepare(dir, language)
}

/// `toEuro`
fn camel(name: &str) -> String {
    let pascal = pascal(name);
    let mut letters = pascal.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// `ToEuro`
fn pascal(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    name.split('-').map(word).collect()
}

#[cfg(test)]
mod tests_of_templates {
    use super::*;
    use crate::author::Project;

    #[test]
    fn every_language_makes_a_project_that_opens() {
        for language in Language::ALL {
            let dir = tempfile::tempdir().expect("a directory");
            let dir = dir.path().join("to-euro");
            create(&dir, "to-euro", language).expect("made");
            let project = Project::open(&dir).expect("a project");
            assert_eq!((project.name.as_str(), project.language), ("to-euro", language));
            let source = fs::read_to_string(dir.join(&project.source)).expect("a source");
            assert!(!source.contains("{{"), "{language}: {source}");
        }
    }

    #[test]
    fn nothing_is_written_over() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("mine"), "").expect("written");
        let error = create(dir.path(), "to-euro", Language::C).expect_err("taken");
        assert!(error.to_string().ends_with("it is not empty"));
    }

    #[test]
    fn names_are_put_as_languages_have_them() {
        assert_eq!((camel("to-euro"), pascal("to-euro")), ("toEuro".to_owned(), "ToEuro".to_owned()));
    }
}
