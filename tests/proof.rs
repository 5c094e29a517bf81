//! Holds docs/proof.md: every invariant is there, and every test that it names is.

use std::{collections::BTreeSet, fs, path::Path};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// `tests/x.rs::name` in backticks.
fn named(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|code| code.split_once("::"))
        .filter(|(path, _)| path.ends_with(".rs"))
}

#[test]
fn every_test_that_the_page_names_is_there() {
    let page = fs::read_to_string(root().join("docs/proof.md")).unwrap();
    let tests: BTreeSet<(&str, &str)> = named(&page).collect();
    assert!(tests.len() > 25, "{tests:?}");
    for (path, name) in tests {
        let source = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let is_test = source
            .lines()
            .collect::<Vec<_>>()
            .windows(2)
            .any(|lines| lines[0].trim() == "#[test]" && lines[1].trim().starts_with(&format!("fn {name}(")));
        assert!(is_test, "{path} has no test {name}");
    }
}

#[test]
fn every_invariant_has_a_test() {
    let page = fs::read_to_string(root().join("docs/proof.md")).unwrap();
    for number in 1..=15 {
        let row = page.lines().find(|line| line.starts_with(&format!("| I{number} |")));
        let row = row.unwrap_or_else(|| panic!("I{number} is not there"));
        assert!(named(row).count() > 0, "I{number} has no test");
    }
}
