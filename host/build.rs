//! Builds the guests of the std: modules for wasm, and leaves them where `standard` embeds them: `$OUT_DIR/aggregates.wasm` and so on.
//!
//! A component has one kind, so there is one for each kind. The build is one of Cargo's own inside this one, in the same target directory, so that it shares its dependencies with
//! the examples' modules. They do not wait for each other: Cargo locks a directory for each profile and target, and
//! guests have their own of both. It starts again only when something that the guest is made of changes.
//!
//! Lists the files of the SDKs as well, for `author::embedded`: an author has them from the binary, for no registry has them.

use std::{
    env,
    fmt::Write,
    path::{Path, PathBuf},
    process::{Command, exit},
};

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "guest";

/// The packages `pelton-std-NAME`, each of which becomes `NAME.wasm`.
const GUESTS: [&str; 3] = ["aggregates", "keyed", "transforms"];

/// What the guests are made of, from the root of the repository.
const MADE_OF: [&str; 14] = [
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "guest-sdk/rust/Cargo.toml",
    "guest-sdk/rust/macros/Cargo.toml",
    "guest-sdk/rust/macros/src",
    "guest-sdk/rust/src",
    "host/std/aggregates/Cargo.toml",
    "host/std/aggregates/src",
    "host/std/keyed/Cargo.toml",
    "host/std/keyed/src",
    "host/std/transforms/Cargo.toml",
    "host/std/transforms/src",
    "wit",
];

/// What `pelton new` and `pelton build` hand out, from the root of the repository.
const EMBEDDED: [&str; 13] = [
    "guest-sdk/assemblyscript",
    "guest-sdk/c",
    "guest-sdk/go",
    "guest-sdk/java/build",
    "guest-sdk/java/src",
    "guest-sdk/js/src",
    "guest-sdk/python/pelton_guest",
    "guest-sdk/rust/Cargo.toml",
    "guest-sdk/rust/README.md",
    "guest-sdk/rust/macros",
    "guest-sdk/rust/src",
    "guest-sdk/zig",
    "wit",
];

fn main() {
    let root = directory("CARGO_MANIFEST_DIR").join("..");
    let out = directory("OUT_DIR");
    embed(&root, &out);
    for path in MADE_OF {
        println!("cargo:rerun-if-changed={}", root.join(path).display());
    }
    check_target();
    // TARGET_DIR/PROFILE/build/PACKAGE-HASH/out, wherever the target directory was said to be.
    let target_dir = out.ancestors().nth(4).unwrap_or(&out);
    build(&root, target_dir);
    for guest in GUESTS {
        let built = target_dir.join(TARGET).join(PROFILE).join(format!("pelton_std_{guest}.wasm"));
        let module = out.join(guest).with_extension("wasm");
        forget(&module);
        if let Err(error) = std::fs::copy(&built, &module) {
            fail(&format!("failed to copy {}: {error}", built.display()));
        }
    }
}

fn directory(variable: &str) -> PathBuf {
    env::var_os(variable).map(PathBuf::from).unwrap_or_else(|| fail(&format!("Cargo did not set {variable}")))
}

/// Rust's own error for a missing target speaks of `core`, which helps nobody.
fn check_target() {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let libraries = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    let is_there = libraries.is_ok_and(|libraries| {
        libraries.status.success() && Path::new(String::from_utf8_lossy(&libraries.stdout).trim()).is_dir()
    });
    if !is_there {
        fail(&format!("Rust's target {TARGET} is missing: run `make setup`, or `rustup target add {TARGET}`"));
    }
}

fn build(root: &Path, target_dir: &Path) {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // The root has the Cargo configuration that turns SIMD on.
    command.current_dir(root).args(["build", "--profile", PROFILE, "--target", TARGET]);
    command.args(GUESTS.iter().flat_map(|guest| ["--package".to_owned(), format!("pelton-std-{guest}")]));
    command.arg("--target-dir").arg(target_dir);
    // What this build was told does not apply to that one: flags for this machine, and clippy in the compiler's place.
    for variable in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_TARGET"] {
        command.env_remove(variable);
    }
    match command.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => fail(&format!("failed to build the std: modules:\n{}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => fail(&format!("failed to start cargo: {error}")),
    }
}

/// Writes `embedded.rs`: the path of each file from the root of the repository, and its text.
fn embed(root: &Path, out: &Path) {
    let mut files = Vec::new();
    for path in EMBEDDED {
        println!("cargo:rerun-if-changed={}", root.join(path).display());
        collect(&root.join(path), &mut files);
    }
    files.sort();
    let mut list = "[\n".to_owned();
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        writeln!(list, "    ({name:?}, include_str!({:?})),", file.display()).expect("a string takes all");
    }
    list.push(']');
    let embedded = out.join("embedded.rs");
    forget(&embedded);
    if let Err(error) = std::fs::write(&embedded, list) {
        fail(&format!("failed to write {}: {error}", embedded.display()));
    }
}

/// Removes a file before it is written: in a target directory that is a hard-linked copy of another, writing would change that one's too.
fn forget(path: &Path) {
    // What is not there need not go; what cannot, fails as it is written.
    let _ = std::fs::remove_file(path);
}

/// The sources among the files at or below `path`; tests stay here.
fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).unwrap_or_else(|error| fail(&format!("{}: {error}", path.display())));
        entries.flatten().for_each(|entry| collect(&entry.path(), files));
        return;
    }
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    const SOURCES: [&str; 16] =
        ["c", "go", "h", "java", "js", "json", "md", "mjs", "mod", "py", "rs", "toml", "ts", "typed", "wit", "zig"];
    let is_source = SOURCES.contains(&extension);
    if is_source && !name.ends_with("_test.go") {
        files.push(path.to_owned());
    }
}

/// Ends with a message, without a backtrace that would bury it.
fn fail(message: &str) -> ! {
    for line in message.lines() {
        println!("cargo:error={line}");
    }
    exit(1)
}
