// Prints, and then fails: the log has the line, and the trap the place.
import { keyed, s64 } from "pelton-guest";

export const fails = keyed({
  reads: { n: s64 },
  state: { count: s64 },
  process({ rows, state }) {
    console.log("said before");
    for (const { n } of rows) state.value = { count: n / (n - 2n) }; // HERE
  },
});
