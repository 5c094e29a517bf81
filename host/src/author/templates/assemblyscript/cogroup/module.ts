// What is still to be paid of each order, if it is `least` or more.
import { emit, left, makes, option, readsKey, right } from "pelton-guest";

const least = option<f64>("least");
const order = readsKey<i64>("order");
const price = left.reads<f64>("price");
const euro = right.reads<f64>("euro");
const unpaid = makes<f64>("unpaid");

export function process(): void {
  if (left.count == 0) {
    while (right.next()) right.reject(`there is no order ${order.value}`);
    return;
  }
  let rest: f64 = 0;
  while (left.next()) rest += price.value;
  while (right.next()) rest -= euro.value;
  if (rest < least.value) return;
  unpaid.value = rest;
  emit();
}
