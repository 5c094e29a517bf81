// What the context tells of a row.
import { DROP, KEEP, Verdict, makes, random, reads, rowNumber } from "pelton-guest";

const id = reads<i64>("id");
const number = makes<u64>("row");
const first = makes<f64>("first");
const second = makes<f64>("second");

export function row(): Verdict {
  number.value = rowNumber();
  first.value = random();
  second.value = random();
  return id.value != 3 ? KEEP : DROP;
}
