//! What the tests need to find: the binary and the modules that they drive.
//!
//! Cargo does not build them for a test; `make test` does, before it runs any. A test binary is
//! `TARGET/PROFILE/deps/NAME-…`, and everything else is looked for from there.

pub mod live;
pub mod seeds;
pub mod snapshots;

use std::{env, path::PathBuf};

use anyhow::{Context, Result, ensure};

/// `$PELTON_BIN`, or `pelton` in the profile's folder.
pub fn binary() -> Result<PathBuf> {
    let binary = match env::var_os("PELTON_BIN") {
        Some(path) => PathBuf::from(path),
        None => above_test(2)?.join(format!("pelton{}", env::consts::EXE_SUFFIX)),
    };
    ensure!(binary.is_file(), "{} is missing: run `make build`, or set PELTON_BIN", binary.display());
    // Jobs run elsewhere, where a relative path would mean something else.
    Ok(binary.canonicalize()?)
}

/// The module of the crate `tests/guests/NAME`.
pub fn guest(name: &str) -> Result<PathBuf> {
    let file = format!("wasm32-unknown-unknown/guest/pelton_{}.wasm", name.replace('-', "_"));
    let module = above_test(3)?.join(file);
    ensure!(module.is_file(), "{} is missing: run `make guests`", module.display());
    Ok(module)
}

/// The module of the example NAME of the crate `tests/guests/lawless`.
pub fn lawless(name: &str) -> Result<PathBuf> {
    example(name)
}

/// The module of the example NAME of the crate `tests/guests/touchy`.
pub fn touchy(name: &str) -> Result<PathBuf> {
    example(name)
}

/// The module of the example NAME of the crate `tests/guests/versions`.
pub fn versions(name: &str) -> Result<PathBuf> {
    example(name)
}

fn example(name: &str) -> Result<PathBuf> {
    let module = above_test(3)?.join(format!("wasm32-unknown-unknown/guest/examples/{name}.wasm"));
    ensure!(module.is_file(), "{} is missing: run `make guests`", module.display());
    Ok(module)
}

fn above_test(levels: usize) -> Result<PathBuf> {
    let test = env::current_exe()?;
    Ok(test.ancestors().nth(levels).context("the test is in a target directory")?.to_owned())
}
