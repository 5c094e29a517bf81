import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "pelton-guest/testing";
import { {{camel}} } from "../src/{{name}}.{{extension}}";

test("cheap bids are left out", () => {
  const out = run({{camel}}, { auction: [1n, 2n], price: [99, 300] }, { options: { rate: 0.5, min: 100 } });
  assert.deepEqual(out.main, { auction: [2n], price: [300], euro: [150] });
});

test("what is no price is rejected", () => {
  const out = run({{camel}}, { price: [-1] }, { options: { rate: 0.5 } });
  assert.deepEqual(out.rejected, [{ row: 0, reason: "-1 is no price" }]);
});
