// Logs, and then fails: the log has the line, and the trap the place.
import { Level, keeps, log, nextRow, reads } from "pelton-guest";

const n = reads<i64>("n");
const kept = keeps<i64>("n");

export function process(): void {
  log(Level.INFO, "said before");
  while (nextRow()) {
    assert(n.value != 2, "two is nothing to divide by"); // HERE
    kept.value = n.value / (n.value - 2);
  }
}
