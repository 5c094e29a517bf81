//! `pelton new`, `build` and `test` by the real binary, as far as they need no tool of another language.
//!
//! What needs one is in tests/languages.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

fn pelton(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(pelton_tests::binary().expect("a binary to test"))
        .args(arguments)
        .args(["--color", "never", "--cache-dir", "cache"])
        .current_dir(dir)
        .env("PATH", "")
        .output()
        .expect("it runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_project_of_each_language_says_which_tool_is_missing() {
    let dir = tempfile::tempdir().expect("a directory");
    for (language, tool) in [
        ("rust", "cargo"),
        ("python", "python3"),
        ("typescript", "node"),
        ("javascript", "node"),
        ("c", "python3"),
        ("cpp", "python3"),
        ("go", "go"),
        ("zig", "python3"),
        ("assemblyscript", "node"),
        ("java", "javac"),
    ] {
        let name = format!("in-{language}");
        assert!(pelton(dir.path(), &["new", &name, "--lang", language]).status.success(), "{language}");
        let built = pelton(dir.path(), &["build", &name]);
        assert_eq!(built.status.code(), Some(1), "{language}");
        let message = stderr(&built);
        assert!(message.contains(&format!("`{tool}` is missing")) && message.contains("PELTON-0903"), "{message}");
    }
}

#[test]
fn a_directory_that_holds_something_is_not_written_over() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir(dir.path().join("mine")).expect("made");
    fs::write(dir.path().join("mine/a"), "").expect("written");
    let output = pelton(dir.path(), &["new", "mine", "--lang", "c"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("PELTON-0902"), "{}", stderr(&output));
    assert_eq!(fs::read_dir(dir.path().join("mine")).expect("there").count(), 1);
}

#[test]
fn a_language_that_is_none_is_suggested() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = pelton(dir.path(), &["new", "a", "--lang", "pyhton"]);
    assert!(stderr(&output).contains("did you mean `python`?"), "{}", stderr(&output));
}

#[test]
fn the_kind_of_a_project_is_checked() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = pelton(dir.path(), &["new", "a", "--lang", "go", "--kind", "agregate"]);
    assert!(stderr(&output).contains("did you mean `aggregate`?"), "{}", stderr(&output));
    assert!(pelton(dir.path(), &["new", "b", "--lang", "go", "--kind", "keyed"]).status.success());
    let manifest = dir.path().join("b/pelton-module.toml");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    assert!(text.contains("kind = \"keyed\""), "{text}");
    for (from, to, says) in [
        ("\"keyed\"", "\"keyd\"", "has the kind `keyd`: did you mean `keyed`?"),
        ("\"go\"", "\"rust\"", "says `kind`, which in Rust the source's macro says"),
    ] {
        fs::write(&manifest, text.replace(from, to)).expect("written");
        // A long path breaks the line within a frame.
        let message = stderr(&pelton(dir.path(), &["build", "b"])).replace("│ ", "");
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn a_directory_without_a_manifest_is_no_project() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = pelton(dir.path(), &["build"]);
    assert!(stderr(&output).contains("it has no pelton-module.toml"), "{}", stderr(&output));
    assert!(stderr(&output).contains("PELTON-0901"), "{}", stderr(&output));
}
