//! Runs each example by the real binary, in a copy of its folder, and compares every file that it writes with `expected/`.
//!
//! An example is a folder `examples/NAME` with a `job.toml` whose sinks write below `out/`; `expected/` is what `out/` must hold
//! afterwards, byte for byte and with no file more, on one thread and on four. An example that moves rows from one place to another has a `verify.sh`
//! instead, which kills its jobs and compares checksums; `expected.txt` is what it says. `PELTON_BLESS=1` writes `expected/` and `expected.txt` anew.
//! The binary is `$PELTON_BIN`, or the one in the target directory that this test is in; the modules come from
//! `examples/build.sh`.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

const THREADS: [&str; 2] = ["1", "4"];

/// Files by their path within a folder.
type Files = BTreeMap<PathBuf, Vec<u8>>;

#[test]
fn every_example_writes_what_is_expected_on_one_and_four_threads() {
    let binary = pelton_tests::binary().expect("a binary to test");
    let examples = examples().expect("the examples");
    assert!(!examples.is_empty(), "no folder in examples/ has a job.toml");
    let failures: Vec<String> = examples
        .iter()
        .filter_map(|example| check(&binary, example).err().map(|error| format!("{}: {error:#}", example.display())))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// The story that `make demo-swap` tells: a module is tried, promoted, and another one rolled back; it counts every row itself.
#[test]
fn the_demo_of_swaps_counts_every_row() {
    let binary = pelton_tests::binary().expect("a binary to test");
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/hot-swap/demo.sh");
    let output = Command::new(demo).arg(binary).output().expect("the demo");
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    for told_of in ["rows differ", "goes by revision 3", "rolled back, since", "numbered without a gap and in order"] {
        assert!(told.contains(told_of), "{told_of}: {told}");
    }
}

/// The story that `make demo-replay` tells: an epoch again, with another module, and from a bundle.
#[test]
fn the_demo_of_replays_is_the_same_each_time() {
    let binary = pelton_tests::binary().expect("a binary to test");
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/replay/demo.sh");
    let output = Command::new(demo).arg(binary).output().expect("the demo");
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    for told_of in ["all of them the same", "only as committed (-)", "saved as 7.bundle"] {
        assert!(told.contains(told_of), "{told_of}: {told}");
    }
    assert_eq!(told.matches("bit for bit the same as committed").count(), 4, "{told}");
}

/// What examples/rates/README.md promises: a server is asked once, and a replay asks nobody.
#[test]
fn the_demo_of_rates_asks_once() {
    let binary = pelton_tests::binary().expect("a binary to test");
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/rates/demo.sh");
    let output = Command::new(demo).arg(binary).output().expect("the demo");
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    for told_of in ["1,100.0,USD,92.0", "6,7.0,XAU,status 404", "bit for bit the same as committed"] {
        assert!(told.contains(told_of), "{told_of}: {told}");
    }
    assert_eq!(told.matches("GET /latest/USD").count(), 1, "{told}");
}

#[test]
fn orders_go_to_parquet_and_back() {
    verify("migrate");
}

#[test]
fn a_mirror_says_what_its_table_says() {
    if env::var_os("PELTON_POSTGRES").is_some_and(|value| value == "none") {
        eprintln!("left out by PELTON_POSTGRES=none");
        return;
    }
    verify("mirror-table");
}

#[test]
fn what_a_feed_says_again_is_there_once() {
    verify("feed-to-parquet");
}

/// Runs the example's `verify.sh`. Neither the rows nor the checksums that it says depend on when its jobs were killed.
fn verify(name: &str) {
    let binary = pelton_tests::binary().expect("a binary to test");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
    let output = Command::new(example.join("verify.sh")).arg(binary).output().expect("verify.sh");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let expected = example.join("expected.txt");
    if env::var_os("PELTON_BLESS").is_some() {
        fs::write(&expected, said.as_bytes()).expect("a file to write");
    }
    let expected = fs::read_to_string(expected).expect("run `make bless`, and read what it wrote");
    assert_eq!(said, expected, "examples/{name}/verify.sh says something else");
}

fn check(binary: &Path, example: &Path) -> Result<()> {
    let expected = example.join("expected");
    if env::var_os("PELTON_BLESS").is_some() {
        let written = run(binary, example, THREADS[0])?;
        if expected.exists() {
            fs::remove_dir_all(&expected)?;
        }
        write(&expected, &written)?;
    }
    let expected = read(&expected)?;
    ensure!(!expected.is_empty(), "nothing is expected: run `make bless`, and read what it wrote");
    for threads in THREADS {
        compare(&expected, &run(binary, example, threads)?)
            .with_context(|| format!("`pelton run job.toml --threads {threads}` wrote something else"))?;
    }
    Ok(())
}

/// What the example writes below `out/`.
fn run(binary: &Path, example: &Path, threads: &str) -> Result<Files> {
    let copy = tempfile::tempdir()?;
    write(copy.path(), &inputs(example)?)?;
    let output = Command::new(binary)
        .args(["run", "job.toml", "--threads", threads, "--color", "never", "--cache-dir", "cache"])
        .current_dir(copy.path())
        .output()
        .with_context(|| format!("failed to start {}", binary.display()))?;
    let message = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`pelton run` ended with {}:\n{message}", output.status);
    read(&copy.path().join("out"))
}

/// The job file, its modules and its data.
fn inputs(example: &Path) -> Result<Files> {
    let data = read(&example.join("data"))?;
    let mut files: Files = data.into_iter().map(|(path, bytes)| (Path::new("data").join(path), bytes)).collect();
    for entry in fs::read_dir(example)? {
        let path = entry?.path();
        let module = path.extension().is_some_and(|ending| ending == "wasm");
        if module || path.ends_with("job.toml") {
            let name = path.file_name().context("an entry of a folder has a name")?;
            files.insert(name.into(), fs::read(&path)?);
        }
    }
    let sources = example.join("Cargo.toml").is_file();
    let modules = files.keys().any(|path| path.extension().is_some_and(|ending| ending == "wasm"));
    ensure!(modules || !sources, "its module is not built: run `make examples` (or examples/build.sh) first");
    Ok(files)
}

fn compare(expected: &Files, written: &Files) -> Result<()> {
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    ensure!(names(expected) == names(written), "expected the files {:?}, got {:?}", names(expected), names(written));
    for ((path, expected), written) in expected.iter().zip(written.values()) {
        if expected == written {
            continue;
        }
        let (expected, written) = (String::from_utf8_lossy(expected), String::from_utf8_lossy(written));
        let mut lines = (1..).zip(expected.lines().zip(written.lines()));
        match lines.find(|(_, (expected, written))| expected != written) {
            Some((line, (expected, written))) => {
                bail!("{} differs in line {line}\n  expected {expected}\n  got      {written}", path.display())
            }
            None => bail!(
                "{} has {} bytes instead of {}, and begins with the same lines",
                path.display(),
                written.len(),
                expected.len()
            ),
        }
    }
    Ok(())
}

/// All files below a folder; none if there is no folder.
fn read(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        if !next.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(folder)?.to_owned(), fs::read(&path)?);
            }
        }
    }
    Ok(files)
}

fn write(folder: &Path, files: &Files) -> Result<()> {
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
        fs::write(path, bytes)?;
    }
    Ok(())
}

fn examples() -> Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").canonicalize()?;
    let mut examples: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    examples.retain(|example| example.join("job.toml").is_file() && !example.join("verify.sh").is_file());
    examples.sort();
    Ok(examples)
}
