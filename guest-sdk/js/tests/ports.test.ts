/** Several outputs: rows that say by a name where they go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cogroup, f64, keyed, Reject, reject, s64, timestamp, transform, utf8 } from "pelton-guest";
import { join, Refused, run, start } from "pelton-guest/testing";

const tokens = transform({
  reads: { line: utf8 },
  ports: {
    numbers: { makes: { n: s64 } },
    words: { makes: { word: utf8 }, passes: ["id"], rename: { id: "row" } },
    blanks: { passes: "all" },
  },
  drop: ["line"],
  *row({ line }) {
    if (line === "") yield { blanks: {} };
    for (const token of line.split(" ").filter((token) => token !== "")) {
      if (token === "!") throw new Reject("a shout");
      yield /^\d+$/.test(token) ? { numbers: { n: BigInt(token) } } : { words: { word: token } };
    }
  },
});

test("rows leave by the output that they name, with the columns that pass there", () => {
  const out = run(tokens, { id: [1n, 2n, 3n, 4n], line: ["7 a b", "", "c ! 9", "10"] });
  assert.deepEqual(out.main, { id: [1n, 4n], n: [7n, 10n] });
  assert.deepEqual(out.ports, {
    numbers: out.main,
    words: { row: [1n, 1n], word: ["a", "b"] },
    blanks: { id: [2n], line: [""] },
  });
  assert.deepEqual(out.origins, { numbers: [0, 3], words: [0, 0], blanks: [1] });
  assert.deepEqual(out.rejected, [{ row: 2, reason: "a shout" }]);
});

test("a row may go to several outputs, to none, or be refused", () => {
  const fan = transform({
    reads: { n: s64 },
    ports: { all: {}, large: { makes: { half: s64 } } },
    row({ n }) {
      if (n < 0n) return reject(`${n} is below zero`);
      return n === 0n ? null : n > 9n ? { all: {}, large: { half: n / 2n } } : { all: {} };
    },
  });
  const out = run(fan, { n: [0n, 1n, 10n, -1n] });
  assert.deepEqual(out.ports, { all: { n: [1n, 10n] }, large: { n: [10n], half: [5n] } });
  assert.deepEqual(out.rejected, [{ row: 3, reason: "-1 is below zero" }]);
});

test("an output without rows has its columns", () => {
  assert.deepEqual(run(tokens, { id: [1n], line: ["7"] }).ports.words, { row: [], word: [] });
  assert.deepEqual(run(tokens, { id: [], line: [] }, { schema: { id: "s64", line: "utf8" } }).main, { id: [], n: [] });
});

test("an output that there is not is named", () => {
  const wrong = transform({ reads: { n: s64 }, ports: { odd: {}, even: {} }, row: ({ n }) => (n % 2n ? { odd: {} } : ({ evn: {} } as any)) });
  assert.throws(() => run(wrong, { n: [2n] }), /there is no output `evn` among `ports`: did you mean `even`\?/);
  const none = transform({ reads: { n: s64 }, ports: { odd: {}, even: {} }, row: () => true as any });
  assert.throws(() => run(none, { n: [2n] }), /a row says to which output it goes, as in `\{ odd: \{ … \} \}`; `true` does not/);
});

test("columns and event times that an output does not have are told", () => {
  const drops = transform({ reads: { n: s64 }, ports: { a: {}, b: { drop: ["m"] } }, row: () => null });
  assert.throws(() => run(drops, { n: [1n] }), (error) => error instanceof Refused && /no column `m`/.test(error.message));
  const timed = transform({ reads: { n: s64 }, ports: { a: {}, b: { eventTime: "at" } }, row: () => null });
  assert.throws(() => run(timed, { n: [1n] }), /output `b` has no column `at` to be its event time/);
});

test("what cannot be is told when the module is loaded", () => {
  assert.throws(() => transform({ reads: {}, makes: { n: s64 }, ports: { a: {} }, row: () => null }), /say one of them/);
  assert.throws(() => transform({ reads: {}, ports: {}, row: () => null }), /has no output/);
  assert.throws(() => transform({ reads: {}, ports: { a: {} }, columns: () => ({ columns: {} }) } as any), /write `row` for several/);
});

const END = 0;

const stays = keyed({
  key: { user: utf8 },
  reads: { at: timestamp },
  state: { clicks: s64 },
  ports: { ended: { makes: { clicks: s64 } }, begun: { passes: "all" } },
  process({ rows, state, timers, out }) {
    for (const click of rows) {
      if (state.value === null) out.emit({ begun: {} }, click);
      state.value = { clicks: (state.value?.clicks ?? 0n) + 1n };
      timers.set(END, click.at + 10n);
    }
    for (const _ of timers.due()) {
      if (state.value !== null) out.emit({ ended: state.value });
      state.value = null;
    }
  },
});

test("a keyed operator's rows come from a row or from none, each on its output", () => {
  const epochs = start(stays, { key: ["user"], schema: { user: "utf8", at: "timestamp[us]" } });
  const out = epochs.rows({ user: ["b", "a", "b"], at: [1n, 2n, 3n] });
  assert.deepEqual(out.ports, { ended: { user: [], clicks: [] }, begun: { user: ["b", "a"], at: [1n, 2n] } });
  assert.deepEqual(out.origins, { ended: [], begun: [0, 1] });
  assert.deepEqual(epochs.watermark(12).ports, { ended: { user: ["a"], clicks: [1n] }, begun: { user: [], at: [] } });
});

test("a cogroup's, too", () => {
  const bills = cogroup({
    key: { order: s64 },
    left: { price: f64 },
    right: { euro: f64 },
    ports: { paid: {}, unpaid: { makes: { rest: f64 } } },
    process({ left, right, out }) {
      const rest = left.reduce((sum, { price }) => sum + price, 0) - right.reduce((sum, { euro }) => sum + euro, 0);
      out.emit(rest > 0 ? { unpaid: { rest } } : { paid: {} });
    },
  });
  const out = join(bills, { order: [1n, 2n], price: [5, 6] }, { order: [2n], euro: [6] }, { key: ["order"] });
  assert.deepEqual(out.ports, { paid: { order: [2n] }, unpaid: { order: [1n], rest: [5] } });
});
