import assert from "node:assert/strict";
import { test } from "node:test";
import { fold } from "pelton-guest/testing";
import { {{camel}} } from "../src/{{name}}.{{extension}}";

test("prices are apart", () => {
  const out = fold({{camel}}, { auction: [1n, 2n, 1n], price: [3, 5, 10.5] }, { key: ["auction"] });
  assert.deepEqual(out.main, { auction: [1n, 2n], range: [7.5, 0] });
});

test("low prices do not count", () => {
  assert.deepEqual(fold({{camel}}, { price: [0.5] }, { options: { min: 1 } }).main, { range: [] });
});
