//! AssemblyScript by its own compiler: the author's sources, the SDK and the loops around the author's functions in one core module.

use std::{fs, path::PathBuf, process::Command};

use super::work;
use crate::author::{AuthorError, Kind, Project, tools::Tools};

/// The loops stand in the entry, so that the compiler sees the author's functions in it.
const ENTRY: &str = r#"import * as author from "AUTHOR";
import { Kind, contract } from "pelton-guest/contract";
import { empty } from "pelton-guest/memory";

export { cabi_realloc } from "pelton-guest/memory";

export function open(inputs: usize, count: usize, options: usize, size: usize): usize {
  return contract(Kind.KIND, inputs, count, options, size, RETRACTS);
}

/** After every other. */
export function done(result: usize): void {
  empty();
}
"#;

const TRANSFORM: &str = r#"
import { answer, beginRows, enter, leave } from "pelton-guest/out";
import { loadTable } from "pelton-guest/side";
import { enterColumns, leaveColumns } from "pelton-guest/transform";

// A second call of a function, which never comes, keeps the compiler from putting a loop where it would have fewer registers.
function called(rows: i32): void {
  if (isDefined(author.columns)) {
    leaveColumns(author.columns(enterColumns()));
    if (rows < 0) author.columns(rows);
  } else if (isDefined(author.row)) {
    for (let row = 0; row < rows; row++) if (enter(row)) leave(author.row());
  } else {
    ERROR("a transform exports `row` or `columns`");
  }
}

export function process(
  epoch: u64, first: u64, now: i64, watermark: i64, seed: u64, rows: i32, nodes: usize, count: usize,
): usize {
  beginRows(epoch, first, now, watermark, seed, rows, nodes);
  called(rows);
  if (rows < 0) called(rows);
  return answer();
}

// transform.mjs exports it where there are side tables.
export function load(name: usize, size: usize, version: u64, rows: i32, nodes: usize, count: usize): usize {
  return loadTable(name, size, rows, nodes);
}
"#;

const AGGREGATE: &str = r#"
import { beginAdd, beginFinish, beginMerge, enterAdd, enterFinish, folded } from "pelton-guest/aggregate";
import { enterSlot } from "pelton-guest/columns";
import { answer, leave } from "pelton-guest/out";

if (!isDefined(author.add) || !isDefined(author.merge) || !isDefined(author.finish)) {
  ERROR("an aggregate exports `add`, `merge` and `finish`");
}

export function accumulate(
  epoch: u64, first: u64, now: i64, watermark: i64, seed: u64, rows: i32, nodes: usize, count: usize, slots: usize, size: usize,
  groups: i32, kept: usize, keptCount: usize,
): usize {
  beginAdd(epoch, first, now, watermark, seed, rows, nodes, slots, groups, kept);
  for (let row = 0; row < rows; row++) if (enterAdd(row)) author.add();
  return folded(groups);
}

// Is there only if it is called: aggregate.mjs exports `retract` then.
function takeBack(rows: i32): void {
  for (let row = 0; row < rows; row++) if (enterAdd(row)) author.retract();
}

export function retract(
  epoch: u64, first: u64, now: i64, watermark: i64, seed: u64, rows: i32, nodes: usize, count: usize, slots: usize, size: usize,
  groups: i32, kept: usize, keptCount: usize,
): usize {
  beginAdd(epoch, first, now, watermark, seed, rows, nodes, slots, groups, kept);
  if (isDefined(author.retract)) takeBack(rows);
  return folded(groups);
}

export function merge(rows: i32, left: usize, leftCount: usize, laterRows: i32, right: usize, rightCount: usize): usize {
  beginMerge(rows, left, right);
  for (let row = 0; row < rows; row++) {
    enterSlot(row);
    author.merge();
  }
  return folded(rows);
}

export function finish(given: usize): usize {
  const groups = beginFinish(given);
  for (let group = 0; group < groups; group++) {
    enterFinish(group);
    leave(author.finish());
  }
  return answer();
}
"#;

const KEYED: &str = r#"
import { answer, begin, enterKey, leaveKey } from "pelton-guest/keyed";
import { beginMigrate, enterOlder, leaveOlder, migrated } from "pelton-guest/versions";

if (!isDefined(author.process)) ERROR("a keyed operator exports `process`");

export function process(given: usize): usize {
  const keys = begin(given);
  for (let key = 0; key < keys; key++) {
    if (!enterKey(key)) continue;
    author.process();
    leaveKey();
  }
  return answer();
}

