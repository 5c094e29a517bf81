// Narrower numbers and coarser times, read as wider ones.
import { KEEP, Verdict, makes, reads, readsTimestamp } from "pelton-guest";

const small = reads<f64>("small");
const count = reads<i64>("count");
const at = readsTimestamp("at");
const twice = makes<f64>("double");
const next = makes<i64>("next");
const micros = makes<i64>("micros");

export function row(): Verdict {
  twice.value = small.value * 2;
  next.value = count.value + 1;
  micros.value = at.value;
  return KEEP;
}
