//! Runs the jobs of the pages in docs/ as a reader would, by the real binary, and compares what they print with `tests/pages/PAGE.txt`.
//!
//! A job is a block of `sh` that writes a `job.toml`. It runs in an empty folder with `pelton` in its path, and finds there what
//! the repository has after a build. `PELTON_BLESS=1` writes the expected text anew; the page says in words what it should be.

use std::{env, fs, os::unix::fs::symlink, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};

/// Each page, and how many jobs it has.
const PAGES: [(&str, usize); 4] = [("windows", 3), ("state", 1), ("joins", 3), ("sorting", 1)];

#[test]
fn jobs_of_pages_print_what_is_expected() -> Result<()> {
    for (page, count) in PAGES {
        let text = fs::read_to_string(here().join(format!("../docs/{page}.md")))?;
        let jobs = jobs(&text);
        ensure!(jobs.len() == count, "docs/{page}.md has {} jobs and not {count}", jobs.len());
        let mut printed = String::new();
        for (number, job) in (1..).zip(jobs) {
            let said = run(job).with_context(|| format!("job {number} of docs/{page}.md"))?;
            printed.push_str(&format!("job {number} of docs/{page}.md\n\n{said}\n"));
        }
        let path = here().join(format!("pages/{page}.txt"));
        if env::var_os("PELTON_BLESS").is_some() {
            fs::write(&path, &printed)?;
        }
        let expected = fs::read_to_string(&path)?;
        ensure!(printed == expected, "expected\n{expected}\ngot\n{printed}\nrun again with PELTON_BLESS=1");
    }
    Ok(())
}

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The blocks of a page that make a job and run it.
fn jobs(page: &str) -> Vec<&str> {
    let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| block.contains("cat > job.toml")).collect()
}

/// What the last command of a block prints.
fn run(block: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let (binary, module) = (pelton_tests::binary()?, pelton_tests::guest("ledger")?);
    let (release, guests) =
        (folder.path().join("target/release"), folder.path().join("target/wasm32-unknown-unknown/guest"));
    fs::create_dir_all(&release)?;
    fs::create_dir_all(&guests)?;
    symlink(&binary, release.join("pelton"))?;
    symlink(&module, guests.join(module.file_name().context("a file")?))?;
    let path =
        env::join_paths([release].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())))?;
    let output = Command::new("sh")
        .args(["-euc", block])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("PELTON_CACHE_DIR", cache())
        .env("LC_ALL", "C.UTF-8")
        .env_remove("COLUMNS")
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn cache() -> PathBuf {
    env::temp_dir().join("pelton-tests-cache")
}
