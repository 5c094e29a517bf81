//! New projects: source, test, job, data, a golden case and a page, from templates in this binary.
//!
//! All of a kind do the same, so one case and one job fit all languages. A transform reads `price`, refuses what is none, keeps those over
//! `min`, adds `euro`; an aggregate tells how far apart prices are; a keyed operator adds up bids until there is none for a while; a cogroup
//! tells what is still to be paid of orders; an enrich operator asks an endpoint for rates.

use std::{fs, path::Path};

use super::{
    AuthorError, Kind, Language, build,
    project::{MANIFEST, check_name, identifier},
};

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("templates/", $path))
    };
}

/// Path (with `{{…}}` as in the texts) and text.
type File = (&'static str, &'static str);

const COMMON: [File; 2] =
    [(MANIFEST, template!("common/pelton-module.toml")), (".gitignore", template!("common/gitignore"))];

/// What a kind has in every language: the job, its data, a golden case and a page.
fn of_kind(kind: Kind) -> &'static [File] {
    match kind {
        Kind::Transform => &[
            ("job.toml", template!("common/transform/job.toml")),
            ("README.md", template!("common/transform/README.md")),
            ("data/bids.csv", template!("common/transform/bids.csv")),
            ("cases/over-100/case.toml", template!("common/transform/case.toml")),
            ("cases/over-100/input.csv", template!("common/transform/input.csv")),
            ("cases/over-100/expected.jsonl", template!("common/transform/expected.jsonl")),
            ("cases/over-100/expected.rejected.jsonl", template!("common/transform/expected.rejected.jsonl")),
        ],
        Kind::Aggregate => &[
            ("job.toml", template!("common/aggregate/job.toml")),
            ("README.md", template!("common/aggregate/README.md")),
            ("data/bids.csv", template!("common/aggregate/bids.csv")),
            ("cases/two-minutes/case.toml", template!("common/aggregate/case.toml")),
            ("cases/two-minutes/input.csv", template!("common/aggregate/input.csv")),
            ("cases/two-minutes/expected.jsonl", template!("common/aggregate/expected.jsonl")),
        ],
        Kind::Keyed => &[
            ("job.toml", template!("common/keyed/job.toml")),
            ("README.md", template!("common/keyed/README.md")),
            ("data/bids.csv", template!("common/keyed/bids.csv")),
            ("cases/two-bidders/case.toml", template!("common/keyed/case.toml")),
            ("cases/two-bidders/input.csv", template!("common/keyed/input.csv")),
            ("cases/two-bidders/expected.jsonl", template!("common/keyed/expected.jsonl")),
            ("cases/two-bidders/expected.rejected.jsonl", template!("common/keyed/expected.rejected.jsonl")),
        ],
        Kind::Cogroup => &[
            ("job.toml", template!("common/cogroup/job.toml")),
            ("README.md", template!("common/cogroup/README.md")),
            ("data/items.csv", template!("common/cogroup/items.csv")),
            ("data/payments.csv", template!("common/cogroup/payments.csv")),
            ("cases/four-orders/case.toml", template!("common/cogroup/case.toml")),
            ("cases/four-orders/left.csv", template!("common/cogroup/left.csv")),
            ("cases/four-orders/right.csv", template!("common/cogroup/right.csv")),
            ("cases/four-orders/expected.jsonl", template!("common/cogroup/expected.jsonl")),
            (
                "cases/four-orders/expected.right-rejected.jsonl",
                template!("common/cogroup/expected.right-rejected.jsonl"),
            ),
        ],
        Kind::Enrich => &[
            ("job.toml", template!("common/enrich/job.toml")),
            ("README.md", template!("common/enrich/README.md")),
            ("data/bids.csv", template!("common/enrich/bids.csv")),
            ("endpoint/latest/USD", template!("common/enrich/USD")),
            ("endpoint/latest/JPY", template!("common/enrich/JPY")),
            ("cases/six-bids/case.toml", template!("common/enrich/case.toml")),
            ("cases/six-bids/input.csv", template!("common/enrich/input.csv")),
            ("cases/six-bids/replies.jsonl", template!("common/enrich/replies.jsonl")),
            ("cases/six-bids/expected.jsonl", template!("common/enrich/expected.jsonl")),
            ("cases/six-bids/expected.rejected.jsonl", template!("common/enrich/expected.rejected.jsonl")),
        ],
    }
}

