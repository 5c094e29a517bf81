//! Holds the layers of docs/architecture.md: lower may not import higher, only `pelton-wasm` knows wasmtime, `pelton-core` is pure.
//!
//! Reads the sources as text. Inside a `use crate::{…}` list the first name of each entry counts.

#![expect(clippy::unwrap_used, reason = "a test that has not what it expects should fail there")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The modules of `host/src` that each may import, besides itself.
const MAY_IMPORT: [(&str, &[&str]); 18] = [
    ("clock", &[]),
    ("error", &[]),
    ("failpoint", &[]),
    ("lock", &["clock"]),
    ("log", &[]),
    ("nearest", &[]),
    ("standard", &["error", "nearest"]),
    ("checkpoint", &["clock", "error", "lock"]),
    ("source", &["checkpoint", "clock", "error", "failpoint", "log"]),
    ("state", &["clock", "error"]),
    ("operator", &["clock", "error", "nearest", "state"]),
    ("sink", &["checkpoint", "clock", "error", "failpoint"]),
    (
        "job",
        &[
            "checkpoint",
            "clock",
            "error",
            "failpoint",
            "log",
            "nearest",
            "source",
            "state",
            "operator",
            "sink",
            "standard",
        ],
    ),
    ("telemetry", &["clock", "job"]),
    ("control", &["checkpoint", "clock", "error", "job", "lock", "log", "operator", "sink", "standard", "telemetry"]),
    ("api", &["clock", "control", "error", "job"]),
    ("author", &["clock", "error", "job", "nearest", "operator", "sink", "state"]),
    (
        "cli",
        &[
            "api",
            "author",
            "checkpoint",
            "clock",
            "control",
            "error",
            "job",
            "lock",
            "log",
            "nearest",
            "operator",
            "sink",
            "source",
            "standard",
            "state",
            "telemetry",
        ],
    ),
];

fn host() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources(dir: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    rust_files(&host().join(dir), &mut found);
    assert!(!found.is_empty(), "no sources in {dir}");
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Top-level modules that a source names after `crate::`, also in a braced list.
fn crate_modules(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut modules = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let Some(list) = after.strip_prefix('{') else {
            modules.insert(name(after));
            continue;
        };
        let mut depth = 0;
        let mut entry = String::new();
        for c in list.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    modules.insert(name(&std::mem::take(&mut entry)));
                }
                c if depth == 0 => entry.push(c),
                _ => {}
            }
        }
        modules.insert(name(&entry));
    }
    // What stands after a last comma.
    modules.remove("");
    modules
}

fn name(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn lower_does_not_import_higher() {
    let known: BTreeSet<_> = MAY_IMPORT.iter().map(|(module, _)| *module).collect();
    let mut checked = 0;
    for (path, text) in sources("src") {
        let relative = path.strip_prefix(host().join("src")).unwrap().to_path_buf();
        let module = name(&relative.display().to_string());
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(known, _)| *known == module) else {
            assert!(
                matches!(module.as_str(), "lib" | "main"),
                "{module} has no layer: give it one here and in docs/architecture.md"
            );
            continue;
        };
        for import in crate_modules(&text).iter().filter(|import| known.contains(import.as_str())) {
            checked += 1;
            assert!(
                *import == module || allowed.contains(&import.as_str()),
                "{} imports crate::{import}; {module} may import {allowed:?}",
                relative.display()
            );
        }
    }
    assert!(checked > 50, "only {checked} imports were seen: the test does not read the sources any more");
}

#[test]
fn only_pelton_wasm_knows_wasmtime() {
    for manifest in ["Cargo.toml", "core/Cargo.toml", "../guest-sdk/rust/Cargo.toml"] {
        let text = fs::read_to_string(host().join(manifest)).unwrap();
        assert!(!text.lines().any(|line| line.starts_with("wasmtime")), "{manifest} depends on wasmtime");
    }
    for (path, text) in sources("src").into_iter().chain(sources("core/src")) {
        assert!(!text.contains("wasmtime::"), "{} names wasmtime", path.display());
    }
}

#[test]
fn the_core_is_pure() {
    // What only its tests use may print a seed and read one.
    let is_for_tests = |path: &Path| path.ends_with("random.rs");
    for (path, text) in sources("core/src").into_iter().filter(|(path, _)| !is_for_tests(path)) {
        let text: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for effect in
            ["std::fs", "std::net", "std::thread", "std::process", "Instant", "SystemTime", "tokio", "std::env"]
        {
            assert!(!text.contains(effect), "{} names {effect}", path.display());
        }
    }
}

#[test]
fn unsafe_code_is_in_one_file() {
    for (path, text) in sources("src").into_iter().chain(sources("core/src")).chain(sources("wasm/src")) {
        let trusted = path.ends_with("wasm/src/trusted.rs");
        assert!(trusted || !text.contains("unsafe {"), "{} contains unsafe code", path.display());
    }
}

#[test]
fn imports_in_lists_are_seen() {
    let text = "use crate::{\n    error::{Code, Coded},\n    job::plan::Plan, sink,\n};\nfn f() { crate::clock::now_us(); }\n// crate::cli";
    let expected = ["clock", "error", "job", "sink"].map(str::to_owned);
    assert_eq!(crate_modules(text), BTreeSet::from(expected));
}
