//! The SDKs and the contract, as the repository has them, in this binary: no registry has them.
//!
//! A project's builds read them from `.pelton/sdk`, which is written again whenever it differs from this binary's.

use std::{fs, path::Path};

use super::{AuthorError, Language};

/// Paths from the root of the repository, with the texts; `host/build.rs` lists them.
const FILES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The manifest of the workspace, of which the SDK for Rust takes versions.
const WORKSPACE: &str = include_str!("../../../Cargo.toml");

/// What a language's builds need, below `.pelton/sdk`: each file's path there, and its text.
pub fn files(language: Language) -> Vec<(String, String)> {
    let parts: &[&str] = match language {
        Language::Rust => &["guest-sdk/rust/", "wit/"],
        Language::Python => &["guest-sdk/python/", "wit/"],
        Language::TypeScript | Language::JavaScript => &["guest-sdk/js/src/", "wit/"],
        Language::C | Language::Cpp => &["guest-sdk/c/"],
        Language::Go => &["guest-sdk/go/"],
        // The glue is that of C.
        Language::Zig => &["guest-sdk/c/", "guest-sdk/zig/"],
        Language::AssemblyScript => &["guest-sdk/assemblyscript/"],
        // The glue is that of JavaScript.
        Language::Java => &["guest-sdk/java/", "guest-sdk/js/src/", "wit/"],
    };
    let chosen = FILES.iter().filter(|(path, _)| parts.iter().any(|part| path.starts_with(part)));
    let mut files: Vec<(String, String)> =
        chosen.map(|(path, text)| (path.trim_start_matches("guest-sdk/").to_owned(), (*text).to_owned())).collect();
    if language == Language::Rust {
        // The bindings name the contract as `../../wit`, as in the repository.
        for (path, _) in &mut files {
            if let Some(rest) = path.strip_prefix("rust/") {
                *path = format!("sdk/rust/{rest}");
            }
        }
        files.push(("Cargo.toml".to_owned(), workspace()));
    }
    files
}

/// A workspace of the SDK for Rust alone, with the versions of this one.
fn workspace() -> String {
    let section = |name: &str| {
        let start = WORKSPACE.find(&format!("[{name}]")).unwrap_or(WORKSPACE.len());
        let rest = WORKSPACE.get(start..).unwrap_or_default();
        let end = rest.find("\n[").map_or(rest.len(), |end| end + 1);
        rest.get(..end).unwrap_or_default().to_owned()
    };
    let dependencies = section("workspace.dependencies");
    // What the SDK does not depend on may need paths that are not here.
    let used = ["bytemuck", "simdutf8", "trybuild", "wit-bindgen", "wit-component", "wit-parser"];
    let dependencies: String = dependencies
        .lines()
        .filter(|line| used.iter().any(|name| line.starts_with(&format!("{name} ="))))
        .map(|line| format!("{line}\n"))
        .collect();
    format!(
        "[workspace]\nresolver = \"3\"\nmembers = [\"sdk/rust\", \"sdk/rust/macros\"]\n\n{}\n[workspace.dependencies]\n{dependencies}\n[workspace.lints.rust]\nunused_must_use = \"deny\"\n",
        section("workspace.package")
    )
}

/// Writes the files of `language` below `dir`, those that differ; others are left as they are, so that tools see no change.
pub fn unpack(language: Language, dir: &Path) -> Result<(), AuthorError> {
    for (path, text) in files(language) {
        let path = dir.join(path);
        if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
            continue;
        }
        let failed = || format!("write {}", path.display());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(AuthorError::io(failed()))?;
        }
        fs::write(&path, text).map_err(AuthorError::io(failed()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_what_its_builds_read() {
        let has = |language: Language, path: &str| files(language).iter().any(|(there, _)| there == path);
        assert!(has(Language::C, "c/pelton.h") && has(Language::Cpp, "c/pelton.c"));
        assert!(has(Language::Python, "python/pelton_guest/__init__.py") && has(Language::Python, "wit/worlds.wit"));
        assert!(has(Language::TypeScript, "js/src/index.ts") && has(Language::Go, "go/go.mod"));
        assert!(has(Language::Zig, "zig/pelton.zig") && has(Language::Zig, "c/pelton.c"));
        let entry = "assemblyscript/pelton-guest/index.ts";
        assert!(has(Language::AssemblyScript, entry) && has(Language::AssemblyScript, "assemblyscript/exports.mjs"));
        let processor = "java/src/pelton/guest/processor/OperatorProcessor.java";
        assert!(has(Language::Java, processor) && has(Language::Java, "js/src/java/module.ts"));
        assert!(has(Language::Java, "java/build/Build.java") && has(Language::Java, "wit/worlds.wit"));
        assert!(has(Language::Rust, "sdk/rust/src/lib.rs") && has(Language::Rust, "sdk/rust/macros/Cargo.toml"));
        assert!(
            !files(Language::Rust).iter().any(|(path, _)| path.contains("/tests/")),
            "tests stay in the repository"
        );
    }

    #[test]
    fn the_workspace_of_the_rust_sdk_has_its_versions() {
        let text = workspace();
        for line in
            ["edition = \"2024\"", "wit-bindgen = {", "bytemuck = {", "members = [\"sdk/rust\", \"sdk/rust/macros\"]"]
        {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        assert!(!text.contains("pelton-core"), "{text}");
    }
}
