import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "pelton-guest/testing";
import { {{camel}} } from "../src/{{name}}.{{extension}}";

const setting = {
  key: ["bidder"],
  schema: { bidder: "s64", price: "f64", at: "timestamp[us]" },
  options: { gap: 30 },
};

test("a session ends after the gap", () => {
  const run = start({{camel}}, setting);
  run.rows({ bidder: [1n, 2n, 1n], price: [3, 5, 10.5], at: [0n, 1_000_000n, 2_000_000n] });
  assert.deepEqual(run.state, {
    bidder: [1n, 2n], bids: [2n, 1n], spent: [13.5, 5], ends: [32_000_000n, 31_000_000n],
  });
  assert.deepEqual(run.watermark(31_000_000).main, { bidder: [2n], bids: [1n], spent: [5] });
});

test("a bid after the gap begins another session", () => {
  const out = start({{camel}}, setting).rows({ bidder: [1n, 1n], price: [3, 5], at: [0n, 30_000_000n] });
  assert.deepEqual(out.main, { bidder: [1n], bids: [1n], spent: [3] });
});

test("what is no price is rejected", () => {
  const out = start({{camel}}, setting).rows({ bidder: [1n], price: [-1], at: [0n] });
  assert.deepEqual(out.rejected, [{ row: 0, reason: "-1 is no price" }]);
});
