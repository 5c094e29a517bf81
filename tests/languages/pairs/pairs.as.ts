// Each row of a key on the left with each on the right: sides without rows, nulls, and rows of both sides that are refused.
import { emit, left, makes, makesOrNull, option, readsKey, right } from "pelton-guest";

const most = option<i64>("most").or(100);
const user = readsKey<string>("user");
const number = left.readsOrNull<i64>("n");
const word = right.reads<string>("word");
const share = right.readsOrNull<f64>("x");

const n = makes<i64>("n");
const text = makes<string>("word");
const x = makesOrNull<f64>("x");

export function process(): void {
  let sum: i64 = 0;
  let made: i64 = 0;
  while (right.next()) if (word.value == "bad") right.reject(`${user.value} is bad`);
  while (left.next()) {
    if (number.isNull) {
      left.reject(`${user.value} has no number`);
      continue;
    }
    sum += number.value;
    right.rewind();
    while (right.next() && made < most.value) {
      tell(number.value, word.value);
      if (!share.isNull) x.value = share.value;
      emit();
      made++;
    }
  }
  if (right.count > 0 && left.count > 0) return;
  tell(sum, right.count == 0 ? "left alone" : "right alone");
  emit();
}

function tell(told: i64, by: string): void {
  n.value = told;
  text.value = by;
}
