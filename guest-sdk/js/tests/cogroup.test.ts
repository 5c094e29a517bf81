/** Cogroups: the rows of a key on both sides. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cogroup, f64, s64, utf8 } from "pelton-guest";
import { join, Refused } from "pelton-guest/testing";

const unpaid = cogroup({
  options: { least: f64.default(0) },
  key: { order: s64 },
  left: { price: f64 },
  right: { euro: f64, by: utf8.orNull },
  makes: { unpaid: f64, items: s64 },
  process({ key, left, right, out, options }) {
    if (left.length === 0) {
      for (const payment of right) out.reject(payment, `there is no order ${key.order}, ${payment.by}`);
      return;
    }
    const due = left.reduce((sum, { price }) => sum + price, 0);
    const rest = right.reduce((rest, { euro }) => rest - euro, due);
    if (rest > options.least) out.emit({ unpaid: rest, items: BigInt(left.length) });
  },
});
const schema = { order: "s64?", price: "f64?" };
const rightSchema = { order: "s64", euro: "f64?", by: "utf8?" };

test("both sides of a key meet", () => {
  const items = { order: [1n, 2n, null, 1n, 3n], price: [5, 8, 1, 6, null] };
  const payments = { order: [2n, 1n, 4n, 1n], euro: [8, 4, 9, null], by: ["a", null, "b", "c"] };
  const out = join(unpaid, items, payments, { key: ["order"], schema, rightSchema });
  assert.deepEqual(out.main, { order: [1n], unpaid: [7], items: [2n] });
  assert.deepEqual(out.rejected, [
    { row: 2, reason: "`order` is null" }, { row: 4, reason: "`price` is null" }, { row: 7, reason: "there is no order 4, b" },
    { row: 8, reason: "`euro` is null" },
  ]);
  assert.deepEqual(join(unpaid, { order: [], price: [] }, payments, { key: ["order"], schema, rightSchema }).main.unpaid, []);
});

const rows = cogroup({
  left: { price: f64 },
  right: { euro: f64 },
  makes: { row: s64 },
  rename: { order: "id" },
  process({ left, right, out, ctx }) {
    out.emit({ row: BigInt(ctx.row) });
    for (const row of left) out.emit({ row: BigInt(ctx.of(row).row) });
    for (const row of right) out.emit({ row: 100n + BigInt(ctx.of(row).row) });
  },
});

test("numbers are those of both sides", () => {
  const [items, payments] = [{ order: [1, 2], price: [1, 2] }, { of: [3, 2], euro: [1, 2] }];
  const out = join(rows, items, payments, { key: ["order"], rightKey: ["of"] });
  assert.deepEqual(out.main, { id: [1, 1, 2, 2, 2, 3, 3], row: [0n, 0n, 1n, 1n, 102n, 3n, 103n] });
});

test("what does not fit is refused in words", () => {
  const says = (error: unknown) => error instanceof Refused && /the input has no column `euro`.*did you mean `eur`/.test(error.message);
  assert.throws(() => join(unpaid, { order: [1n], price: [1] }, { order: [1n], eur: [1], by: ["a"] }, { key: ["order"] }), says);
});
