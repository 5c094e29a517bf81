// The bids of each bidder, as long as they are less than `gap` seconds apart.
import {
  emit, forget, hasState, keeps, keepsTimestamp, makes, nextRow, nextTimer, option, plain, reads, readsTimestamp, reject, setTimer,
} from "pelton-guest";

const gap = option<i64>("gap");
const price = reads<f64>("price");
const at = readsTimestamp("at");
const bidsMade = makes<i64>("bids");
const spentMade = makes<f64>("spent");

// What is kept for each bidder.
const bids = keeps<i64>("bids");
const spent = keeps<f64>("spent");
const ends = keepsTimestamp("ends");

// The number of the timer: a bidder has one.
const END = 0;

export function process(): void {
  while (nextRow()) {
    if (price.value < 0) {
      reject(`${plain(price.value)} is no price`);
      continue;
    }
    // The gap may be over, though the timer has not told yet.
    if (hasState() && at.value >= ends.value) end();
    bids.value += 1;
    spent.value += price.value;
    ends.value = at.value + gap.value * 1000000;
    setTimer(END, ends.value);
  }
  while (nextTimer()) end();
}

function end(): void {
  if (!hasState()) return;
  bidsMade.value = bids.value;
  spentMade.value = spent.value;
  emit();
  forget();
}
