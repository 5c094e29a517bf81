// What a till took and gave back: rows that leave a window are taken back, one by one, and nothing of them is left.
import { aggregate, f64, s64 } from "pelton-guest";

interface State { rows: bigint; took: bigint; gave: bigint; tips: bigint }
interface Paid { cents: bigint; tip: bigint | null }

function count(state: State, { cents, tip }: Paid, times: bigint): void {
  state.rows += times;
  if (cents < 0n) state.gave += cents * times;
  else state.took += cents * times;
  if (tip === null) return;
  state.took += tip * times;
  state.tips += times;
}

export const till = aggregate({
  options: { scale: s64.default(1n) },
  reads: { cents: s64, tip: s64.orNull },
  state: { rows: s64, took: s64, gave: s64, tips: s64 },
  zero: { rows: 0n, took: 0n, gave: 0n, tips: 0n },
  makes: { took: s64, gave: s64, tip: f64.orNull },
  add: (state, paid, { options }) => count(state, paid, options.scale),
  retract: (state, paid, { options }) => count(state, paid, -options.scale),
  merge(state, later) {
    state.rows += later.rows;
    state.took += later.took;
    state.gave += later.gave;
    state.tips += later.tips;
  },
  finish({ rows, took, gave, tips }) {
    const tip = tips === 0n ? null : Number(took) / Number(tips);
    return rows === 0n ? null : { took, gave, tip };
  },
});
