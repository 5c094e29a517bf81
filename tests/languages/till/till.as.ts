// What a till took and gave back: rows that leave a window are taken back, one by one, and nothing of them is left.
import { DROP, KEEP, Verdict, keeps, makes, makesOrNull, option, reads, readsOrNull } from "pelton-guest";

const scale = option<i64>("scale").or(1);
const cents = reads<i64>("cents");
const tip = readsOrNull<i64>("tip");

const rows = keeps<i64>("rows");
const took = keeps<i64>("took");
const gave = keeps<i64>("gave");
const tips = keeps<i64>("tips");

const tookMade = makes<i64>("took");
const gaveMade = makes<i64>("gave");
const tipMade = makesOrNull<f64>("tip");

export function add(): void {
  count(scale.value);
}

export function retract(): void {
  count(-scale.value);
}

export function merge(): void {
  rows.value += rows.later;
  took.value += took.later;
  gave.value += gave.later;
  tips.value += tips.later;
}

export function finish(): Verdict {
  if (rows.value == 0) return DROP;
  tookMade.value = took.value;
  gaveMade.value = gave.value;
  if (tips.value != 0) tipMade.value = f64(took.value) / f64(tips.value);
  return KEEP;
}

function count(times: i64): void {
  rows.value += times;
  if (cents.value < 0) gave.value += cents.value * times;
  else took.value += cents.value * times;
  if (tip.isNull) return;
  took.value += tip.value * times;
  tips.value += times;
}
