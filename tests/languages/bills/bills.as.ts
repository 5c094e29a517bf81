/** Orders and what was paid for them, each by an output of its own: what is owed, what is paid, and the payments of what is paid twice. */
import { emit, left, makes, port, readsKey, right } from "pelton-guest";

const order = readsKey<i64>("order");
const price = left.reads<f64>("price");
const euro = right.reads<f64>("euro");
const rest = makes<f64>("rest");

const paid = port("paid");

const over = port("over");
const overEuro = over.makes<f64>("euro");
over.rename("order", "bill");

export function process(): void {
  let open: f64 = 0;
  while (left.next()) open += price.value;
  while (right.next()) open -= euro.value;
  right.rewind();
  while (right.next()) {
    if (left.count == 0) {
      right.reject(`there is no order ${order.value}`);
    } else if (open < 0) {
      overEuro.value = euro.value;
      over.emit();
    }
  }
  if (left.count == 0 || open < 0) return;
  if (open == 0) {
    paid.emit();
  } else {
    rest.value = open;
    emit();
  }
}
