//! Golden messages of the planner and of runs: each `messages/bad/NAME.toml` is a job that is well written and cannot be, and
//! `NAME.txt` is what the real binary says about it on standard error.
//!
//! Each case is `job.toml` in a folder of its own beside `data/` and `modules/` of `messages/given` and the modules of the
//! examples. It is planned by `pelton lint`, or run if its first line is `#: run`. `PELTON_BLESS=1` writes the messages
//! anew; read the difference before you commit it. Also here: the messages shown in docs/errors are ones on file.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use pelton::error::Code;

/// Files by their path within a folder.
type Files = BTreeMap<PathBuf, Vec<u8>>;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `$PELTON_BIN`, or the binary in the target directory that this test is in.
fn binary() -> Result<PathBuf> {
    if let Some(path) = env::var_os("PELTON_BIN") {
        return Ok(path.into());
    }
    let test = env::current_exe()?;
    let binary = test.parent().and_then(Path::parent).context("a test lies in target/PROFILE/deps")?.join("pelton");
    ensure!(binary.exists(), "{} is missing: run `cargo build --release -p pelton`", binary.display());
    Ok(binary)
}

/// All files below a folder, by their path within it.
fn read(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(&next).with_context(|| format!("failed to list {}", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                left.push(path);
            } else {
                files.insert(path.strip_prefix(folder)?.to_owned(), fs::read(&path)?);
            }
        }
    }
    Ok(files)
}

/// What a case may name: data, modules, and a directory that holds a part of an earlier run.
fn given() -> Result<Files> {
    let mut given = read(&here().join("messages/given"))?;
    let module = here().join("../examples/to-euro/to-euro.wasm");
    let bytes = fs::read(&module).with_context(|| format!("{} is missing: run `make examples`", module.display()))?;
    given.insert("modules/to-euro.wasm".into(), bytes);
    let module = pelton_tests::guest("asker")?;
    given.insert("modules/asker.wasm".into(), fs::read(module)?);
    given.insert("earlier/part-00000.csv".into(), b"x\n1\n".to_vec());
    Ok(given)
}

/// What the binary says about a case.
fn message(binary: &Path, cache: &Path, given: &Files, case: &Path) -> Result<String> {
    let job = fs::read_to_string(case)?;
    let folder = tempfile::tempdir()?;
    for (path, bytes) in given.iter().map(|(path, bytes)| (path.as_path(), bytes.as_slice())) {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().context("a file has a folder")?)?;
        fs::write(path, bytes)?;
    }
    let (verb, job) = match job.strip_prefix("#: run\n") {
        Some(job) => ("run", job),
        None => ("lint", job.as_str()),
    };
    fs::write(folder.path().join("job.toml"), job)?;
    let output = Command::new(binary)
        .args([verb, "job.toml", "--color", "never", "--cache-dir"])
        .arg(cache)
        .current_dir(folder.path())
        .env("LC_ALL", "C.UTF-8")
        .env("TERM", "xterm")
        .output()
        .with_context(|| format!("failed to start {}", binary.display()))?;
    let (code, said) = (output.status.code(), String::from_utf8(output.stderr)?);
    let wanted = if verb == "run" { 1 } else { 2 };
    ensure!(code == Some(wanted), "`pelton {verb}` ended with {code:?} instead of {wanted}, and said\n{said}");
    ensure!(!said.contains(|c: char| c.is_control() && c != '\n'), "a terminal would obey this: {said:?}");
    Ok(said)
}

/// The job files of the golden cases in a folder, or their messages.
fn cases(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(here().join(folder)).expect("the cases").map(|entry| entry.expect("a case").path());
    let mut cases: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == ending)).collect();
    cases.sort();
    cases
}

/// Compares with what is on file, or writes it when blessing.
fn compare(path: &Path, actual: &str) -> Result<()> {
    if env::var_os("PELTON_BLESS").is_some() {
        return Ok(fs::write(path, actual)?);
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    ensure!(expected == actual, "expected\n{expected}\nbut got\n{actual}");
    Ok(())
}

#[test]
fn jobs_that_cannot_be_give_their_messages() {
    let (binary, given) = (binary().expect("a binary to test"), given().expect("what cases may name"));
    let cache = tempfile::tempdir().expect("a directory");
    let cases = cases("messages/bad", "toml");
    assert!(cases.len() >= 40, "only {} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let checked = message(&binary, cache.path(), &given, case)
                .and_then(|message| compare(&case.with_extension("txt"), &message));
            checked.err().map(|error| format!("{}: {error:#}", case.display()))
        })
        .collect();
    assert!(wrong.is_empty(), "run again with PELTON_BLESS=1 if these are right\n\n{}", wrong.join("\n"));
}

