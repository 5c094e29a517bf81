/**
 * The rows that a call makes, with the row that each came from, and the rows that it refuses. The kinds of operators call it around the
 * author's functions.
 */
import { Making, Reading, makeRow, makings, readRow, readings, rowMade, rowRead, slot } from "./columns";
import { enterCall } from "./context";
import { order } from "./contract";
import { alloc, grown, putList, putText, zeros } from "./memory";
import { beginPorts, forgetRow, ports, putPorts } from "./ports";

/** What becomes of a row. */
export enum Verdict {
  DROP,
  KEEP,
  REJECT,
}

export const KEEP: Verdict = Verdict.KEEP;
export const DROP: Verdict = Verdict.DROP;

/** The origin of a row that came from none. */
export const NO_ORIGIN: u32 = u32.MAX_VALUE;

/** What one output has, in `wit/types.wit`. */
const EMITTED_BYTES: usize = 28;

let capacity: i32 = 0;
/** For each row that is made, the row that it came from (u32). */
let origins: usize = 0;
/** A byte for each row, 1 if it is rejected already; 0 if none is. */
let refused: usize = 0;
/** Where the rows that were made of this row begin. */
let before: i32 = 0;
/** Columns that a row must be emptied in before it is made. */
const cleared: Making[] = [];
let rejectedRows: i32[] = [];
let reasons: string[] = [];
let pending: string = "";

/** What a row that `emit` makes comes from, where nothing else is said. */
export enum From {
  /** The row that is looked at. */
  ROW,
  /** Nothing: in a keyed operator. */
  NONE,
  /** The key: in a cogroup. */
  KEY,
}

let usual: From = From.ROW;
let batchRows: i32 = 0;

/** Begins a call with so many rows. */
export function beginOut(rows: i32, from: From): void {
  usual = from;
  batchRows = rows;
  rejectedRows = [];
  reasons = [];
  refused = 0;
  origins = 0;
  cleared.length = 0;
  for (let i = 0; i < makings.length; i++) {
    makings[i].begin();
    if (makings[i].needsClear) cleared.push(makings[i]);
  }
  makeRow(0);
  makeRoom(max(rows, 1));
  beginPorts();
}

/** Begins a call of `migrate`, in which nothing is made. */
export function beginOlder(): void {
  usual = From.ROW;
  pending = "";
}

/** What `reject` was given. */
export function pendingReason(): string {
  return pending;
}

/** Begins a call with the rows of a batch: their columns, the rows that are refused, and room for what is made. */
export function beginRows(
  epoch: u64, first: u64, now: i64, watermark: i64, seed: u64, rows: i32, nodes: usize, from: From = From.ROW,
): void {
  enterCall(epoch, first, now, watermark, seed);
  beginOut(rows, from);
  bindRows(readings, nodes, rows, 0);
}

/** Takes the columns of rows, and refuses rows with nulls where there must be none; the first row has this number. */
export function bindRows(columns: Reading[], nodes: usize, rows: i32, first: i32): void {
  for (let i = 0; i < columns.length; i++) {
    const column = columns[i];
    column.bind(nodes + i * 12, rows);
    if (column.nullable || column.valid == 0) continue;
    const reason = "`" + column.name + "` is null";
    for (let row = 0; row < rows; row++) if (load<u8>(column.valid + row) == 0) refuse(first + row, reason);
  }
}

/** Refuses the row, which goes to `operator.rejected` with the reason: `return reject("no price");`. In a keyed operator nothing is answered. */
export function reject(reason: string): Verdict {
  if (usual != From.ROW) refuse(rowRead, reason);
  pending = reason;
  return Verdict.REJECT;
}

/**
 * Makes a row of what was set: in a transform besides the one that `KEEP` makes, in a keyed operator one that came from no row, in a
 * cogroup one of the key.
 */
export function emit(): void {
  append(usualOrigin());
}

/** What a row comes from that `emit` makes. */
@inline
export function usualOrigin(): u32 {
  return usual == From.ROW ? rowRead : usual == From.KEY ? slot : NO_ORIGIN;
}

export function append(from: u32): void {
  store<u32>(origins + (<usize>rowMade << 2), from);
  makeRow(rowMade + 1);
  prepare();
}

/** At column level: row `made` came from row `read`. */
@inline
export function origin(made: i32, read: i32): void {
  store<u32>(origins + (<usize>made << 2), read);
}

/** A number as text, without a fraction where there is none: `-1`, not `-1.0`. */
export function plain(value: f64): string {
  const text = value.toString();
  return text.endsWith(".0") ? text.slice(0, text.length - 2) : text;
}

