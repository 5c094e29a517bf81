/** State of versions before, made into this one's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Reject, keyed, list, older, s64, timestamp, utf8 } from "pelton-guest";
import { Kept } from "../src/kept.ts";
import type { Field, Table } from "../src/wire.ts";

const sums = keyed({
  reads: { n: s64 },
  state: { euro: s64, cents: utf8 },
  tables: { last: list(s64), seen: list({ at: timestamp }) },
  migrate: [
    older({ cents: s64 }, ({ cents }) => {
      if (cents < 0n) throw new Reject(`a debt of ${cents}`);
      return cents === 0n ? null : { euro: cents / 100n, cents: `${cents % 100n}` };
    }),
    older({ euro: s64, rest: s64.orNull }, ({ euro, rest }) => ({ euro, cents: `${rest ?? 0n}` })),
  ],
  process() {},
});

const kept = (columns: Record<string, typeof s64>, rows: Record<string, bigint | null>[]): { fields: Field[]; table: Table } => {
  const of = new Kept(columns as any);
  return { fields: of.fields(), table: of.store(rows) };
};
const read = (table: Table) => new Kept({ euro: s64, cents: utf8 }).load(table);

test("each row goes through the function of its version, and null drops it", () => {
  const first = kept({ cents: s64 }, [{ cents: 1_234n }, { cents: 0n }]);
  assert.deepEqual(read(sums.migrate("state", 1, first.fields, first.table)), [{ euro: 12n, cents: "34" }, { euro: null, cents: null }]);
  const second = kept({ euro: s64, rest: s64.orNull as any }, [{ euro: 5n, rest: null }]);
  assert.deepEqual(read(sums.migrate("state", 2, second.fields, second.table)), [{ euro: 5n, cents: "0" }]);
});

test("what cannot be taken over says why", () => {
  const debt = kept({ cents: s64 }, [{ cents: -5n }]);
  assert.throws(() => sums.migrate("state", 1, debt.fields, debt.table), /a debt of -5/);
  assert.throws(() => sums.migrate("state", 3, debt.fields, debt.table), /no function that migrates state of version 3/);
  assert.throws(
    () => sums.migrate("state", 2, debt.fields, debt.table),
    /`migrate` expects of version 2 has the columns \(euro: l, rest: l\), but \(cents: l\) came/,
  );
  const nothing = kept({ euro: s64.orNull as any, rest: s64.orNull as any }, [{ euro: null, rest: 1n }]);
  assert.throws(() => sums.migrate("state", 2, nothing.fields, nothing.table), /`euro` of a key's state is null in version 2/);
});

test("lists and maps go on as they are", () => {
  const field = (name: string, format: string): Field => ({ name, format, nullable: false, children: 0 });
  const rows: Table = { rows: 0, nodes: [] };
  assert.equal(sums.migrate("last", 1, [field("number", "l"), field("value", "l")], rows), rows);
  assert.throws(() => sums.migrate("last", 1, [field("number", "l"), field("value", "g")], rows), /`last`, which goes on as it is, has/);
  assert.throws(() => sums.migrate("first", 1, [], rows), /keeps no `first`/);
});

test("the version of the state counts those before it", () => {
  const input = { name: "in", fields: [{ name: "n", format: "l", nullable: false, children: 0 }], key: ["n"], mode: "append" };
  assert.equal(sums.open([input], "{}").stateVersion, 3);
  const plain = keyed({ reads: { n: s64 }, state: { n: s64 }, process() {} });
  assert.equal(plain.open([input], "{}").stateVersion, 1);
  assert.throws(() => keyed({ reads: { n: s64 }, migrate: older({ n: s64 }, () => null), process() {} }), /no `state`/);
});
