/** Stays of users: rows made from rows by one output, rows made by timers by another, and a third that nothing is computed for. */
import { keyed, s64, timestamp, utf8 } from "pelton-guest";

const END = 1;

export const stays = keyed({
  key: { user: utf8 },
  reads: { at: timestamp, page: utf8 },
  state: { clicks: s64 },
  ports: {
    ended: { makes: { clicks: s64 } },
    begun: { makes: { page: utf8 }, passes: ["user", "at"], rename: { at: "since" } },
    again: { passes: "all" },
  },
  process({ key, rows, state, timers, out }) {
    for (const click of rows) {
      if (click.page === "bad") {
        out.reject(click, `${key.user} was on a bad page`);
        continue;
      }
      out.emit(state.value === null ? { begun: { page: click.page } } : { again: {} }, click);
      state.value = { clicks: (state.value?.clicks ?? 0n) + 1n };
      timers.set(END, click.at + 60_000_000n);
    }
    for (const _ of timers.due()) {
      if (state.value !== null) out.emit({ ended: state.value });
      state.value = null;
    }
  },
});
