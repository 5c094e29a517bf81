// A fold whose `merge` loses what later rows came to: `pelton check` must say so.
import { KEEP, Verdict, keeps, makes, reads } from "pelton-guest";

const n = reads<i64>("n");
const count = keeps<i64>("count");
const countMade = makes<i64>("count");

export function add(): void {
  count.value += 1;
}

export function merge(): void {}

export function finish(): Verdict {
  countMade.value = count.value;
  return KEEP;
}
