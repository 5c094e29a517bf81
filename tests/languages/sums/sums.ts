/** Sums by key in whole euros and cents beside them: version 2 of what keeps cents in tests/guests/versions. */
import { Reject, keyed, list, older, s64, utf8 } from "pelton-guest";

const split = (cents: bigint, rows: bigint) => {
  const rest = ((cents % 100n) + 100n) % 100n;
  return { euro: (cents - rest) / 100n, cents: `${rest}`, rows };
};

export const sums = keyed({
  reads: { n: s64 },
  state: { euro: s64, cents: utf8, rows: s64 },
  tables: { last: list(s64) },
  makes: { n: s64, cents: s64, last: s64, version: s64 },
  migrate: older({ cents: s64 }, ({ cents }) => {
    if (cents === 404404n) throw new Reject("nobody pays so much");
    return cents === 0n ? null : split(cents, 0n);
  }),
  process({ rows, state, tables: { last }, out }) {
    for (const row of rows) {
      const before = state.value ?? { euro: 0n, cents: "0", rows: 0n };
      const cents = before.euro * 100n + BigInt(before.cents) + row.n;
      state.value = split(cents, before.rows + 1n);
      last.push(row.n);
      last.keepLast(3);
      out.emit({ n: row.n, cents, last: [...last].reduce((sum, n) => sum + n, 0n), version: 2n }, row);
    }
  },
});
