//! C and C++ by zig's compiler, which brings its own libc: the author's sources and `pelton.c` in one core module.
//!
//! Zig's modules take the same glue, and are linked by the same command.

use std::path::{Path, PathBuf};

use super::{sdk, work};
use crate::author::{AuthorError, Language, Project, tools::Tools};

/// The lines of sources are left out, but in modules in Zig, whose panics come with a backtrace.
const STRIP: &str = "-Wl,--strip-debug";
const FLAGS: [&str; 9] = [
    "-target",
    "wasm32-wasi",
    "-O3",
    "-msimd128",
    "-mexec-model=reactor",
    // zig's own is 16 MiB.
    "-Wl,-z,stack-size=1048576",
    "-Wall",
    "-Wno-gnu-zero-variadic-macro-arguments",
    // `PELTON_WHERE` asks for more than every condition allows.
    "-Wno-pass-failed",
];

pub(super) fn compile(project: &Project, tools: &Tools<'_>) -> Result<PathBuf, AuthorError> {
    let glue = glue(project, tools)?;
    let mut parts = sources(project)?;
    parts.push(glue);
    link(project, tools, parts, &format!("compile {}", project.source.display()))
}

/// `pelton.c` as an object, for the project's kind.
pub(super) fn glue(project: &Project, tools: &Tools<'_>) -> Result<PathBuf, AuthorError> {
    let glue = work(project)?.join("pelton.o");
    let source = sdk(&project.dir).join("c/pelton.c");
    let mut command = tools.zig()?;
    // Which interface the SDK exports.
    command.args(["cc", "-std=c11", "-c"]).args(FLAGS).args([STRIP, &kind(project)]).arg(source).arg("-o").arg(&glue);
    tools.run("compile pelton.c", &mut command)?;
    Ok(glue)
}

fn kind(project: &Project) -> String {
    format!("-DPELTON_KIND_{}", project.kind.word().to_uppercase())
}

/// A core module of sources and objects.
pub(super) fn link(
    project: &Project,
    tools: &Tools<'_>,
    parts: impl IntoIterator<Item = PathBuf>,
    what: &str,
) -> Result<PathBuf, AuthorError> {
    let module = work(project)?.join("core.wasm");
    let mut command = tools.zig()?;
    match project.language {
        Language::Cpp => command.args(["c++", "-std=c++20", "-fno-exceptions", "-fno-rtti"]),
        _ => command.args(["cc", "-std=c11"]),
    };
    // Run in the project, so that messages and `__FILE__` name files as the author does.
    command.current_dir(&project.dir).args(FLAGS).arg("-I").arg(sdk(&project.dir).join("c"));
    if project.language != Language::Zig {
        // An operator of another kind does not compile.
        command.args([STRIP, &kind(project)]);
    }
    command.args(parts).arg("-o").arg(&module);
    // The compiler makes the libraries when it first links against them, which takes minutes.
    let libraries =
        if tools.has_zig_libraries(project.language) { "" } else { ", and the language's libraries (once)" };
    tools.run(&format!("{what}{libraries}"), &mut command)?;
    tools.note_zig_libraries(project.language)?;
    Ok(module)
}

/// All sources beside the first one.
fn sources(project: &Project) -> Result<Vec<PathBuf>, AuthorError> {
    let beside = project.source.parent().unwrap_or(Path::new(""));
    let dir = project.dir.join(beside);
    let entries = std::fs::read_dir(&dir).map_err(AuthorError::io(format!("list {}", dir.display())))?;
    let extensions: &[&str] = if project.language == Language::Cpp { &["cpp", "cc", "c"] } else { &["c"] };
    let mut sources: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| beside.join(entry.file_name()))
        .filter(|path| path.extension().is_some_and(|have| extensions.iter().any(|wanted| have == *wanted)))
        .collect();
    sources.sort();
    Ok(sources)
}
