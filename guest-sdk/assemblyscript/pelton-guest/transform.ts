/** One batch of a transform by columns: what `pelton build` writes around the author's `columns` calls these. */
import { readings } from "./columns";
import { keptCount, keptRows, madeOf } from "./out";

/** The rows that are left (u32); 0 if all are. */
let kept: usize = 0;

/** Leaves the rows with nulls out; how many there are. */
export function enterColumns(): i32 {
  kept = keptRows();
  if (kept != 0) for (let i = 0; i < readings.length; i++) readings[i].gather(kept, keptCount);
  return keptCount;
}

/** So many rows were made. */
export function leaveColumns(made: i32): void {
  madeOf(made, kept);
}
