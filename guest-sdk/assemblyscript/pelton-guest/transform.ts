/**
 * One batch: the loop that `pelton build` writes around the author's `row` or `columns` calls these, and they make the answer.
 */
import { Making, makeRow, makings, readRow, readings, rowMade, rowRead } from "./columns";
import { enterCall } from "./context";
import { order } from "./contract";
import { alloc, grown, putList, putText, zeros } from "./memory";

/** What becomes of a row. */
export enum Verdict {
  DROP,
  KEEP,
  REJECT,
}

export const KEEP: Verdict = Verdict.KEEP;
export const DROP: Verdict = Verdict.DROP;

let batchRows: i32 = 0;
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
/** At column level, the rows that are left (u32), and how many. */
let keptRows: usize = 0;
let keptCount: i32 = 0;

/** Refuses the row, which goes to `operator.rejected` with the reason: `return reject("no price");` */
export function reject(reason: string): Verdict {
  pending = reason;
  return Verdict.REJECT;
}

/** Makes a row of what was set, besides the one that `KEEP` makes: for functions that make many of one. */
export function emit(): void {
  store<u32>(origins + (<usize>rowMade << 2), rowRead);
  makeRow(rowMade + 1);
  if (rowMade == capacity) makeRoom(capacity * 2);
  clear();
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

export function begin(epoch: u64, first: u64, now: i64, watermark: i64, seed: u64, rows: i32, nodes: usize): void {
  enterCall(epoch, first, now, watermark, seed);
  batchRows = rows;
  rejectedRows = [];
  reasons = [];
  keptRows = 0;
  for (let i = 0; i < readings.length; i++) readings[i].bind(nodes + i * 12, rows);
  refused = refuseNulls(rows);
  origins = 0;
  cleared.length = 0;
  for (let i = 0; i < makings.length; i++) {
    makings[i].begin();
    if (makings[i].needsClear) cleared.push(makings[i]);
  }
  makeRow(0);
  makeRoom(max(rows, 1));
}

/** Whether the function is to look at the row. */
@inline
export function enter(row: i32): bool {
  if (refused != 0 && load<u8>(refused + row) != 0) return false;
  readRow(row);
  before = rowMade;
  if (rowMade == capacity) makeRoom(capacity * 2);
  if (cleared.length > 0) clear();
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

/** At column level: leaves the rows with nulls out; how many there are. */
export function enterColumns(): i32 {
  if (refused == 0) return batchRows;
  keptRows = alloc(<usize>batchRows << 2);
  keptCount = 0;
  for (let row = 0; row < batchRows; row++) {
    if (load<u8>(refused + row) != 0) continue;
    store<u32>(keptRows + (<usize>keptCount << 2), row);
    keptCount++;
  }
  for (let i = 0; i < readings.length; i++) readings[i].gather(keptRows, keptCount);
  return keptCount;
}

/** At column level: so many rows were made. */
export function leaveColumns(made: i32): void {
  assert(made >= 0 && made <= capacity, "columns() answered with more rows than there is room for");
  makeRow(made);
  if (keptRows == 0) return;
  for (let i = 0; i < made; i++) {
    const at = origins + (<usize>i << 2);
    store<u32>(at, load<u32>(keptRows + (<usize>load<u32>(at) << 2)));
  }
}

/** The answer to `process`. */
export function answer(): usize {
  const rows = rowMade;
  const nodes = zeros(order.length * 12);
  for (let i = 0; i < order.length; i++) order[i].write(nodes + i * 12, rows);
  const emitted = zeros(28);
  if (!isRowForRow(rows)) {
    store<u8>(emitted, 1, 4);
    putList(emitted + 8, origins, <usize>rows << 2);
  }
  store<u32>(emitted, rows, 16);
  putList(emitted + 20, nodes, order.length);
  const result = zeros(20);
  putList(result + 4, emitted, 1);
  putList(result + 12, rejections(), rejectedRows.length);
  return result;
}

function isRowForRow(rows: i32): bool {
  if (rows != batchRows) return false;
  for (let row = 0; row < rows; row++) if (load<u32>(origins + (<usize>row << 2)) != row) return false;
  return true;
}

function rejectRow(): void {
  makeRow(before);
  rejectedRows.push(rowRead);
  reasons.push(pending);
}

/** A list of rejections; rows in order, for the function comes after the nulls. */
function rejections(): usize {
  const list = zeros(rejectedRows.length * 12);
  const places = rejectedRows.map<i32>((_, place) => place);
  if (refused != 0) places.sort((a, b) => rejectedRows[a] - rejectedRows[b]);
  for (let i = 0; i < places.length; i++) {
    store<u32>(list + i * 12, rejectedRows[places[i]]);
    putText(list + i * 12 + 4, reasons[places[i]]);
  }
  return list;
}

/** Rejects rows with a null where the module takes none; which, a byte for each row, or 0 if there is none. */
function refuseNulls(rows: i32): usize {
  let bytes: usize = 0;
  for (let i = 0; i < readings.length; i++) {
    const column = readings[i];
    if (column.nullable || column.valid == 0) continue;
    for (let row = 0; row < rows; row++) {
      if (load<u8>(column.valid + row) != 0) continue;
      if (bytes == 0) bytes = zeros(rows);
      if (load<u8>(bytes + row) != 0) continue;
      store<u8>(bytes + row, 1);
      rejectedRows.push(row);
      reasons.push("`" + column.name + "` is null");
    }
  }
  return bytes;
}

function clear(): void {
  for (let i = 0; i < cleared.length; i++) unchecked(cleared[i]).clear(rowMade);
}

function makeRoom(rows: i32): void {
  origins = grown(origins, <usize>rowMade << 2, (<usize>rows + 1) << 2);
  for (let i = 0; i < makings.length; i++) makings[i].grow(rowMade, rows);
  capacity = rows;
}
