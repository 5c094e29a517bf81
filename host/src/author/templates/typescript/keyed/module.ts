// The bids of each bidder, as long as they are less than `gap` seconds apart.
import { f64, keyed, s32, s64, timestamp } from "pelton-guest";

// The number of the timer: a bidder has one.
const END = 0;

export const {{camel}} = keyed({
  options: { gap: s32 },
  reads: { price: f64, at: timestamp },
  // What is kept for each bidder.
  state: { bids: s64, spent: f64, ends: timestamp },
  makes: { bids: s64, spent: f64 },
  process({ rows, state, timers, out, options }) {
    const end = () => {
      if (state.value !== null) out.emit(state.value);
      state.value = null;
    };
    for (const row of rows) {
      if (row.price < 0) {
        out.reject(row, `${row.price} is no price`);
        continue;
      }
      // The gap may be over, though the timer has not told yet.
      if (state.value !== null && row.at >= state.value.ends) end();
      const { bids, spent } = state.value ?? { bids: 0n, spent: 0 };
      const ends = row.at + BigInt(options.gap) * 1_000_000n;
      state.value = { bids: bids + 1n, spent: spent + row.price, ends };
      timers.set(END, ends);
    }
    for (const _ of timers.due()) end();
  },
});