/// The source of a language and kind, and its test where that is a file of its own.
fn sources(language: Language, kind: Kind) -> (&'static str, Option<&'static str>) {
    macro_rules! of {
        ($language:literal, $source:literal) => {
            match kind {
                Kind::Transform => include_str!(concat!("templates/", $language, "/transform/", $source)),
                Kind::Aggregate => include_str!(concat!("templates/", $language, "/aggregate/", $source)),
                Kind::Keyed => include_str!(concat!("templates/", $language, "/keyed/", $source)),
                Kind::Cogroup => include_str!(concat!("templates/", $language, "/cogroup/", $source)),
                Kind::Enrich => include_str!(concat!("templates/", $language, "/enrich/", $source)),
            }
        };
    }
    match language {
        Language::Rust => (of!("rust", "lib.rs"), None),
        Language::Python => (of!("python", "module.py"), Some(of!("python", "test.py"))),
        Language::TypeScript => (of!("typescript", "module.ts"), Some(of!("typescript", "test.ts"))),
        // The templates have no types of their own.
        Language::JavaScript => (of!("typescript", "module.ts"), Some(of!("typescript", "test.ts"))),
        Language::C | Language::Cpp => (of!("c", "module.c"), None),
        Language::Go => (of!("go", "module.go"), None),
        Language::Zig => (of!("zig", "module.zig"), None),
        Language::AssemblyScript => (of!("assemblyscript", "module.ts"), None),
        Language::Java => (of!("java", "Module.java"), Some(of!("java", "ModuleTest.java"))),
    }
}

/// Where a language's source and its test stand, and what else its projects have.
fn places(language: Language) -> (&'static str, &'static str, &'static [File]) {
    match language {
        Language::Rust => ("src/lib.rs", "", &[("Cargo.toml", template!("rust/Cargo.toml"))]),
        Language::Python => {
            ("{{file}}.py", "tests/test_{{file}}.py", &[("conftest.py", template!("python/conftest.py"))])
        }
        Language::TypeScript => (
            "src/{{name}}.ts",
            "tests/{{name}}.test.ts",
            &[
                ("tsconfig.json", template!("typescript/tsconfig.json")),
                ("package.json", template!("typescript/package.json")),
            ],
        ),
        Language::JavaScript => {
            ("src/{{name}}.js", "tests/{{name}}.test.js", &[("package.json", template!("typescript/package.json"))])
        }
        Language::C => ("src/{{file}}.c", "", &[]),
        Language::Cpp => ("src/{{file}}.cpp", "", &[]),
        Language::Go => ("{{file}}.go", "", &[("go.mod", template!("go/go.mod.txt"))]),
        Language::Zig => ("src/{{file}}.zig", "", &[]),
        Language::AssemblyScript => {
            ("src/{{name}}.ts", "", &[("tsconfig.json", template!("assemblyscript/tsconfig.json"))])
        }
        Language::Java => (
            "src/main/java/{{pascal}}.java",
            "src/test/java/{{pascal}}Test.java",
            &[("pom.xml", template!("java/pom.xml"))],
        ),
    }
}

/// The files of a project.
fn files(language: Language, kind: Kind) -> Vec<File> {
    let (source, test) = sources(language, kind);
    let (place, test_place, others) = places(language);
    let mut files = vec![(place, source)];
    files.extend(test.map(|test| (test_place, test)));
    files.extend(COMMON.iter().chain(others).chain(of_kind(kind)));
    files
}

/// How an author runs the language's own tests.
fn tests(language: Language) -> &'static str {
    match language {
        Language::Rust => "`cargo test` runs the tests in `src/lib.rs`, without an engine.",
        Language::Python => "`python3 -m pytest` runs the tests in `tests/`, without an engine.",
        Language::TypeScript | Language::JavaScript => {
            "`npm install`, once, and `npm test` runs the tests in `tests/`, without an engine."
        }
        Language::Go => "`go test` runs tests beside the source, without an engine.",
        Language::Java => "`mvn test` runs the tests in `src/test`, on the JVM and without an engine.",
        Language::C | Language::Cpp | Language::Zig | Language::AssemblyScript => {
            "Add cases below `cases/`; `pelton test --bless` writes what they come to."
        }
    }
}

