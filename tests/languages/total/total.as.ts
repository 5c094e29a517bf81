// Sums, means and the first word of each group: nulls, text and numbers that are kept; groups that are dropped and refused.
import { DROP, KEEP, Verdict, keeps, keepsOrNull, makes, makesOrNull, option, reads, readsOrNull, reject } from "pelton-guest";

const scale = option<i64>("scale").or(1);
const n = readsOrNull<i64>("n");
const x = reads<f64>("x");
const word = readsOrNull<string>("word");

const rows = keeps<i64>("rows");
const sum = keeps<i64>("sum");
const numbers = keeps<i64>("numbers");
const total = keeps<f64>("total");
const first = keepsOrNull<string>("word");

const sumMade = makes<i64>("sum");
const mean = makesOrNull<f64>("mean");
const totalMade = makes<f64>("total");
const wordMade = makesOrNull<string>("word");

export function add(): void {
  rows.value += 1;
  total.value += x.value;
  if (!n.isNull) {
    sum.value += n.value * scale.value;
    numbers.value += 1;
  }
  if (!word.isNull) keep(word.value);
}

export function merge(): void {
  rows.value += rows.later;
  sum.value += sum.later;
  numbers.value += numbers.later;
  total.value += total.later;
  if (!first.isLaterNull) keep(first.later);
}

export function finish(): Verdict {
  if (sum.value < 0) return reject(`${sum.value} is less than nothing`);
  if (rows.value == 0) return DROP;
  sumMade.value = sum.value;
  if (numbers.value > 0) mean.value = f64(sum.value) / f64(numbers.value);
  totalMade.value = total.value;
  if (!first.isNull) wordMade.value = first.value;
  return KEEP;
}

function keep(later: string): void {
  if (first.isNull || later < first.value) first.value = later;
}
