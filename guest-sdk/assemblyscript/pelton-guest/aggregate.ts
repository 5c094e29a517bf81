/** The calls of an aggregate: the loops that `pelton build` writes around the author's `add`, `retract`, `merge` and `finish` call these. */
import { enterSlot, readRow } from "./columns";
import { enterGiven } from "./context";
import { keepings, putKept } from "./kept";
import { zeros } from "./memory";
import { From, beginOut, beginRows, enter, isRefused } from "./out";

/** Of a result: an early one is replaced by a later one; a late one comes again, because late rows came. */
export enum Pane {
  EARLY,
  ON_TIME,
  LATE,
}

/** The window of a result, in microseconds since 1970; without windows all of time. */
export class Window {
  /** The first moment inside, and the first after it. */
  start: i64 = 0;
  end: i64 = 0;
  pane: Pane = Pane.ON_TIME;
}

/** In `finish`: that of the group. */
@lazy
export const window: Window = new Window();

/** Places in the memory in which the arguments of `finish` come: the context and the keys before them. */
const STARTS: usize = 52;
const ENDS: usize = 60;
const PANES: usize = 68;
const ACCUMULATORS: usize = 76;

let slots: usize = 0;
let given: usize = 0;

export function beginAdd(
  epoch: u64, first: u64, now: i64, watermark: i64, seed: u64, rows: i32, nodes: usize, slotOfRow: usize, groups: i32, kept: usize,
): void {
  beginRows(epoch, first, now, watermark, seed, rows, nodes);
  for (let i = 0; i < keepings.length; i++) keepings[i].bind(kept + i * 12, groups);
  slots = slotOfRow;
}

/** Whether the row is folded, or taken back: one with a null where there is no `OrNull` is left out, as SQL's aggregates do. */
@inline
export function enterAdd(row: i32): bool {
  if (isRefused(row)) return false;
  readRow(row);
  enterSlot(load<u32>(slots + (<usize>row << 2)));
  return true;
}

export function beginMerge(rows: i32, left: usize, right: usize): void {
  for (let i = 0; i < keepings.length; i++) {
    keepings[i].bind(left + i * 12, rows);
    keepings[i].bindLater(right + i * 12, rows);
  }
}

/** The answer to `accumulate`, `retract` and `merge`. */
export function folded(groups: i32): usize {
  const result = zeros(16);
  putKept(result + 4, groups, 0);
  return result;
}

/** Begins `finish`; how many groups there are. */
export function beginFinish(at: usize): i32 {
  given = at;
  enterGiven(at);
  const groups = load<u32>(at, ACCUMULATORS);
  const nodes = load<usize>(at, ACCUMULATORS + 4);
  for (let i = 0; i < keepings.length; i++) keepings[i].bind(nodes + i * 12, groups);
  beginOut(groups, From.ROW);
  return groups;
}

export function enterFinish(group: i32): void {
  enter(group);
  enterSlot(group);
  window.start = load<i64>(load<usize>(given, STARTS) + (<usize>group << 3));
  window.end = load<i64>(load<usize>(given, ENDS) + (<usize>group << 3));
  window.pane = <Pane>load<u8>(load<usize>(given, PANES) + group);
}
