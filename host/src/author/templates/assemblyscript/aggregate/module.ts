// How far apart prices are, those under `min` left out.
import { DROP, KEEP, Verdict, keepsOrNull, makes, option, reads } from "pelton-guest";

const min = option<f64>("min").or(0);
const price = reads<f64>("price");
const range = makes<f64>("range");

// What the engine keeps for each group; both are null for no rows.
const least = keepsOrNull<f64>("least");
const most = keepsOrNull<f64>("most");

export function add(): void {
  if (price.value >= min.value) take(price.value, price.value);
}

export function merge(): void {
  if (!least.isLaterNull) take(least.later, most.later);
}

export function finish(): Verdict {
  if (least.isNull) return DROP;
  range.value = most.value - least.value;
  return KEEP;
}

function take(from: f64, to: f64): void {
  if (least.isNull || from < least.value) least.value = from;
  if (most.isNull || to > most.value) most.value = to;
}
