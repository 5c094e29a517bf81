//! Zig by its own compiler: the author's sources and the SDK in one object, linked with the glue that C's modules have.
//!
//! The author's functions are compiled with their safety checks; the loops of the SDK around them without.

use std::{fs, path::PathBuf};

use super::{c, sdk, work};
use crate::author::{AuthorError, Project, tools::Tools};

/// Of each of the three parts; the settings of the compiler are those of one part.
const PART: [&str; 3] = ["-target", "wasm32-wasi", "-mcpu=generic+simd128"];

pub(super) fn compile(project: &Project, tools: &Tools<'_>) -> Result<PathBuf, AuthorError> {
    let work = work(project)?;
    let glue = c::glue(project, tools)?;
    // The compiler asks the file that it begins with what to do when something panics.
    let entry = work.join("entry.zig");
    let text = format!(
        "const pelton = @import(\"pelton\");\n\npub const panic = pelton.panic;\npub const std_options = pelton.std_options;\n\ncomptime {{\n    @import(\"author\").operator.declare(\"{}\", .{});\n}}\n",
        project.identifier(),
        project.kind
    );
    fs::write(&entry, text).map_err(AuthorError::io(format!("write {}", entry.display())))?;
    let object = work.join("author.o");
    let mut command = tools.zig()?;
    // Run in the project, so that messages and `@src()` name files as the author does.
    command.current_dir(&project.dir).args(["build-obj", "--cache-dir"]).arg(work.join("zig-cache"));
    command.arg(format!("-femit-bin={}", object.display()));
    command.args(PART).args(["-O", "fast", "--dep", "author", "--dep", "pelton"]);
    command.arg(format!("-Mroot={}", entry.display()));
    command.args(PART).args(["-O", "safe", "--dep", "pelton"]).arg(format!("-Mauthor={}", project.source.display()));
    command.args(PART).args(["-O", "fast"]);
    command.arg(format!("-Mpelton={}", sdk(&project.dir).join("zig/pelton.zig").display()));
    tools.run(&format!("compile {}", project.source.display()), &mut command)?;
    c::link(project, tools, [glue, object], "link")
}
