//! Checkpoint directories: those that are on file must load for ever, `pelton checkpoint` must say what is in them, and a commit must
//! cost one `fdatasync`.
//!
//! `PELTON_BLESS=1` writes a golden directory that is missing; it never changes one. A new layout gets a new directory.

mod records;
mod renamed;
mod states;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use pelton::checkpoint::{Store, Take, inspect};
use pelton_core::model::Epoch;
use records::{commit, outboxes, record};
use serde_json::Value;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("checkpoint/golden")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, &target).map(drop).unwrap() }
    }
}

/// A job that ended in good order after two processes.
fn bless(directory: &Path) {
    drop(commit(directory, &[1, 2, 3]).unwrap());
    commit(directory, &[4, 5]).unwrap().close().unwrap();
    // Space that was set aside is not for a repository. Behind the last frame of a clean end there need be none.
    let last = directory.join("journal/0000000002.log");
    let bytes = fs::read(&last).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    fs::write(&last, &bytes[..end.next_multiple_of(64)]).unwrap();
    fs::remove_file(directory.join("lock")).unwrap();
}

#[test]
fn golden_directories_load() {
    let directory = golden().join("v1");
    if env::var_os("PELTON_BLESS").is_some() && !directory.exists() {
        bless(&directory);
    }
    let folder = tempfile::tempdir().unwrap();
    copy(&directory, folder.path());
    let (store, found) = Store::open(folder.path(), Take::Continue).unwrap();
    assert_eq!((found.generation, found.next_epoch, found.is_closed), (3, Epoch(6), true));
    assert_eq!((found.last, found.cut), (Some(record(5, 2)), None));
    assert_eq!(found.again, [record(5, 2)]);
    let base = found.base.unwrap();
    assert_eq!(base.epoch, Epoch(4));
    let snapshot = base.snapshot.unwrap();
    assert_eq!(store.get(&snapshot.engine).unwrap(), b"watermarks");
    assert_eq!(store.get(&snapshot.operators[0].partitions[1]).unwrap(), b"state 1");
    let [five] = <[_; 1]>::try_from(found.republish).unwrap();
    assert_eq!((five.record, five.outboxes), (record(5, 2), outboxes(5)));
}

/// What the real binary says, and how it ended.
fn pelton(args: &[&str], directory: &Path) -> (Option<i32>, String, String) {
    let output = Command::new(pelton_tests::binary().unwrap()).args(args).current_dir(directory).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn inspect_says_what_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    copy(&golden().join("v1"), &folder.path().join("state"));
    let (code, text, errors) = pelton(&["checkpoint", "inspect", "state"], folder.path());
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    for expected in
        ["up to 5 are committed", "of epoch 4: 4 files", "1 epoch", "it ended in good order", "before range 3"]
    {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    let (code, text, _) = pelton(&["checkpoint", "inspect", "state", "--output", "json"], folder.path());
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &json["again"], &json["last"]["epoch"]), (Some(0), &1.into(), &5.into()));
    assert!(!folder.path().join("state/lock").exists(), "nothing was changed");
}

#[test]
fn verify_names_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    copy(&golden().join("v1"), &state);
    let (code, text, errors) = pelton(&["checkpoint", "verify", "state"], folder.path());
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(text.contains("and 8 files (") && text.contains("are as they were written"), "{text}");
    let inspection = inspect::inspect(&state).unwrap();
    let snapshot = inspection.records[3].snapshot.clone().unwrap();
    let name = &snapshot.operators[0].partitions[0].name;
    fs::write(state.join(name), b"stale 0").unwrap();
    let (code, _, errors) = pelton(&["checkpoint", "verify", "state"], folder.path());
    assert_eq!(code, Some(1));
    assert!(errors.contains(name) && errors.contains("PELTON-0703"), "{errors}");
    let (code, text, _) = pelton(&["checkpoint", "verify", "state", "--output", "json"], folder.path());
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &json["errors"][0]["code"]), (Some(1), &"PELTON-0703".into()));
    let (code, _, errors) = pelton(&["checkpoint", "verify", "stat"], folder.path());
    assert_eq!(code, Some(1));
    assert!(errors.contains("stat holds no checkpoints") && errors.contains("PELTON-0705"), "{errors}");
}

const EPOCHS: u64 = 50;
const CHILD: &str = "PELTON_CHECKPOINT_CHILD";

/// Not a test of its own: the process that `one_sync_makes_a_commit` watches.
#[test]
fn child_that_commits() {
    let Some(directory) = env::var_os(CHILD) else { return };
    let (mut store, found) = Store::open(Path::new(&directory), Take::Continue).unwrap();
    for epoch in 1..=EPOCHS {
        let permit = store.commit(&record(epoch, found.generation), &outboxes(epoch)).unwrap();
        store.published(permit).unwrap();
    }
}

#[test]
fn one_sync_makes_a_commit() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("debian.sh");
    let found = Command::new(script).args(["strace", "strace"]).stderr(Stdio::inherit()).output().unwrap();
    assert!(found.status.success(), "strace is missing, as said above");
    let found = String::from_utf8(found.stdout).unwrap();
    let (programs, libraries) = found.trim_end().split_once('\n').unwrap_or((found.trim_end(), ""));
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("syncs");
    let status = Command::new(Path::new(programs).join("strace"))
        .env("LD_LIBRARY_PATH", libraries)
        .args(["-f", "-e", "trace=fsync,fdatasync,sync_file_range,msync,syncfs,sync", "-o"])
        .arg(&log)
        .arg(env::current_exe().unwrap())
        .args(["--exact", "child_that_commits", "--test-threads", "1"])
        .env(CHILD, folder.path().join("state"))
        .output()
        .unwrap();
    assert!(status.status.success(), "{status:?}");
    let log = fs::read_to_string(log).unwrap();
    let count = |call: &str| log.lines().filter(|line| line.contains(call)).count() as u64;
    println!("{EPOCHS} commits: {} fdatasync, {} fsync", count("fdatasync("), count("fsync("));
    // One for the claim. The others make directories and the segment, before the first commit.
    assert_eq!(count("fdatasync("), EPOCHS + 1, "{log}");
    assert!(count("fsync(") <= 6, "{log}");
    assert_eq!(count("sync_file_range(") + count("msync(") + count("syncfs("), 0, "{log}");
}
