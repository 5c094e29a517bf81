/** Lists and maps of keyed operators, beside arrays and `Map`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ListState, MapState } from "pelton-guest";
import { binary, keyed, list, map, s32, s64, timestamp, u8, utf8 } from "pelton-guest";
import { start } from "pelton-guest/testing";

type Item = { x: number; label: string; note: number | null };
type Place = { row: number; name: string };

const item = (x: number): Item => ({ x, label: `${x}${"~".repeat(((x % 9) + 9) % 9)}`, note: x % 2 === 0 ? x : null });
const place = (x: number): Place => ({ row: ((x % 5) + 5) % 5, name: `${x % 3 === 0 ? "🦀" : "\uffee"}${((x % 7) + 7) % 7}` });
const take = <T>(count: number, of: Iterable<T>): T[] => {
  const taken: T[] = [];
  for (const one of of) {
    if (taken.length === count) break;
    taken.push(one);
  }
  return taken;
};

/** What the tables are to be like. */
class Model {
  readonly queue: Item[] = [];
  readonly places = new Map<string, [Place, Item]>();

  sorted(from?: Place, to?: Place): [Place, Item][] {
    const order = (a: Place, b: Place) => a.row - b.row || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
    const within = ([at]: [Place, Item]) => (from === undefined || order(at, from) >= 0) && (to === undefined || order(at, to) < 0);
    return [...this.places.values()].sort(([a], [b]) => order(a, b)).filter(within);
  }
}

type OfTables = [queue: ListState<Item>, places: MapState<Place, Item>];
type Command = [made: (tables: OfTables, x: number) => unknown, expected: (model: Model, x: number) => unknown];

const numbers = (count: number): number[] => Array.from({ length: Math.max(0, count) }, (_, at) => at);
const COMMANDS: Record<string, Command> = {
  push: [([queue], x) => queue.push(item(x)), ({ queue }, x) => void queue.push(item(x))],
  fill: [([queue], x) => queue.push(...numbers(x * 5).map(item)), ({ queue }, x) => void queue.push(...numbers(x * 5).map(item))],
  shift: [([queue]) => queue.shift(), ({ queue }) => queue.shift()],
  below: [
    ([queue], x) => { while ((queue.at(0)?.x ?? x) < x) queue.shift(); },
    ({ queue }, x) => { while ((queue.at(0)?.x ?? x) < x) queue.shift(); },
  ],
  keep: [([queue], x) => queue.keepLast(Math.abs(x)), ({ queue }, x) => void queue.splice(0, Math.max(0, queue.length - Math.abs(x)))],
  empty: [([queue]) => queue.clear(), ({ queue }) => void queue.splice(0)],
  at: [([queue], x) => [queue.at(x), queue.at(0), queue.at(-1)], ({ queue }, x) => [queue.at(x), queue.at(0), queue.at(-1)]],
  slice: [([queue], x) => [queue.slice(x, x * 3), queue.slice(-5)], ({ queue }, x) => [queue.slice(x, x * 3), queue.slice(-5)]],
  all: [([queue]) => [...queue], ({ queue }) => queue],
  tail: [([queue], x) => take(Math.abs(x), queue.reversed()), ({ queue }, x) => [...queue].reverse().slice(0, Math.abs(x))],
  length: [([queue]) => queue.length, ({ queue }) => queue.length],
  set: [([, places], x) => places.set(place(x), item(x)), ({ places }, x) => void places.set(JSON.stringify(place(x)), [place(x), item(x)])],
  stock: [
    ([, places], x) => numbers(x * 5).forEach((n) => places.set({ row: n % 311, name: "" }, item(n))),
    ({ places }, x) => numbers(x * 5).forEach((n) => places.set(JSON.stringify({ row: n % 311, name: "" }), [{ row: n % 311, name: "" }, item(n)])),
  ],
  delete: [([, places], x) => places.delete(place(x)), ({ places }, x) => void places.delete(JSON.stringify(place(x)))],
  get: [([, places], x) => [places.get(place(x)), places.has(place(x))], ({ places }, x) => {
    const found = places.get(JSON.stringify(place(x)));
    return [found?.[1], found !== undefined];
  }],
  entries: [([, places]) => [...places], (model) => model.sorted()],
  some: [
    ([, places], x) => [...places.entries({ from: { row: x, name: "" }, to: { row: x + 40, name: "" } })],
    (model, x) => model.sorted({ row: x, name: "" }, { row: x + 40, name: "" }),
  ],
  back: [
    ([, places], x) => take(Math.abs(x) * 3, places.entries({ to: place(x * 9), reverse: true })),
    (model, x) => model.sorted(undefined, place(x * 9)).reverse().slice(0, Math.abs(x) * 3),
  ],
  clear: [([, places]) => places.clear(), ({ places }) => places.clear()],
  isEmpty: [([, places]) => places.isEmpty, ({ places }) => places.size === 0],
};
const NAMES = [...Object.keys(COMMANDS), ...["push", "fill", "set", "stock", "stock"].flatMap((name) => [name, name])];
const shown = (value: unknown): string => JSON.stringify(value) ?? "nothing";

