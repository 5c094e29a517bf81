/** Operators of every form, run as a module's own code runs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  binary, bool, date, f32, f64, log, Reject, reject, s32, s64, timestamp, transform, u64, utf8,
} from "pelton-guest";
import { Refused, run } from "pelton-guest/testing";

const toEuro = transform({
  options: { rate: f64, min: f64.default(0) },
  reads: { price: f64 },
  makes: { euro: f64 },
  row: ({ price }, { options }) => (price > options.min ? { euro: price * options.rate } : null),
});

test("a filter and map keeps the other columns", () => {
  const out = run(toEuro, { auction: [1n, 2n], price: [99, 300] }, { options: { rate: 0.5, min: 100 } });
  assert.deepEqual(out.main, { auction: [2n], price: [300], euro: [150] });
  assert.deepEqual(out.origin, [1]);
});

test("rows with a null that the function does not take are rejected", () => {
  const out = run(toEuro, { price: [1, null, 3] }, { options: { rate: 2 } });
  assert.deepEqual(out.main.euro, [2, 6]);
  assert.deepEqual(out.rejected, [{ row: 1, reason: "`price` is null" }]);
});

for (const [columns, options, message] of [
  [{ prize: [1] }, { rate: 1 }, "the input has no column `price`, which the module reads as f64: did you mean `prize`?"],
  [{ price: ["x"] }, { rate: 1 }, "column `price` is utf8, but the module reads it as f64"],
  [{ price: [1] }, {}, "option `rate` is missing: it must be a number"],
  [{ price: [1] }, { rate: "fast" }, 'option `rate` must be a number, not "fast"'],
  [{ price: [1] }, { rat: 1 }, "there is no option `rat`: did you mean `rate`?"],
] as const) {
  test(`refused: ${message}`, () => {
    assert.throws(() => run(toEuro, columns as any, { options }), (error) => error instanceof Refused && error.message === message);
  });
}

const words = transform({
  reads: { line: utf8 },
  makes: { word: utf8 },
  drop: ["line"],
  *row({ line }) {
    if (line === "?") {
      yield { word: "lost" };
      throw new Reject("a question");
    }
    for (const word of line.split(" ")) if (word !== "") yield { word };
  },
});

test("a generator is a flat-map whose row is rejected as a whole", () => {
  const out = run(words, { line: ["a b", "", "?", "ü 🦀"], at: [1n, 2n, 3n, 4n] });
  assert.deepEqual(out.main, { at: [1n, 1n, 4n, 4n], word: ["a", "b", "ü", "🦀"] });
  assert.deepEqual(out.rejected, [{ row: 2, reason: "a question" }]);
});

const kinds = { flag: bool.orNull, small: s32.orNull, large: s64, unsigned: u64, half: f32, text: utf8.orNull, raw: binary, day: date, at: timestamp };
const echo = transform({ reads: kinds, makes: kinds, passes: "none", row: (row) => row });

test("every type goes in and out as it is", () => {
  const rows = {
    flag: [true, null], small: [-5, null], large: [-(2n ** 63n), 2n ** 53n + 1n], unsigned: [2n ** 64n - 1n, 0n],
    half: [0.5, -1.5], text: ["ü", null], raw: [new Uint8Array([255]), new Uint8Array(0)], day: [-1, 20000], at: [-1n, 1_700_000_000_000_000n],
  };
  const schema = { small: "s32?", unsigned: "u64", half: "f32", day: "date", at: "timestamp[us]" };
  assert.deepEqual(run(echo, rows, { schema }).main, rows);
});

test("timestamps of any unit are read as microseconds", () => {
  const out = run(transform({ reads: { at: timestamp }, makes: { us: s64 }, row: ({ at }) => ({ us: at }) }), { at: [-1n, 1501n] }, { schema: { at: "timestamp[ns]" } });
  assert.deepEqual(out.main.us, [-1n, 1n]);
});

const byColumn = transform({
  options: { rate: f64, min: f64.default(0) },
  reads: { price: f64 },
  makes: { euro: f64 },
  columns({ price }, { options, rows }) {
    const origin = new Uint32Array(rows);
    const euro = new Float64Array(rows);
    let kept = 0;
    for (let row = 0; row < rows; row++) {
      if (price[row]! > options.min) {
        origin[kept] = row;
        euro[kept++] = price[row]! * options.rate;
      }
    }
    return { columns: { euro: euro.subarray(0, kept) }, origin: origin.subarray(0, kept) };
  },
});

test("column level answers as row level does", () => {
  const rows = { auction: [1n, 2n, 3n, 4n], price: [5, null, 200, 100.5] };
  const setting = { options: { rate: 0.908, min: 100 } };
  assert.deepEqual(run(byColumn, rows, setting), run(toEuro, rows, setting));
});

const cheap = transform({ reads: { price: f64.orNull }, row: ({ price }) => price === null || price < 10 });

test("a filter computes nothing and sees nulls where it takes them", () => {
  assert.deepEqual(run(cheap, { price: [1, null, 30] }).main, { price: [1, null] });
});

test("a value that does not fit its column is named", () => {
  const narrow = transform({ reads: { n: f64 }, makes: { m: s32 }, row: ({ n }) => ({ m: n }) });
  assert.throws(() => run(narrow, { n: [1, 1.5] }), /column `m` is s32, and cannot hold 1.5 \(number\)/);
});

test("random numbers are those of the other languages", () => {
  const draw = transform({ reads: { id: s64 }, makes: { x: f64 }, row: (_, { ctx }) => ({ x: ctx.random() }) });
  const out = run(draw, { id: [0n] }, { seed: 42, firstRow: 100 });
  assert.deepEqual(out.main.x, [Number(0xa5f1bddf925239e2n >> 11n) / 2 ** 53]);
});

test("a function that keeps something is caught", () => {
  let calls = 0;
  const counting = transform({ reads: { id: s64 }, makes: { x: f64 }, row: () => ({ x: ++calls }) });
  assert.throws(() => run(counting, { id: [1n, 2n] }), /depends on how rows are cut/);
});

test("logs and rejections are recorded", () => {
  const talks = transform({
    reads: { user: utf8.named("user-id") },
    row: ({ user }) => {
      log.warn("saw", user);
      return user === "bad" ? reject("bad") : true;
    },
  });
  const out = run(talks, { "user-id": ["a", "bad"] });
  assert.deepEqual(out.main, { "user-id": ["a"] });
  assert.deepEqual(out.logs.map(({ message }) => message), ["saw a", "saw bad"]);
  assert.deepEqual(out.rejected, [{ row: 1, reason: "bad" }]);
});

test("an empty batch is answered", () => {
  assert.deepEqual(run(toEuro, { price: [] }, { schema: { price: "f64" }, options: { rate: 1 } }).main, { price: [], euro: [] });
});