// Is there only if it is called: keyed.mjs exports `migrate` then.
function migrateRows(rows: i32): void {
  for (let row = 0; row < rows; row++) if (enterOlder(row)) leaveOlder(author.migrate());
}

export function migrate(
  table: usize, size: usize, version: u32, old: usize, columns: u32, keyRows: i32, keys: usize, keyCount: usize, rows: i32, nodes: usize,
  count: usize, options: usize, optionsSize: usize,
): usize {
  const looked = beginMigrate(table, size, version, old, columns, rows, nodes, count);
  if (isDefined(author.migrate)) migrateRows(looked);
  return migrated();
}
"#;

const COGROUP: &str = r#"
import { begin, enterKey } from "pelton-guest/cogroup";
import { answer } from "pelton-guest/out";

if (!isDefined(author.process)) ERROR("a cogroup exports `process`");

export function process(given: usize): usize {
  const keys = begin(given);
  for (let key = 0; key < keys; key++) if (enterKey(key)) author.process();
  return answer();
}
"#;

const ENRICH: &str = r#"
import { answered, asked, beginAnswer, beginAsk, leaveAsk } from "pelton-guest/enrich";
import { enter, leave } from "pelton-guest/out";

if (!isDefined(author.ask) || !isDefined(author.answer)) ERROR("an enrich operator exports `ask` and `answer`");

export function ask(
  epoch: u64, first: u64, now: i64, watermark: i64, seed: u64, rows: i32, nodes: usize, count: usize,
): usize {
  beginAsk(epoch, first, now, watermark, seed, rows, nodes);
  for (let row = 0; row < rows; row++) if (enter(row)) leaveAsk(author.ask());
  return asked(rows);
}

export function answer(
  epoch: u64, first: u64, now: i64, watermark: i64, seed: u64, rows: i32, nodes: usize, count: usize, wanted: usize, wantedSize: usize,
  replies: usize, repliesCount: u32,
): usize {
  beginAnswer(epoch, first, now, watermark, seed, rows, nodes, wanted, replies, repliesCount);
  for (let row = 0; row < rows; row++) if (enter(row)) leave(author.answer());
  return answered();
}
"#;

pub(super) fn compile(project: &Project, tools: &Tools<'_>) -> Result<PathBuf, AuthorError> {
    let work = work(project)?;
    let source = project.source.display().to_string();
    let entry = work.join("entry.ts");
    // From `.pelton/build`.
    let author = format!("../../{}", source.strip_suffix(".ts").unwrap_or(&source));
    fs::write(&entry, entry_of(project.kind, &author))
        .map_err(AuthorError::io(format!("write {}", entry.display())))?;
    let module = work.join("core.wasm");
    let mut command = Command::new(tools.assemblyscript()?.join("node_modules/.bin/asc"));
    // Run in the project, so that messages name files as the author does. A comma in a path would make two of it.
    command.current_dir(&project.dir).args([".pelton/build/entry.ts", "--path", "./.pelton/sdk/assemblyscript"]);
    command.arg("--transform").arg(format!("./.pelton/sdk/assemblyscript/{}.mjs", project.kind));
    command.args(["--outFile", ".pelton/build/core.wasm"]);
    // With names for backtraces. What is allocated is collected between calls, when nothing of the module's is running.
    command.args(["-O3", "--debug", "--runtime", "minimal", "--exportStart", "_initialize"]);
    command.args(["--use", "abort=~lib/pelton-guest/log/aborted"]);
    tools.run(&format!("compile {source}"), &mut command)?;
    Ok(module)
}

/// What the compiler begins with, for a module whose source is `author`.
fn entry_of(kind: Kind, author: &str) -> String {
    let (name, loops) = match kind {
        Kind::Transform => ("TRANSFORM", TRANSFORM),
        Kind::Aggregate => ("AGGREGATE", AGGREGATE),
        Kind::Keyed => ("KEYED", KEYED),
        Kind::Cogroup => ("COGROUP", COGROUP),
        Kind::Enrich => ("ENRICH", ENRICH),
    };
    // Elsewhere it may be any function of the author's.
    let retracts = if kind == Kind::Aggregate { "isDefined(author.retract)" } else { "false" };
    let entry = ENTRY.replace("AUTHOR", author).replace("Kind.KIND", &format!("Kind.{name}"));
    entry.replace("RETRACTS", retracts) + loops
}