/// Codes that no case can bring about in a few lines, each with the place where it is tested.
const WITHOUT_CASE: [(Code, &str); 46] = [
    (Code::JobUnreadable, "no job file: tests of host/src/job/file"),
    (Code::SinkBusy, "two processes: host/src/sink/file/parts_tests.rs"),
    (Code::SinkUnreachable, "a server: tests/postgres"),
    (Code::SinkTable, "a server: tests/postgres"),
    (Code::SinkRowRefused, "a server: tests/postgres"),
    (Code::SinkMarker, "a server: tests/postgres"),
    (Code::RunFailed, "only a fault of the engine itself"),
    (Code::SourceListen, "a port in use: tests/received"),
    (Code::SourceBusy, "an answer to a client: host/src/source/live/tests.rs"),
    (Code::NotReplayable, "an engine: tests/engine"),
    (Code::JobChanged, "a job that was killed: tests/chaos"),
    (Code::NotAFunction, "a module that remembers: tests/replay"),
    (Code::StateUnreadable, "the snapshot of another job: tests/windows, tests/keyed, tests/joins"),
    (Code::ChangeRefused, "a job that runs: tests/swap"),
    (Code::NotRetained, "another command: tests/replay"),
    (Code::StateNotShown, "another command: tests/engine"),
    (Code::NoSuchRow, "another command: tests/replay"),
    (Code::CheckpointUnusable, "another command, or a store: host/src/checkpoint/objects/tests.rs"),
    (Code::BadConfig, "pelton.toml: host/src/cli/config.rs"),
    (Code::CheckpointUnwritable, "a failing disk: host/src/checkpoint/store_tests.rs"),
    (Code::CheckpointBusy, "two processes: host/src/checkpoint/store_tests.rs"),
    (Code::CheckpointDamaged, "a damaged directory: tests/checkpoint"),
    (Code::CheckpointNewer, "a newer version: host/core/src/checkpoint/frame_tests.rs"),
    (Code::CheckpointMissing, "another command: tests/checkpoint"),
    (Code::BundleUnusable, "another command: tests/replay"),
    (Code::SavepointUnusable, "another command: tests/savepoints"),
    (Code::SavepointUnfit, "another command: tests/savepoints"),
    (Code::SavepointUnknown, "another command: tests/savepoints"),
    (Code::RestoreUnfinished, "a process that was killed: tests/savepoints"),
    (Code::EngineUnreachable, "an engine: tests/engine"),
    (Code::Unauthorised, "an engine: tests/engine"),
    (Code::Forbidden, "an engine: tests/engine"),
    (Code::NotFound, "an engine: tests/engine"),
    (Code::Conflict, "an engine: tests/engine"),
    (Code::BadRequest, "an engine: tests/engine"),
    (Code::TooLarge, "an engine: tests/engine"),
    (Code::EngineBusy, "two engines: tests/engine"),
    (Code::DataUnusable, "a damaged directory: host/src/control/folder.rs"),
    (Code::ListenRefused, "an engine: tests/engine"),
    (Code::ProjectUnreadable, "an author's project: tests/languages and tests/authors.rs"),
    (Code::NameTaken, "an author's project: tests/languages and tests/authors.rs"),
    (Code::ToolMissing, "an author's project: tests/languages and tests/authors.rs"),
    (Code::BuildFailed, "an author's project: tests/languages and tests/authors.rs"),
    (Code::CaseUnreadable, "an author's project: tests/languages and tests/authors.rs"),
    (Code::CaseDiffers, "an author's project: tests/languages and tests/authors.rs"),
    (Code::LawBroken, "an author's project: tests/languages and tests/authors.rs"),
];

fn messages_on_file() -> String {
    let files = ["job_files/bad", "messages/bad"].into_iter().flat_map(|folder| cases(folder, "txt"));
    files.map(|path| fs::read_to_string(path).expect("a message")).collect()
}

#[test]
fn every_code_has_a_case() {
    let messages = messages_on_file();
    for code in Code::ALL {
        let excused = WITHOUT_CASE.iter().any(|(without, _)| without == code);
        assert_ne!(
            messages.contains(&format!("({code})")),
            excused,
            "a case for {code}, or a reason why there is none"
        );
    }
}

/// A page that shows what nobody will see helps nobody.
#[test]
fn pages_of_errors_show_messages_as_they_are() {
    let messages = messages_on_file();
    let codes = Code::ALL.iter().filter(|code| !WITHOUT_CASE.iter().any(|(without, _)| without == *code));
    let wrong: Vec<String> = codes
        .filter(|code| {
            let page = fs::read_to_string(here().join(format!("../docs/errors/{code}.md"))).expect("a page");
            let sample = page.split("```text\n").nth(1).and_then(|rest| rest.split("```").next());
            sample.is_none_or(|sample| !sample.contains(&format!("({code})")) || !messages.contains(sample))
        })
        .map(|code| code.to_string())
        .collect();
    assert!(wrong.is_empty(), "these pages show a message that is not in a golden case: {}", wrong.join(", "));
}
