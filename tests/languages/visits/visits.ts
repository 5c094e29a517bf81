// Visits of users: rows made from rows and by timers, rows refused, timers moved and cleared, state with text and nulls.
import { keyed, s64, timestamp, utf8 } from "pelton-guest";

const END = 7;

export const visits = keyed({
  options: { gap: s64.default(30n) },
  key: { user: utf8 },
  reads: { at: timestamp, page: utf8.orNull },
  state: { clicks: s64, last: utf8.orNull },
  makes: { event: utf8, clicks: s64, page: utf8.orNull },
  process({ key, rows, state, timers, out, options }) {
    for (const row of rows) {
      const { at, page } = row;
      if (page === "bad") {
        out.reject(row, `${key.user} was on a bad page`);
        continue;
      }
      if (state.value === null) out.emit({ event: "begin", clicks: 1n, page }, row);
      state.value = { clicks: (state.value?.clicks ?? 0n) + 1n, last: page };
      timers.set(END, at + options.gap * 1_000_000n);
      if (page === "exit") {
        out.emit({ event: "exit", clicks: state.value.clicks, page: null }, row);
        state.value = null;
        timers.clear(END);
      }
    }
    for (const _ of timers.due()) {
      if (state.value === null) continue;
      out.emit({ event: "end", clicks: state.value.clicks, page: state.value.last });
      state.value = null;
    }
  },
});
