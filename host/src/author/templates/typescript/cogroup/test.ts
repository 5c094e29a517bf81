import assert from "node:assert/strict";
import { test } from "node:test";
import { join } from "pelton-guest/testing";
import { {{camel}} } from "../src/{{name}}.{{extension}}";

test("what is still to be paid", () => {
  const items = { order: [1n, 2n, 1n], price: [5, 8, 6] };
  const payments = { order: [2n, 1n, 4n], euro: [8, 4, 9] };
  const out = join({{camel}}, items, payments, { key: ["order"], options: { least: 1 } });
  assert.deepEqual(out.main, { order: [1n], unpaid: [7] });
  assert.deepEqual(out.rejected, [{ row: 5, reason: "there is no order 4" }]);
});
