//! AssemblyScript by its own compiler: the author's sources, the SDK and the loop around the author's function in one core module.

use std::{fs, path::PathBuf, process::Command};

use super::work;
use crate::author::{AuthorError, Project, tools::Tools};

/// The loop stands in the entry, so that the compiler sees the author's function in it. A module has `row` or `columns`.
const ENTRY: &str = r#"import * as author from "AUTHOR";
import { contract } from "pelton-guest/contract";
import { empty } from "pelton-guest/memory";
import { answer, begin, enter, enterColumns, leave, leaveColumns } from "pelton-guest/transform";

export { cabi_realloc } from "pelton-guest/memory";

export function open(inputs: usize, count: usize, options: usize, size: usize): usize {
  return contract(inputs, count, options, size);
}

export function opened(result: usize): void {
  empty();
}

export function process(
  epoch: u64, first: u64, now: i64, watermark: i64, seed: u64, rows: i32, nodes: usize, count: usize,
): usize {
  begin(epoch, first, now, watermark, seed, rows, nodes);
  if (isDefined(author.columns)) {
    leaveColumns(author.columns(enterColumns()));
  } else {
    for (let row = 0; row < rows; row++) if (enter(row)) leave(author.row());
  }
  return answer();
}

export function processed(result: usize): void {
  empty();
}
"#;

pub(super) fn compile(project: &Project, tools: &Tools<'_>) -> Result<PathBuf, AuthorError> {
    let work = work(project)?;
    let source = project.source.display().to_string();
    let entry = work.join("entry.ts");
    // From `.pelton/build`.
    let author = format!("../../{}", source.strip_suffix(".ts").unwrap_or(&source));
    fs::write(&entry, ENTRY.replace("AUTHOR", &author))
        .map_err(AuthorError::io(format!("write {}", entry.display())))?;
    let module = work.join("core.wasm");
    let mut command = Command::new(tools.assemblyscript()?.join("node_modules/.bin/asc"));
    // Run in the project, so that messages name files as the author does. A comma in a path would make two of it.
    command.current_dir(&project.dir).args([".pelton/build/entry.ts", "--path", "./.pelton/sdk/assemblyscript"]);
    command.args(["--transform", "./.pelton/sdk/assemblyscript/exports.mjs", "--outFile", ".pelton/build/core.wasm"]);
    // With names for backtraces. What is allocated is collected between calls, when nothing of the module's is running.
    command.args(["-O3", "--debug", "--runtime", "minimal", "--exportStart", "_initialize"]);
    command.args(["--use", "abort=~lib/pelton-guest/log/aborted"]);
    tools.run(&format!("compile {source}"), &mut command)?;
    Ok(module)
}
