// The reference operator by rows: prices over 100, in euro.
import { DROP, KEEP, Verdict, makes, reads } from "pelton-guest";

const price = reads<f64>("price");
const euro = makes<f64>("euro");

export function row(): Verdict {
  euro.value = price.value * 0.908;
  return price.value > 100 ? KEEP : DROP;
}
