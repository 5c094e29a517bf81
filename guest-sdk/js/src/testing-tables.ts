/** The lists and maps of a test's run: kept between its calls, read and changed as the engine does. */
import { make } from "./columns.ts";
import type { Declared } from "./tables.ts";
import { u32 } from "./types.ts";
import type { Change, Table } from "./wire.ts";

const PUT = 0;
const APPEND = 2;

/** One list or map. */
export class TestTable {
  readonly declared: Declared;
  /** By the key's name, rows in order of subkey. */
  readonly #rows = new Map<string, [unknown, unknown][]>();

  constructor(declared: Declared) {
    this.declared = declared;
  }

  has(key: string): boolean {
    return (this.#rows.get(key)?.length ?? 0) > 0;
  }

  drop(key: string): void {
    this.#rows.delete(key);
  }

  apply({ kind, key, rows }: Change, called: readonly string[]): void {
    const { keys, values } = this.declared;
    const cut = keys.fields.length;
    const [subkeys, elements] = [keys.load(rows.nodes.slice(0, cut), rows.rows), values.load(rows.nodes.slice(cut), rows.rows)];
    for (const [at, place] of new Uint32Array(key.slice().buffer).entries()) {
      const name = called[place]!;
      const held = this.#rows.get(name) ?? [];
      const last = held[held.length - 1];
      const subkey = kind[at] === APPEND ? (last === undefined ? 0n : (last[0] as bigint) + 1n) : subkeys[at];
      const others = held.filter(([other]) => keys.compare(other, subkey) !== 0);
      if (kind[at] === PUT || kind[at] === APPEND) others.push([subkey, elements[at]]);
      this.#rows.set(name, others.sort(([a], [b]) => keys.compare(a, b)));
    }
  }

  read(name: string, key: Uint8Array, from: Table | null, to: Table | null, limit: number, descending: boolean): Table {
    const { keys, values } = this.declared;
    const bound = (table: Table) => keys.load(table.nodes, 1)[0];
    let rows = this.#rows.get(name) ?? [];
    if (from !== null) rows = rows.filter(([subkey]) => keys.compare(subkey, bound(from)) >= 0);
    if (to !== null) rows = rows.filter(([subkey]) => keys.compare(subkey, bound(to)) < 0);
    if (descending) rows = [...rows].reverse();
    rows = rows.slice(0, limit);
    const place = new Uint32Array(key.slice().buffer)[0]!;
    const ofKey = make("key", u32, rows.map(() => place), rows.length);
    const nodes = [ofKey, ...keys.store(rows.map(([subkey]) => subkey)), ...values.store(rows.map(([, value]) => value))];
    return { rows: rows.length, nodes };
  }

  /** The key's columns, those of the subkey, and the values; `valuesOf` has those of a key. */
  columns(key: readonly string[], valuesOf: (key: string) => unknown[]): Record<string, unknown[]> {
    const { keys, values } = this.declared;
    const all = [...this.#rows].flatMap(([name, rows]) => rows.map(([subkey, value]) => ({ of: valuesOf(name), subkey, value })));
    const fields = (layout: typeof keys, of: (row: (typeof all)[number]) => any) =>
      layout.columns.map(({ name }, at): [string, unknown[]] => {
        const cell = (value: any) => (layout.isSingle ? value : value[layout.fields[at]!]);
        return [name, all.map((row) => cell(of(row)))];
      });
    const ofKey = key.map((name, at): [string, unknown[]] => [name, all.map(({ of }) => of[at])]);
    return Object.fromEntries([...ofKey, ...fields(keys, ({ subkey }) => subkey), ...fields(values, ({ value }) => value)]);
  }
}
