/**
 * State of older versions of a module, made into this version's by the author's `migrate`: the loop that `pelton build` writes around it calls
 * these. Lists and maps go on as they are.
 *
 * ```ts
 * const first = version(1);
 * const cents = first.keeps<i64>("cents");
 * const euro = keeps<i64>("euro");
 *
 * export function migrate(): Verdict {
 *   euro.value = cents.value / 100;
 *   return KEEP;
 * }
 * ```
 */
import { enterSlot, slot } from "./columns";
import { enterCall } from "./context";
import { Keeping, Kept, keep, keepings, writeKept } from "./kept";
import { getText, putList, putText, zeros } from "./memory";
import { Verdict, beginOlder, pendingReason } from "./out";
import { stored } from "./stored";
import { Type, formatOf, typeOf } from "./types";

const FIELD_BYTES: usize = 24;

/** What a version before this one kept for each key. */
export class Version {
  readonly keepings: Keeping[] = [];
  /** In `migrate`: whether the state is of this version. */
  isIt: bool = false;

  constructor(readonly number: u32) {}

  /** A value that it kept. `T` is a number, `bool`, `string` or `Uint8Array`. */
  keeps<T>(name: string): Kept<T> {
    return this.kept<T>(name, typeOf<T>(), false);
  }

  /** The same with nulls: see `isNull`. */
  keepsOrNull<T>(name: string): Kept<T> {
    return this.kept<T>(name, typeOf<T>(), true);
  }

  /** Microseconds since 1970, UTC. */
  keepsTimestamp(name: string): Kept<i64> {
    return this.kept<i64>(name, Type.TIMESTAMP, false);
  }

  keepsTimestampOrNull(name: string): Kept<i64> {
    return this.kept<i64>(name, Type.TIMESTAMP, true);
  }

  /** Days since 1970. */
  keepsDate(name: string): Kept<i32> {
    return this.kept<i32>(name, Type.DATE, false);
  }

  keepsDateOrNull(name: string): Kept<i32> {
    return this.kept<i32>(name, Type.DATE, true);
  }

  private kept<T>(name: string, type: Type, nullable: bool): Kept<T> {
    const column = new Kept<T>(name, type, nullable);
    this.keepings.push(column);
    return column;
  }
}

/** The versions before this one. */
export const versions: Version[] = [];

/** A version of the state before this one; the first is 1, and the state is then of the version after the last. */
export function version(number: u32): Version {
  assert(number == u32(versions.length) + 1, "versions are declared one after the other, from 1 on");
  const made = new Version(number);
  versions.push(made);
  return made;
}

/** What cannot be taken over, and why; empty: nothing. */
let why: string = "";
/** The answer, where rows go on as they are. */
let unchanged: usize = 0;
let count: i32 = 0;
let older: Version | null = null;
/** A byte for each row, 1 if it goes. */
let dropped: usize = 0;

/** Begins a call; how many rows `migrate` is to look at. */
export function beginMigrate(table: usize, size: usize, from: u32, old: usize, columns: u32, rows: i32, nodes: usize, nodesCount: usize): i32 {
  enterCall(0, 0, 0, 0, 0);
  beginOlder();
  why = "";
  unchanged = 0;
  count = rows;
  const name = String.UTF8.decodeUnsafe(table, size);
  if (name != "state" || keepings.length == 0) {
    why = goesOn(name, old, columns);
    unchanged = zeros(16);
    store<u32>(unchanged, rows, 4);
    putList(unchanged + 8, nodes, nodesCount);
    return 0;
  }
  if (from == 0 || from > u32(versions.length)) {
    why = "this module has no function that migrates state of version " + from.toString();
    return 0;
  }
  const before = versions[from - 1];
  older = before;
  for (let i = 0; i < versions.length; i++) versions[i].isIt = versions[i] === before;
  const wanted: string[] = [];
  for (let i = 0; i < before.keepings.length; i++) wanted.push(shown(before.keepings[i].name, before.keepings[i].format));
  why = sameColumns("what `migrate` expects of version " + from.toString(), old, columns, wanted);
  if (why != "") return 0;
  for (let i = 0; i < before.keepings.length; i++) before.keepings[i].bind(nodes + <usize>i * 12, rows);
  for (let i = 0; i < keepings.length; i++) keepings[i].bindNothing(rows);
  dropped = zeros(rows);
  return rows;
}

/** Whether the function is to look at the row. */
export function enterOlder(row: i32): bool {
  enterSlot(row);
  store<u8>(dropped + row, 1);
  const columns = older!.keepings;
  let missing = "";
  let isThere = false;
  for (let i = 0; i < columns.length; i++) {
    if (!columns[i].isNull) isThere = true;
    else if (!columns[i].nullable && missing == "") missing = columns[i].name;
  }
  if (isThere && missing != "" && why == "") {
    why = "`" + missing + "` of a key's state is null in version " + older!.number.toString() + ", though other fields have values and it is no `OrNull`";
  }
  keep(false);
  return isThere && why == "";
}

export function leaveOlder(verdict: Verdict): void {
  if (verdict == Verdict.REJECT) {
    const reason = pendingReason();
    why = reason == "" ? "the module does not take it over" : reason;
  }
  store<u8>(dropped + slot, u8(verdict != Verdict.KEEP));
}

/** The answer to `migrate`. */
export function migrated(): usize {
  if (why != "") {
    const result = zeros(16);
    store<u8>(result, 1);
    putText(result + 4, why);
    return result;
  }
  if (unchanged != 0) return unchanged;
  const result = zeros(16);
  for (let i = 0; i < keepings.length; i++) keepings[i].settle(dropped, count);
  writeKept(result + 4, count);
  return result;
}

/** A list or map is as it was, or what is wrong. */
function goesOn(name: string, old: usize, columns: u32): string {
  for (let i = 0; i < stored.length; i++) {
    if (stored[i].name != name) continue;
    const wanted = stored[i].shown();
    // How a list calls its positions is the SDK's.
    if (stored[i].isList() && columns > 0) wanted[0] = shown(getText(old), formatOf(Type.S64));
    return sameColumns("`" + name + "`, which goes on as it is,", old, columns, wanted);
  }
  return "this module keeps no `" + name + "`";
}

function shown(name: string, format: string): string {
  return name + ": " + format;
}

/** The columns that came are those that are expected, in their order; else what is wrong. */
function sameColumns(what: string, old: usize, columns: u32, wanted: string[]): string {
  const came: string[] = [];
  for (let i: u32 = 0; i < columns; i++) {
    const field = old + <usize>i * FIELD_BYTES;
    came.push(shown(getText(field), getText(field + 8)));
  }
  const left = came.join(", ");
  const right = wanted.join(", ");
  return left == right ? "" : what + " has the columns (" + right + "), but (" + left + ") came";
}
