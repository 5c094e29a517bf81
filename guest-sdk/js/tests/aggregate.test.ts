/** Aggregates, folded as the engine folds them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { aggregate, f64, log, reject, s32, s64, timestamp } from "pelton-guest";
import { fold, Refused } from "pelton-guest/testing";

const best = (pick: (a: number, b: number) => number, a: number | null, b: number | null): number | null =>
  a === null ? b : b === null ? a : pick(a, b);

/** How far apart prices are. */
const spread = aggregate({
  reads: { price: f64 },
  state: { least: f64.orNull, most: f64.orNull },
  zero: { least: null, most: null },
  makes: { range: f64 },
  add(state, { price }) {
    state.least = best(Math.min, state.least, price);
    state.most = best(Math.max, state.most, price);
  },
  merge(state, later) {
    state.least = best(Math.min, state.least, later.least);
    state.most = best(Math.max, state.most, later.most);
  },
  finish: ({ least, most }) => (least === null || most === null ? null : { range: most - least }),
});

test("rows are folded by key, and nulls are left out", () => {
  const out = fold(spread, { auction: [1n, 2n, 1n, 3n], price: [3, 5, 10.5, null] }, { key: ["auction"] });
  assert.deepEqual(out.main, { auction: [1n, 2n], range: [7.5, 0] });
  assert.deepEqual(fold(spread, { price: [] }, { schema: { price: "f64" } }).main, { range: [] });
});

const total = aggregate({
  options: { per: s32.default(1) },
  reads: { n: s64.orNull },
  state: { sum: s64, count: s64 },
  zero: { sum: 0n, count: 0n },
  makes: { total: s64, mean: f64.orNull, ends: timestamp },
  add(state, { n }, { options }) {
    if (n === null) return;
    state.sum += n / BigInt(options.per);
    state.count += 1n;
  },
  merge(state, later) {
    state.sum += later.sum;
    state.count += later.count;
  },
  finish({ sum, count }, { window }) {
    if (sum < 0n) return reject(`${sum} is no total`);
    return { total: sum, mean: count === 0n ? null : Number(sum) / Number(count), ends: window.end };
  },
});

test("options, windows and rejections", () => {
  const out = fold(total, { key: ["a", "b", "a", "c"], n: [10n, -7n, null, null] }, {
    key: ["key"], options: { per: 5 }, window: { start: 0n, end: 60n, pane: "late" },
  });
  assert.deepEqual(out.main, { key: ["a", "c"], total: [2n, 0n], mean: [2, null], ends: [60n, 60n] });
  assert.deepEqual(out.rejected, [{ row: 1, reason: "-1 is no total" }]);
});

test("what does not fit is refused in words", () => {
  assert.throws(() => fold(total, { m: [1n] }), (error) => error instanceof Refused && /has no column `n`/.test(error.message));
});

const first = (ordered: boolean) => aggregate({
  reads: { n: s64 },
  state: { first: s64.orNull },
  zero: { first: null },
  makes: { first: s64 },
  ordered,
  add: (state, { n }) => void (state.first ??= n),
  merge: (state, later) => void (state.first ??= later.first),
  *finish({ first }) {
    if (first !== null) yield* [{ first }, { first: -first }];
  },
});

test("a merge that needs its order says so", () => {
  assert.deepEqual(fold(first(true), { n: [3n, 1n, 2n] }).main, { first: [3n, -3n] });
  assert.throws(() => fold(first(false), { n: [3n, 1n, 2n] }), /opposite order/);
});

test("a merge that loses rows, and a value that does not fit, are caught", () => {
  const loses = aggregate({
    reads: { n: s64 }, state: { n: s32 }, zero: { n: 0 }, makes: { n: s32 },
    add(state, { n }, { ctx }) {
      log.info("row", ctx.row);
      state.n += Number(n);
    },
    merge() {},
    finish: ({ n }) => ({ n }),
  });
  assert.throws(() => fold(loses, { n: [1n, 2n, 3n] }), /differs from folding|differs from merging three parts/);
  assert.throws(() => fold(loses, { n: [2n ** 31n] }), /column `n` is s32, and cannot hold 2147483648/);
});

test("a zero that nulls cannot stand for is refused at once", () => {
  const parts = { reads: { n: s64 }, makes: { n: s64 }, add() {}, merge() {}, finish: () => null };
  assert.throws(() => aggregate({ ...parts, state: { n: s64 }, zero: {} as any }), /`zero.n` is null/);
  assert.throws(() => aggregate({ ...parts, state: { n: s64.orNull }, zero: { n: 1n } }), /`zero.n` is 1/);
});

const spent = aggregate({
  options: { per: s32.default(1) },
  reads: { cents: s64 },
  state: { cents: s64 },
  zero: { cents: 0n },
  makes: { cents: s64 },
  add: (state, { cents }, { options }) => void (state.cents += cents * BigInt(options.per)),
  retract: (state, { cents }, { options }) => void (state.cents -= cents * BigInt(options.per)),
  merge: (state, later) => void (state.cents += later.cents),
  finish: ({ cents }) => ({ cents }),
});

test("rows are taken back", () => {
  const out = fold(spent, { user: ["a", "b", "a"], cents: [1200n, 500n, null] }, { key: ["user"], options: { per: 2 } });
  assert.deepEqual(out.main.cents, [2400n, 1000n]);
  const input = { name: "in", fields: [{ name: "cents", format: "l", nullable: false, children: 0 }], key: [], mode: "append", properties: [] };
  assert.deepEqual(spent.open([input], "{}").properties, [["accepts", "append,retract"]]);
});

test("an inverse that is not exact is caught", () => {
  const floats = aggregate({
    reads: { x: f64 },
    state: { sum: f64 },
    zero: { sum: 0 },
    makes: { sum: f64 },
    add: (state, { x }) => void (state.sum += x),
    retract: (state, { x }) => void (state.sum -= x),
    merge: (state, later) => void (state.sum += later.sum),
    finish: ({ sum }) => ({ sum }),
  });
  assert.throws(() => fold(floats, { x: [0.1, 1e9, 0.7] }), /taking the first of each back/);
});

test("a maximum that does not come down is caught", () => {
  const most = aggregate({
    reads: { n: s64 },
    state: { most: s64 },
    zero: { most: 0n },
    makes: { most: s64 },
    add: (state, { n }) => void (state.most = n > state.most ? n : state.most),
    retract: () => {},
    merge: (state, later) => void (state.most = later.most > state.most ? later.most : state.most),
    finish: ({ most }) => ({ most }),
  });
  assert.throws(() => fold(most, { n: [1n, 7n, 3n] }), /taking every other row back/);
});