const shelves = keyed({
  reads: { command: utf8, x: s32 },
  state: { count: s64 },
  tables: { queue: list({ x: s32, label: utf8, note: s32.orNull }), places: map({ row: s32, name: utf8 }, { x: s32, label: utf8, note: s32.orNull }) },
  makes: { answer: utf8 },
  process({ rows, state, tables: { queue, places }, out }) {
    for (const { command, x } of rows) {
      state.value = { count: (state.value?.count ?? 0n) + 1n };
      out.emit({ answer: shown(COMMANDS[command]![0]([queue, places], x)) });
    }
  },
});

/** Numbers that look random. */
function draws(seed: number): (end: number) => number {
  let state = seed;
  return (end) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    state = (state ^ (state >>> 13)) >>> 0;
    return state % end;
  };
}

test("what a function sees is what it has made", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const draw = draws(seed);
    const schema = { key: "s32", command: "utf8", x: "s32" };
    const run = start(shelves, { key: ["key"], schema });
    const models = [new Model(), new Model()];
    for (let epoch = 0; epoch < 4; epoch++) {
      const rows = numbers(1 + draw(50)).map(() => [draw(2), NAMES[draw(NAMES.length)]!, draw(70) - 20] as const);
      const out = run.rows({ key: rows.map(([key]) => key), command: rows.map(([, name]) => name), x: rows.map(([, , x]) => x) });
      for (const key of [0, 1]) {
        const own = rows.filter(([of]) => of === key);
        const expected = own.map(([, name, x]) => `${name} ${x} ${shown(COMMANDS[name]![1](models[key]!, x))}`);
        const answers = out.main.answer!.filter((_, at) => out.main.key![at] === key);
        assert.deepEqual(own.map(([, name, x], at) => `${name} ${x} ${answers[at]}`), expected, `seed ${seed}`);
      }
    }
    assert.equal(run.table("queue").x!.length, models[0]!.queue.length + models[1]!.queue.length);
    run.expire();
    assert.deepEqual([run.table("queue").x, run.table("places").row], [[], []]);
  }
});

const plays = keyed({
  key: { user: utf8 },
  reads: { song: utf8, at: timestamp },
  tables: { songs: map(utf8, s64), recent: list(timestamp), raw: map(binary, u8) },
  process({ rows, tables: { songs, recent, raw } }) {
    for (const { song, at } of rows) {
      songs.set(song, (songs.get(song) ?? 0n) + 1n);
      recent.push(at);
      recent.keepLast(2);
      raw.set(Uint8Array.of(255, song.length), 1);
    }
  },
});

test("a function may keep lists and maps of single values, and no state", () => {
  const run = start(plays, { key: ["user"], schema: { at: "timestamp[us]" } });
  run.rows({ user: ["a", "a", "a"], song: ["x", "y", "x"], at: [1n, 2n, 3n] });
  run.rows({ user: ["a", "b"], song: ["x", "x"], at: [4n, 5n] });
  assert.deepEqual(run.table("songs"), { user: ["a", "a", "b"], key: ["x", "y", "x"], value: [3n, 1n, 1n] });
  assert.deepEqual(run.table("recent"), { user: ["a", "a", "b"], position: [1n, 2n, 0n], value: [3n, 4n, 5n] });
  assert.deepEqual(run.table("raw").key, [Uint8Array.of(255, 1), Uint8Array.of(255, 1)]);
});

test("what can be no table says so", () => {
  assert.throws(() => keyed({ reads: {}, tables: { of: map(utf8.orNull, s64) }, process() {} }), /no floats and no `orNull`, but `key` is utf8\?/);
  const twice = map({ row: s32 }, { row: s32 });
  assert.throws(() => keyed({ reads: {}, tables: { twice }, process() {} }), /`twice` has `row` in its subkey and in its values/);
  const nothing = keyed({ reads: {}, tables: { kept: list(utf8) }, process: ({ tables: { kept } }) => kept.push(null as any) });
  assert.throws(() => start(nothing, { key: ["key"] }).rows({ key: [1] }), /`value` of a list or map is null/);
});
