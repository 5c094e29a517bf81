/** Keyed operators over epochs, with state and timers kept between. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { f64, keyed, s32, s64, timestamp, utf8 } from "pelton-guest";
import { Refused, start } from "pelton-guest/testing";

const END = 0;
const SECOND = 1_000_000;

const visits = keyed({
  options: { gap: s32.default(60) },
  key: { user: utf8 },
  reads: { at: timestamp },
  state: { clicks: s64, since: timestamp.orNull },
  makes: { clicks: s64 },
  process({ rows, state, timers, out, options }) {
    for (const { at } of rows) {
      state.value ??= { clicks: 0n, since: at };
      state.value.clicks += 1n;
      timers.set(END, at + BigInt(options.gap * SECOND));
    }
    for (const _ of timers.due()) {
      if (state.value === null) continue;
      out.emit({ clicks: state.value.clicks });
      state.value = null;
    }
  },
});
const schema = { user: "utf8", at: "timestamp[us]" };

test("state and timers are kept between epochs", () => {
  const run = start(visits, { key: ["user"], schema });
  assert.deepEqual(run.rows({ user: ["a", "b", "a"], at: [0n, 1_000_000n, 2_000_000n] }).main, { user: [], clicks: [] });
  assert.deepEqual(run.state, { user: ["a", "b"], clicks: [2n, 1n], since: [0n, 1_000_000n] });
  assert.deepEqual(run.timers.map(({ at }) => at), [61_000_000n, 62_000_000n]);
  assert.deepEqual(run.watermark(61 * SECOND).main, { user: ["b"], clicks: [1n] });
  assert.deepEqual(run.state.user, ["a"]);
});

test("rows come before timers", () => {
  const run = start(visits, { key: ["user"], schema, options: { gap: 1 } });
  run.rows({ user: ["a"], at: [0n] });
  assert.deepEqual(run.rows({ user: ["a"], at: [2_000_000n] }, 2 * SECOND).main.clicks, []);
  assert.deepEqual(run.watermark(3 * SECOND).main, { user: ["a"], clicks: [2n] });
});

const changes = keyed({
  reads: { celsius: f64 },
  state: { last: f64 },
  makes: { by: f64 },
  passes: "all",
  process({ rows, state, out }) {
    for (const row of rows) {
      if (row.celsius < -273) out.reject(row, `${row.celsius} is too cold`);
      else {
        if (state.value !== null) out.emit({ by: row.celsius - state.value.last }, row);
        state.value = { last: row.celsius };
      }
    }
  },
});

test("a row that came from a row has its columns, and nulls are rejected", () => {
  const run = start(changes, { key: ["room"], schema: { room: "utf8", celsius: "f64?" } });
  const out = run.rows({ room: ["a", "b", "a", "b"], celsius: [20, -300, 21.5, null] });
  assert.deepEqual(out.main, { room: ["a"], celsius: [21.5], by: [1.5] });
  assert.deepEqual(out.origin, [2]);
  assert.deepEqual(out.rejected, [{ row: 1, reason: "-300 is too cold" }, { row: 3, reason: "`celsius` is null" }]);
  assert.deepEqual(run.state, { room: ["a"], last: [21.5] });
});

const counts = keyed({
  reads: { celsius: f64 },
  state: { count: s64 },
  makes: { count: s64, row: s64 },
  process({ rows, state, timers, out, ctx }) {
    state.value = { count: (state.value?.count ?? 0n) + BigInt(rows.length) };
    if (rows.length > 0) timers.setProcessing(7, ctx.now + 5);
    for (const { id, isProcessing } of timers.due()) {
      assert.deepEqual([id, isProcessing], [7, true]);
      out.emit({ count: -1n, row: BigInt(ctx.row) });
    }
    if (timers.expiring) out.emit({ count: state.value.count, row: 0n });
  },
});

test("processing time and the end of life", () => {
  const run = start(counts, { key: ["room"] });
  run.rows({ room: ["a", "a"], celsius: [1, 2] });
  assert.deepEqual([run.now(4).main.count, run.now(5).main.count], [[], [-1n]]);
  assert.deepEqual(run.expire().main.count, [2n]);
  assert.deepEqual([run.state, run.timers], [{ room: [], count: [] }, []]);
});

test("what does not fit is refused in words", () => {
  const refused = (key: string[]) => () => start(visits, { key, schema }).rows({ user: ["a"], at: [0n] });
  const says = (text: string) => (error: unknown) => error instanceof Refused && error.message === text;
  assert.throws(refused([]), says("this module keeps state for each key, but the operator has no `key`"));
  assert.throws(
    refused(["at"]),
    says("the module reads `user` of the key, but it is not in the operator's `key`: there is `at`"),
  );
});

test("a state that cannot be kept is refused", () => {
  const wrong = keyed({
    reads: { celsius: f64 }, state: { n: s64 },
    process: ({ state }) => void (state.value = { n: null as any }),
  });
  assert.throws(() => start(wrong, { key: ["room"] }).rows({ room: ["a"], celsius: [1] }), /`n` of what is kept is null/);
  assert.throws(() => keyed({ reads: {}, state: { n: s64.orNull }, process() {} }), /a row of nulls is no state/);
});
