//! Rust by cargo, for `wasm32-unknown-unknown`. All projects share a target directory, so that what the SDK depends on is compiled once.

use std::path::PathBuf;

use crate::author::{
    AuthorError, Project,
    tools::{RUST_TARGET, Tools},
};

pub(super) fn compile(project: &Project, tools: &Tools<'_>) -> Result<PathBuf, AuthorError> {
    let target = tools.cache.join("rust-target");
    let mut command = tools.cargo()?;
    command.current_dir(&project.dir).args(["build", "--release", "--lib", "--target", RUST_TARGET]);
    // Loops use SIMD, whatever the caller's own flags are.
    command.env("RUSTFLAGS", "-C target-feature=+simd128").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command.arg("--target-dir").arg(&target);
    tools.run(&format!("compile {}", project.source.display()), &mut command)?;
    Ok(target.join(RUST_TARGET).join("release").join(format!("{}.wasm", project.identifier())))
}
