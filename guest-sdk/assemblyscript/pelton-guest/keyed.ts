/**
 * One call of a keyed operator: the loop that `pelton build` writes around the author's `process` calls these.
 *
 * The numbers are places of fields in the records of `wit/keyed.wit`, as they lie in memory.
 */
import { enterSlot, keyReadings, readRow, rowMade, rowRead, slot } from "./columns";
import { keyPlaces } from "./contract";
import { isKept, keep, keepings, putKept } from "./kept";
import { alloc, putList, zeros } from "./memory";
import { From, append, beginRows, hasOrigins, isRefused, prepare, putMade, putOrigins, putRejections, refuse } from "./out";
import { ports, putPorts } from "./ports";
import { beginStored, enterStored, leaveStored, stored } from "./stored";
import { beginTimers, dueOf, enterTimers, putTimers } from "./timers";

const ROWS: usize = 40;
const ENDS: usize = 52;
const KEYS: usize = 60;
const STATE: usize = 72;
const DUE: usize = 80;
const EXPIRING: usize = 112;
const CHANGE_BYTES: usize = 32;
const EMITTED_BYTES: usize = 48;

let given: usize = 0;
/** The key's rows that were not looked at yet. */
let nextAt: i32 = 0;
let firstAt: i32 = 0;
let endAt: i32 = 0;
/** Whether a row is looked at. */
let isAtRow: bool = false;
let expires: bool = false;
let wasKept: bool = false;
/** For each row that was made the key that it belongs to. */
@lazy
const madeKeys: u32[] = [];
/** Keys whose state changes, and how: 0 put, 1 delete. */
@lazy
const changedKeys: u32[] = [];
@lazy
const changedKinds: u8[] = [];

/** Looks at the key's next row; false if there is none, and then at none. */
export function nextRow(): bool {
  while (nextAt < endAt) {
    const row = nextAt++;
    if (isRefused(row)) continue;
    readRow(row);
    isAtRow = true;
    return true;
  }
  isAtRow = false;
  return false;
}

/** Begins the key's rows again; those that were rejected do not come again. */
export function rewind(): void {
  nextAt = firstAt;
  isAtRow = false;
}

/** Makes a row of what was set that has the event time and the columns of the row that is looked at. */
export function emitRow(): void {
  append(rowAt());
}

/** The row that is looked at. */
export function rowAt(): u32 {
  assert(isAtRow, "emitRow() is for a row that nextRow() has come to");
  return rowRead;
}

/** Whether anything is kept for the key: once one of its columns is set, until `forget`. */
@inline
export function hasState(): bool {
  return isKept;
}

/** Keeps nothing for the key any more. */
export function forget(): void {
  for (let i = 0; i < keepings.length; i++) keepings[i].empty();
  keep(false);
}

/** Whether the key's time to live has ended: this is its last call. */
export function isExpiring(): bool {
  return expires;
}

/** Begins a call; how many keys there are. */
export function begin(at: usize): i32 {
  given = at;
  const rows = load<u32>(at, ROWS);
  const keys = load<u32>(at, KEYS);
  beginRows(
    load<u64>(at), load<u64>(at, 8), load<i64>(at, 16), load<i64>(at, 24), load<u64>(at, 32), rows, load<usize>(at, ROWS + 4),
    From.NONE,
  );
  for (let i = 0; i < keyReadings.length; i++) keyReadings[i].bind(load<usize>(at, KEYS + 4) + keyPlaces[i] * 12, keys);
  if (keepings.length > 0) {
    const nodes = load<usize>(load<usize>(at, STATE), 4);
    for (let i = 0; i < keepings.length; i++) {
      keepings[i].bind(nodes + i * 12, keys);
      keepings[i].remember(keys);
    }
  }
  beginTimers(at + DUE, keys);
  beginStored(u32(keepings.length > 0));
  madeKeys.length = 0;
  changedKeys.length = 0;
  changedKinds.length = 0;
  nextAt = endAt = 0;
  return keys;
}

/** Whether the function is to look at the key. */
export function enterKey(key: i32): bool {
  enterSlot(key);
  firstAt = nextAt = endAt;
  endAt = load<u32>(load<usize>(given, ENDS) + (<usize>key << 2));
  expires = load<u8>(load<usize>(given, EXPIRING) + key) != 0;
  enterTimers();
  const hasRow = nextRow();
  if (!hasRow && dueOf(key) == 0 && !expires) return false;
  if (isNullKey()) return false;
  // Until the first row is looked at, numbers are those of the first.
  if (!hasRow) readRow(firstAt);
  rewind();
  wasKept = false;
  for (let i = 0; i < keepings.length; i++) if (!keepings[i].isNull) wasKept = true;
  keep(wasKept);
  enterStored();
  prepare();
  return true;
}

/** Takes what the function did. */
export function leaveKey(): void {
  while (madeKeys.length < rowMade) madeKeys.push(slot);
  leaveStored();
  if (keepings.length == 0 || (!wasKept && !isKept) || (wasKept && isKept && isAsBefore())) return;
  changedKeys.push(slot);
  changedKinds.push(u8(!isKept));
}

function isAsBefore(): bool {
  for (let i = 0; i < keepings.length; i++) if (!keepings[i].isAsBefore) return false;
  return true;
}

/** Whether the key has a null where the module takes none; its rows are rejected then. */
function isNullKey(): bool {
  for (let i = 0; i < keyReadings.length; i++) {
    const column = keyReadings[i];
    if (column.nullable || !column.isNullAt(slot)) continue;
    for (let row = firstAt; row < endAt; row++) refuse(row, "`" + column.name + "` is null");
    return true;
  }
  return false;
}

/** The answer to `process`. */
export function answer(): usize {
  const result = zeros(68);
  const emitted = zeros(EMITTED_BYTES * (ports.length + 1));
  if (rowMade > 0) {
    putList(emitted + 4, madeKeys.dataStart, <usize>rowMade << 2);
    if (hasOrigins()) putOrigins(emitted + 12);
    putMade(emitted + 36);
  }
  putList(result + 4, emitted, putPorts(emitted, usize(rowMade > 0), EMITTED_BYTES, 12, true));
  const changes = alloc((<usize>stored.length + 1) * CHANGE_BYTES);
  let changed: usize = 0;
  if (changedKeys.length > 0) {
    store<u32>(changes, 0);
    putList(changes + 4, changedKinds.dataStart, changedKinds.length);
    putList(changes + 12, changedKeys.dataStart, <usize>changedKeys.length << 2);
    putKept(changes + 20, changedKeys.length, changedKeys.dataStart);
    changed++;
  }
  for (let i = 0; i < stored.length; i++) changed += usize(stored[i].putChanges(changes + changed * CHANGE_BYTES));
  putList(result + 12, changes, changed);
  putTimers(result + 20);
  putRejections(result + 60);
  return result;
}
