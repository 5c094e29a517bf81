/** One batch of a transform: the loop that `pelton build` writes around the author's `row` or `columns` calls these. */
import { readings } from "./columns";
import { enterCall } from "./context";
import { beginOut, keptCount, keptRows, madeOf, refuseNulls } from "./out";

/** At column level, the rows that are left (u32); 0 if all are. */
let kept: usize = 0;

export function begin(epoch: u64, first: u64, now: i64, watermark: i64, seed: u64, rows: i32, nodes: usize): void {
  enterCall(epoch, first, now, watermark, seed);
  for (let i = 0; i < readings.length; i++) readings[i].bind(nodes + i * 12, rows);
  beginOut(rows);
  refuseNulls();
}

/** At column level: leaves the rows with nulls out; how many there are. */
export function enterColumns(): i32 {
  kept = keptRows();
  if (kept != 0) for (let i = 0; i < readings.length; i++) readings[i].gather(kept, keptCount);
  return keptCount;
}

/** At column level: so many rows were made. */
export function leaveColumns(made: i32): void {
  madeOf(made, kept);
}