/// Makes the project `name` in `dir`, which must not hold anything.
pub fn create(dir: &Path, name: &str, language: Language, kind: Kind) -> Result<(), AuthorError> {
    check_name(name)?;
    let taken = |why: String| AuthorError::Taken { dir: dir.to_owned(), why };
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(taken("it is not empty".to_owned()));
    }
    let (place, _, _) = places(language);
    let (source, test) = sources(language, kind);
    let sample = [source, test.unwrap_or_default()].concat();
    // A transform is what nothing says.
    let says_kind = kind != Kind::Transform && language != Language::Rust;
    let kind_line = if says_kind { format!("kind = \"{kind}\"\n") } else { String::new() };
    // Files of Java have the names of their classes.
    let pascal = free(&sample, pascal(name), "Operator");
    let fill_path = |text: &str| {
        text.replace("{{file}}", &identifier(name)).replace("{{name}}", name).replace("{{pascal}}", &pascal)
    };
    let extension = if language == Language::JavaScript { "js" } else { "ts" };
    let minus_one = if language == Language::Java { "-1.0" } else { "-1" };
    let fill = |text: &str| {
        let text = text
            .replace("{{source}}", place)
            .replace("{{kind}}", &kind_line)
            .replace("{{tests}}", tests(language))
            .replace("{{language}}", language.word())
            .replace("{{camel}}", &free(&sample, camel(name), "Operator"))
            .replace("{{minus-one}}", minus_one)
            .replace("{{extension}}", extension)
            .replace("{{id}}", &free(&sample, identifier(name), "_operator"));
        fill_path(&text)
    };
    for (path, text) in files(language, kind) {
        let path = dir.join(fill_path(path));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| taken(error.to_string()))?;
        }
        fs::write(&path, fill(text)).map_err(|error| taken(error.to_string()))?;
    }
    // So that editors and the language's own tests find the SDK at once.
    build::prepare(dir, language)
}

/// The operator's name in a source: with `more` where the sample uses the word for something else.
fn free(sample: &str, word: String, more: &str) -> String {
    let mut words = sample.split(|c: char| !c.is_alphanumeric() && c != '_');
    let is_taken = words.any(|other| other == word);
    if is_taken { word + more } else { word }
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
    fn every_language_makes_a_project_of_each_kind_that_opens() {
        let kinds = |language: Language| Kind::ALL.into_iter().map(move |kind| (language, kind));
        for (language, kind) in Language::ALL.into_iter().flat_map(kinds) {
            let dir = tempfile::tempdir().expect("a directory");
            let dir = dir.path().join("to-euro");
            create(&dir, "to-euro", language, kind).expect("made");
            let project = Project::open(&dir).expect("a project");
            assert_eq!((project.name.as_str(), project.language), ("to-euro", language));
            assert!(project.kind == kind || language == Language::Rust, "{language} {kind}");
            let source = fs::read_to_string(dir.join(&project.source)).expect("a source");
            assert!(!source.contains("{{"), "{language}: {source}");
        }
    }

    #[test]
    fn an_operator_has_no_name_that_its_sample_uses_otherwise() {
        let source = |name: &str, language: Language, path: &str| {
            let dir = tempfile::tempdir().expect("a directory");
            create(&dir.path().join("new"), name, language, Kind::Cogroup).expect("made");
            fs::read_to_string(dir.path().join("new").join(path)).expect("a source")
        };
        let go = source("unpaid", Language::Go, "unpaid.go");
        assert!(go.contains("type Unpaid struct") && go.contains("func UnpaidOperator("), "{go}");
        let zig = source("unpaid", Language::Zig, "src/unpaid.zig");
        assert!(zig.contains("var unpaid: f64") && zig.contains("fn unpaidOperator("), "{zig}");
        let test = source("out", Language::Python, "tests/test_out.py");
        assert!(test.contains("from out import out_operator"), "{test}");
        assert!(source("debts", Language::Go, "debts.go").contains("func Debts("));
    }

    #[test]
    fn nothing_is_written_over() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("mine"), "").expect("written");
        let error = create(dir.path(), "to-euro", Language::C, Kind::Transform).expect_err("taken");
        assert!(error.to_string().ends_with("it is not empty"));
    }

    #[test]
    fn names_are_put_as_languages_have_them() {
        assert_eq!((camel("to-euro"), pascal("to-euro")), ("toEuro".to_owned(), "ToEuro".to_owned()));
    }
}
