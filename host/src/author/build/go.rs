//! Go by its own compiler, as a reactor for WASI preview 1, which packing takes away.

use std::path::PathBuf;

use super::work;
use crate::author::{AuthorError, Project, tools::Tools};

pub(super) fn compile(project: &Project, tools: &Tools<'_>) -> Result<PathBuf, AuthorError> {
    let module = work(project)?.join("core.wasm");
    let mut command = tools.go()?;
    command.current_dir(&project.dir).env("GOOS", "wasip1").env("GOARCH", "wasm").env("GOWORK", "off");
    // Which interface the SDK exports.
    let tag = format!("pelton_{}", project.kind);
    command.args(["build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-tags", &tag, "-o"]);
    command.arg(&module).arg(".");
    tools.run(&format!("compile {}", project.source.display()), &mut command)?;
    Ok(module)
}
