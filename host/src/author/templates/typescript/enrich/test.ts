import assert from "node:assert/strict";
import { test } from "node:test";
import { get } from "pelton-guest";
import { enriched, reply } from "pelton-guest/testing";
import { {{camel}} } from "../src/{{name}}.{{extension}}";

test("bids are priced by the rate of their currency", () => {
  const out = enriched({{camel}}, { price: [8, 3, 1], currency: ["USD", "EUR", "XXX"] }, {
    replies: ({ path }) => (path === "/latest/USD" ? reply(200, "0.5\n") : reply(404, "no such file")),
  });
  assert.deepEqual(out.main.euro, [4, 3]);
  assert.deepEqual(out.rejected, [{ row: 2, reason: "status 404" }]);
});

test("each currency is asked for once", () => {
  const out = enriched({{camel}}, { price: [8, 3, 2], currency: ["USD", "EUR", "USD"] }, { replies: () => reply(200, "0.5\n") });
  assert.deepEqual(out.requests, [get("rates", "/latest/USD")]);
});
