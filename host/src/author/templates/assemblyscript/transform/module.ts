// Bids over `min`, priced in euro. All other columns pass through untouched.
import { DROP, KEEP, Verdict, makes, option, plain, reads, reject } from "pelton-guest";

const rate = option<f64>("rate");
const min = option<f64>("min").or(0);
const price = reads<f64>("price");
const euro = makes<f64>("euro");

export function row(): Verdict {
  if (price.value < 0) return reject(`${plain(price.value)} is no price`);
  euro.value = price.value * rate.value;
  return price.value > min.value ? KEEP : DROP;
}
