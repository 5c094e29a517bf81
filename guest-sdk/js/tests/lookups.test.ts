/** Side tables: what is offered, what is looked up, and what a table may not be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { f64, table, transform, utf8 } from "pelton-guest";
import { Refused, run } from "pelton-guest/testing";

const named = transform({
  options: { factor: f64.default(1) },
  reads: { carrier: utf8, price: f64 },
  makes: { airline: utf8.orNull, euro: f64 },
  tables: {
    airlines: table({ carrier: utf8, name: utf8.orNull }, (rows) => new Map(rows.map(({ carrier, name }) => [carrier, name]))),
    "fx-rates": table({ rate: f64 }, (rows) => {
      if (rows.length === 0) throw new Error("there is no rate");
      return rows[rows.length - 1]!.rate;
    }),
  },
  drop: ["price"],
  row({ carrier, price }, { tables, options }) {
    const airline = tables.airlines.get(carrier);
    return airline === undefined ? null : { airline, euro: price * tables["fx-rates"] * options.factor };
  },
});

const airlines = { name: ["British Airways", null], country: ["GB", "DE"], carrier: ["BA", "LH"] };
const flights = { carrier: ["LH", "ZZ", "BA"], price: [1, 2, 3] };

test("a transform looks up in its tables", () => {
  const out = run(named, flights, { tables: { airlines, "fx-rates": { rate: [9, 0.5] } }, options: { factor: 2 } });
  assert.deepEqual(out.main, { carrier: ["LH", "BA"], airline: [null, "British Airways"], euro: [1, 3] });
});

for (const [tables, message] of [
  [
    { airline: airlines, "fx-rates": { rate: [1] } },
    "this module looks up in the table `airlines`, which the operator is not offered: did you mean `airline`?",
  ],
  [{ airlines }, "this module looks up in the table `fx-rates`, which the operator is not offered: there is `airlines`"],
  [
    { airlines, "fx-rates": { rates: [1] } },
    "the table `fx-rates` has no column `rate`, which the module reads as f64: did you mean `rates`?",
  ],
  [{ airlines, "fx-rates": { rate: ["1"] } }, "column `rate` is utf8, but the module reads it as f64"],
] as const) {
  test(`refused: ${message}`, () => {
    assert.throws(() => run(named, flights, { tables: tables as any }), (error: unknown) => error instanceof Refused && error.message === message);
  });
}

test("rows that cannot be loaded stop the job", () => {
  const broken = { carrier: ["BA", null], name: ["a", null] };
  assert.throws(
    () => run(named, flights, { tables: { airlines: broken, "fx-rates": { rate: [1] } } }),
    /the table `airlines`: `carrier` of row 1 is null/,
  );
  const setting = { tables: { airlines, "fx-rates": { rate: [] } }, tableSchemas: { "fx-rates": { rate: "f64" } } };
  assert.throws(() => run(named, flights, setting), /there is no rate/);
});

test("a table comes before the rows, and only if it was asked for", () => {
  const fields = (names: string[], format: string) => names.map((name) => ({ name, format, nullable: false, children: 0 }));
  named.open([
    { name: "in", mode: "append", key: [], fields: [...fields(["carrier"], "u"), ...fields(["price"], "g")] },
    { name: "airlines", mode: "table", key: [], fields: fields(["carrier", "name"], "u") },
    { name: "fx-rates", mode: "table", key: [], fields: fields(["rate"], "g") },
  ], "{}");
  const rows = { rows: 0, nodes: [] };
  assert.throws(() => named.load("planes", rows), /the table `planes` came, but this module did not ask for it/);
  const context = { epoch: 1, firstRow: 0, now: 0, watermark: 0, seed: 0 };
  const none = { rows: 0, buffers: [new Uint8Array(0), new Uint8Array(4), new Uint8Array(0)] };
  assert.throws(() => named.process(context, { rows: 0, nodes: [none, none] }), /did not come before the first rows/);
});

test("whole columns look up, too, and other tables are no inputs", () => {
  const known = transform({
    reads: { price: f64 },
    makes: { limit: f64 },
    tables: { limits: table({ limit: f64 }, (rows) => rows[0]!.limit) },
    columns: ({ price }, { tables }) => ({ columns: { limit: price.map(() => tables.limits) } }),
  });
  const out = run(known, { price: [1, 2] }, { tables: { limits: { limit: [7] }, airlines } });
  assert.deepEqual(out.main, { price: [1, 2], limit: [7, 7] });
});