@inline
export function isRefused(row: i32): bool {
  return refused != 0 && load<u8>(refused + row) != 0;
}

/** Whether the function is to look at the row. */
@inline
export function enter(row: i32): bool {
  if (isRefused(row)) return false;
  readRow(row);
  before = rowMade;
  prepare();
  return true;
}

@inline
export function leave(verdict: Verdict): void {
  if (verdict == Verdict.REJECT) {
    rejectRow();
    return;
  }
  // Without a branch, which nobody could foresee.
  store<u32>(origins + (<usize>rowMade << 2), rowRead);
  makeRow(rowMade + i32(verdict == Verdict.KEEP));
}

/** Makes the next row ready to be set. */
@inline
export function prepare(): void {
  if (rowMade == capacity) makeRoom(capacity * 2);
  if (cleared.length > 0) clear();
}

/** At column level: the rows that are left (u32), or 0 if all are; `keptCount` says how many. */
export let keptCount: i32 = 0;

export function keptRows(): usize {
  keptCount = batchRows;
  if (refused == 0) return 0;
  const kept = alloc(<usize>batchRows << 2);
  keptCount = 0;
  for (let row = 0; row < batchRows; row++) {
    if (load<u8>(refused + row) != 0) continue;
    store<u32>(kept + (<usize>keptCount << 2), row);
    keptCount++;
  }
  return kept;
}

/** At column level: so many rows were made of the rows in `kept`. */
export function madeOf(made: i32, kept: usize): void {
  assert(made >= 0 && made <= capacity, "columns() answered with more rows than there is room for");
  makeRow(made);
  if (kept == 0) return;
  for (let i = 0; i < made; i++) {
    const at = origins + (<usize>i << 2);
    store<u32>(at, load<u32>(kept + (<usize>load<u32>(at) << 2)));
  }
}

/** The answer to `process` of a transform and of a cogroup, and to `finish`. */
export function answer(): usize {
  const rows = rowMade;
  const emitted = zeros(EMITTED_BYTES * (ports.length + 1));
  if (usual == From.KEY || !isRowForRow(rows)) putOrigins(emitted + 4);
  putMade(emitted + 16);
  const result = zeros(20);
  putList(result + 4, emitted, putPorts(emitted, 1, EMITTED_BYTES, 4, false));
  putRejections(result + 12);
  return result;
}

/** Writes the origins as an option that is there. */
export function putOrigins(at: usize): void {
  store<u8>(at, 1);
  putList(at + 4, origins, <usize>rowMade << 2);
}

export function hasOrigins(): bool {
  for (let row = 0; row < rowMade; row++) if (load<u32>(origins + (<usize>row << 2)) != NO_ORIGIN) return true;
  return false;
}

/** Writes what was made as a table. */
export function putMade(at: usize): void {
  const nodes = zeros(order.length * 12);
  for (let i = 0; i < order.length; i++) order[i].write(nodes + i * 12, rowMade);
  store<u32>(at, rowMade);
  putList(at + 4, nodes, order.length);
}

function isRowForRow(rows: i32): bool {
  if (rows != batchRows) return false;
  for (let row = 0; row < rows; row++) if (load<u32>(origins + (<usize>row << 2)) != row) return false;
  return true;
}

function rejectRow(): void {
  makeRow(before);
  forgetRow(rowRead);
  rejectedRows.push(rowRead);
  reasons.push(pending);
}

/** Rejects the row at once; the first reason counts. */
export function refuse(row: i32, reason: string): void {
  if (refused == 0) refused = zeros(batchRows);
  if (load<u8>(refused + row) != 0) return;
  store<u8>(refused + row, 1);
  rejectedRows.push(row);
  reasons.push(reason);
}

/** Writes the list of rejections; rows in order, for the function comes after the nulls. */
export function putRejections(at: usize): void {
  const list = zeros(rejectedRows.length * 12);
  const places = rejectedRows.map<i32>((_, place) => place);
  if (refused != 0) places.sort((a, b) => rejectedRows[a] - rejectedRows[b]);
  for (let i = 0; i < places.length; i++) {
    store<u32>(list + i * 12, rejectedRows[places[i]]);
    putText(list + i * 12 + 4, reasons[places[i]]);
  }
  putList(at, list, rejectedRows.length);
}

function clear(): void {
  for (let i = 0; i < cleared.length; i++) unchecked(cleared[i]).clear(rowMade);
}

function makeRoom(rows: i32): void {
  origins = grown(origins, <usize>rowMade << 2, (<usize>rows + 1) << 2);
  for (let i = 0; i < makings.length; i++) makings[i].grow(rowMade, rows);
  capacity = rows;
}
