/**
 * Lists and maps of state: `tables` of a keyed operator.
 *
 * Nothing of them comes with a call: the function reads what it needs, part by part, as of the call's start, so that a key costs what its
 * function reads of it. What the call has changed, later reads of it see; the engine gets the changes when the function returns.
 */
import { bytesOf } from "./columns.ts";
import type { Held, ValueOf } from "./layout.ts";
import { Layout, subkey } from "./layout.ts";
import { s64 } from "./types.ts";
import type { Change, StateTable, Table } from "./wire.ts";

const PUT = 0;
const DELETE = 1;
const APPEND = 2;
/** Rows of the first part that is read, of the largest, and bytes of a part, about. */
const FIRST_ROWS = 16;
const ROWS_MAX = 4096;
const PART_BYTES = 128 << 10;
/** How many changes an iteration takes in at once. */
const SOME_CHANGES = 64;

/** The import `state`. */
export interface Source {
  get(table: number, keys: Uint8Array, from: Table | null, to: Table | null, limit: number, descending: boolean): Table;
}

let source: Source | null = null;

/** From here on reads are answered by `by`; what answered them before. */
export function serve(by: Source | null): Source | null {
  const before = source;
  source = by;
  return before;
}

/** A part of a map: from a subkey to another, which is not in it; `reverse` begins at the end. */
export interface Range<K> {
  from?: K;
  to?: K;
  reverse?: boolean;
}

/** A list that the engine keeps for each key: appended to at its end, taken from at its front, read anywhere. */
export interface ListState<T> extends Iterable<T> {
  readonly length: number;
  push(...elements: T[]): void;
  /** Takes the first element away. */
  shift(): T | undefined;
  /** The element at a position, from the end if it is negative. The first and the last cost one. */
  at(position: number): T | undefined;
  /** Elements by position, as of an array. */
  slice(from?: number, to?: number): T[];
  /** Begins at the last; reads as far as it is taken. */
  reversed(): Iterable<T>;
  /** Takes elements away from the front until at most so many are left. */
  keepLast(count: number): void;
  clear(): void;
}

/** A map that the engine keeps for each key: rows found by a subkey, and gone through in its order. */
export interface MapState<K, V> extends Iterable<[K, V]> {
  readonly isEmpty: boolean;
  get(subkey: K): V | undefined;
  has(subkey: K): boolean;
  /** Puts a value in the place of the one that may be there, which is not read. */
  set(subkey: K, value: V): void;
  /** Takes away what may be there, which is not read. */
  delete(subkey: K): void;
  /** In order, and only as far as it is taken. What is changed meanwhile may be seen or not. */
  entries(range?: Range<K>): Iterable<[K, V]>;
  clear(): void;
}

/** What `list(…)` and `map(…)` declare. */
export interface ListOf<H extends Held> { readonly list: H }
export interface MapOf<K extends Held, H extends Held> { readonly by: K; readonly holds: H }
export type Tables = Readonly<Record<string, ListOf<any> | MapOf<any, any>>>;
/** What `process` is given of them. */
export type TablesOf<T extends Tables> = {
  readonly [N in keyof T]: T[N] extends ListOf<infer H> ? ListState<ValueOf<H>>
    : T[N] extends MapOf<infer K, infer H> ? MapState<ValueOf<K>, ValueOf<H>>
    : never;
};

/** A list for each key, whose elements are values of a type, or objects. */
export const list = <H extends Held>(element: H): ListOf<H> => ({ list: element });
/** A map for each key. Subkeys are values of a type, or objects: without floats, and without `orNull`. */
export const map = <K extends Held, H extends Held>(by: K, holds: H): MapOf<K, H> => ({ by, holds });

/** A list or map as it is declared; the field's name is the table's. */
export class Declared {
  readonly name: string;
  readonly keys: Layout<any>;
  readonly values: Layout<any>;
  readonly isList: boolean;

  constructor(name: string, of: ListOf<any> | MapOf<any, any>) {
    this.name = name;
    this.isList = "list" in of;
    this.keys = "list" in of ? new Layout(s64, "position") : subkey(of.by);
    this.values = new Layout("list" in of ? of.list : of.holds, "value");
    const names = [...this.keys.columns, ...this.values.columns].map(({ name }) => name);
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined) throw new Error(`table \`${name}\` has \`${twice}\` in its subkey and in its values: rename a field`);
  }

  field(): StateTable {
    return { name: this.name, subkey: this.keys.columns, values: this.values.columns };
  }

  /** For a call; `index` is the table's place in the contract. */
  begin(index: number): Stored {
    return this.isList ? new List(index, this) : new Sorted(index, this);
  }
}

type Entry<K, V> = [K, V];
/** What a part covers: from a subkey, which may be left out, to another, which may be in it. */
interface Covered<K> { low: K | undefined; isAfter: boolean; high: K | undefined; isThrough: boolean }

/** A list or map of one key after the other, with the changes of all. */
export abstract class Stored<K = any, V = any> {
  protected readonly keys: Layout<K>;
  protected readonly values: Layout<V>;
  readonly #index: number;
  readonly #changes: { kind: number; key: number; subkey: K; value: V | undefined }[] = [];
  #key = 0;

  constructor(index: number, { keys, values }: Declared) {
    [this.#index, this.keys, this.values] = [index, keys, values];
  }

  /** Goes on to a key. */
  enter(key: number): void {
    this.#key = key;
  }

  /** Notes what was changed of the key. */
  abstract leave(): void;

  protected note(kind: number, subkey: K, value: V | undefined): void {
    this.#changes.push({ kind, key: this.#key, subkey, value });
  }

  /** The changes of all keys. */
  made(): Change[] {
    const changes = this.#changes;
    if (changes.length === 0) return [];
    const nodes = [...this.keys.store(changes.map(({ subkey }) => subkey)), ...this.values.store(changes.map(({ value }) => value))];
    const key = bytesOf(Uint32Array.from(changes, ({ key }) => key));
    return [{ table: this.#index, kind: Uint8Array.from(changes, ({ kind }) => kind), key, rows: { rows: changes.length, nodes } }];
  }

  /** The first rows from `low` (included) to `high` (excluded), and how many bytes they came in. */
  protected read(low: K | undefined, high: K | undefined, limit: number, reverse: boolean): [Entry<K, V>[], number] {
    if (source === null) throw new Error("lists and maps are read in calls that the engine or `start` of a test makes");
    const bound = (at: K | undefined): Table | null => (at === undefined ? null : { rows: 1, nodes: this.keys.store([at]) });
    const key = bytesOf(Uint32Array.of(this.#key));
    const { rows, nodes } = source.get(this.#index, key, bound(low), bound(high), limit, reverse);
    const cut = 1 + this.keys.fields.length;
    const values = this.values.load(nodes.slice(cut), rows);
    const entries = this.keys.load(nodes.slice(1, cut), rows).map((subkey, at): Entry<K, V> => [subkey, values[at]!]);
    return [entries, nodes.reduce((sum, { buffers }) => buffers.reduce((sum, buffer) => sum + buffer.length, sum), 0)];
  }

  /** Rows part by part, each with the range that it covers. */
  protected *parts(low: K | undefined, high: K | undefined, reverse: boolean): Generator<[Entry<K, V>[], Covered<K>]> {
    let [limit, isAfter] = [FIRST_ROWS, false];
    for (;;) {
      // A range goes on from the last row that was seen, which is read again: so subkeys need no successor.
      const asked = limit + Number(isAfter);
      const [rows, bytes] = this.read(low, high, asked, reverse);
      const fit = Math.floor(PART_BYTES / Math.max(1, bytes / Math.max(1, rows.length)));
      limit = Math.max(1, Math.min(limit * 8, fit, ROWS_MAX));
      const isLast = rows.length < asked;
      const last = isLast ? undefined : rows[rows.length - 1]![0];
      const shown = isAfter ? rows.slice(1) : rows;
      if (isLast) {
        yield [shown, { low, isAfter, high, isThrough: false }];
        return;
      }
      if (reverse) {
        yield [shown, { low: last, isAfter: false, high, isThrough: false }];
        high = last;
      } else {
        yield [shown, { low, isAfter, high: last, isThrough: true }];
        [low, isAfter] = [last, true];
      }
    }
  }
}

class List<T> extends Stored<bigint, T> implements ListState<T> {
  /** The numbers that the engine had when the call began, first and after the last, once they are known. */
  #held: [bigint, bigint] | null = null;
  /** What this call takes away of them, in order. */
  #gone: bigint[] = [];
  /** Elements of the front, read to be looked at or taken away, from `#next` on. */
  #ahead: Entry<bigint, T>[] = [];
  #next = 0;
  #more: Generator<[Entry<bigint, T>[], Covered<bigint>]> | null = null;
  #pushed: T[] = [];

  push(...elements: T[]): void {
    this.#pushed.push(...elements);
  }

  shift(): T | undefined {
    if (!this.#readAhead()) return this.#pushed.shift();
    const [number, element] = this.#ahead[this.#next++]!;
    this.#gone.push(number);
    return element;
  }

  keepLast(count: number): void {
    for (let left = this.length; left > count; left--) this.shift();
  }

  clear(): void {
    while (this.#readAhead()) this.#gone.push(this.#ahead[this.#next++]![0]);
    this.#pushed = [];
  }

  get length(): number {
    const [first, end] = this.#numbers();
    return Number(end - first) + this.#pushed.length;
  }

  at(position: number): T | undefined {
    if (position === 0) return this.#readAhead() ? this.#ahead[this.#next]![1] : this.#pushed[0];
    if (position === -1 && this.#pushed.length > 0) return this.#pushed[this.#pushed.length - 1];
    const at = position < 0 ? position + this.length : position;
    return at < 0 ? undefined : this.#between(at, at + 1)[0];
  }

  slice(from = 0, to = Infinity): T[] {
    const { length } = this;
    const absolute = (at: number): number => Math.min(length, at < 0 ? Math.max(0, at + length) : at);
    return this.#between(absolute(from), absolute(to));
  }

  *[Symbol.iterator](): Generator<T> {
    for (const [rows] of this.parts(this.#start(), undefined, false)) for (const [, element] of rows) yield element;
    yield* [...this.#pushed];
  }

  *reversed(): Generator<T> {
    yield* [...this.#pushed].reverse();
    for (const [rows] of this.parts(this.#start(), undefined, true)) for (const [, element] of rows) yield element;
  }

  leave(): void {
    for (const number of this.#gone) this.note(DELETE, number, undefined);
    for (const element of this.#pushed) this.note(APPEND, 0n, element);
    [this.#held, this.#gone, this.#ahead, this.#next, this.#more, this.#pushed] = [null, [], [], 0, null, []];
  }

  #between(from: number, to: number): T[] {
    const [first, end] = this.#numbers();
    const count = Number(end - first);
    const elements: T[] = [];
    if (from < Math.min(to, count)) {
      for (const [rows] of this.parts(first + BigInt(from), first + BigInt(Math.min(to, count)), false)) {
        for (const [, element] of rows) elements.push(element);
      }
    }
    return elements.concat(this.#pushed.slice(Math.max(from - count, 0), Math.max(to - count, 0)));
  }

  /** Where the elements that the engine still has begin; undefined: nothing was taken away. */
  #start(): bigint | undefined {
    return this.#gone.length === 0 ? undefined : this.#gone[this.#gone.length - 1]! + 1n;
  }

  /** The numbers of the elements that the engine still has. */
  #numbers(): [bigint, bigint] {
    if (this.#held === null) {
      const [[first]] = this.read(undefined, undefined, 1, false);
      const [[last]] = this.read(undefined, undefined, 1, true);
      this.#held = first === undefined || last === undefined ? [0n, 0n] : [first[0], last[0] + 1n];
    }
    const [first, end] = this.#held;
    const start = this.#start() ?? first;
    return [start < end ? start : end, end];
  }

  /** Whether the engine still has an element; it stands in `#ahead` then. */
  #readAhead(): boolean {
    if (this.#next === this.#ahead.length) {
      this.#more ??= this.parts(this.#start(), undefined, false);
      const part = this.#more.next();
      [this.#ahead, this.#next] = [part.done ? [] : part.value[0], 0];
    }
    return this.#next < this.#ahead.length;
  }
}

/** Of a subkey that this call has taken away. */
const GONE = Symbol("gone");

class Sorted<K, V> extends Stored<K, V> implements MapState<K, V> {
  /** What this call has put or taken away, in order of subkey. */
  #changed: Entry<K, V | typeof GONE>[] = [];

  get(subkey: K): V | undefined {
    const at = this.#place(subkey, false);
    const changed = this.#changed[at];
    if (changed !== undefined && this.keys.compare(changed[0], subkey) === 0) return changed[1] === GONE ? undefined : changed[1];
    const [[found]] = this.read(subkey, undefined, 1, false);
    return found !== undefined && this.keys.compare(found[0], subkey) === 0 ? found[1] : undefined;
  }

  has(subkey: K): boolean {
    return this.get(subkey) !== undefined;
  }

  set(subkey: K, value: V): void {
    this.#change(subkey, value);
  }

  delete(subkey: K): void {
    this.#change(subkey, GONE);
  }

  get isEmpty(): boolean {
    for (const _ of this.entries()) return false;
    return true;
  }

  *entries({ from, to, reverse = false }: Range<K> = {}): Generator<[K, V]> {
    if (from !== undefined && to !== undefined && this.keys.compare(from, to) >= 0) return;
    for (const [rows, covered] of this.parts(from, to, reverse)) yield* this.#merged(rows, covered, reverse);
  }

  [Symbol.iterator](): Iterator<[K, V]> {
    return this.entries();
  }

  clear(): void {
    const held: K[] = [];
    for (const [rows] of this.parts(undefined, undefined, false)) for (const [subkey] of rows) held.push(subkey);
    // What was put in this call and was not there before needs no change.
    this.#changed = held.map((subkey) => [subkey, GONE]);
  }

  leave(): void {
    for (const [subkey, value] of this.#changed) {
      if (value === GONE) this.note(DELETE, subkey, undefined);
      else this.note(PUT, subkey, value);
    }
    this.#changed = [];
  }

  /** Where the first change stands that is not before the subkey, or is after it. */
  #place(subkey: K, isAfter: boolean): number {
    let [low, high] = [0, this.#changed.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const order = this.keys.compare(this.#changed[middle]![0], subkey);
      if (order < 0 || (isAfter && order === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #change(subkey: K, value: V | typeof GONE): void {
    const at = this.#place(subkey, false);
    const found = this.#changed[at];
    const isThere = found !== undefined && this.keys.compare(found[0], subkey) === 0;
    this.#changed.splice(at, isThere ? 1 : 0, [subkey, value]);
  }

  /**
   * The rows of a part with what was changed within its range. Changes are taken in some at a time, and rows up to the last of them are settled
   * before any is yielded: so a subkey comes once, whatever the function changes meanwhile.
   */
  *#merged(rows: Entry<K, V>[], { low, isAfter, high, isThrough }: Covered<K>, reverse: boolean): Generator<Entry<K, V>> {
    if (this.#changed.length === 0) {
      yield* rows;
      return;
    }
    for (let [row, isLast] = [0, false]; !isLast;) {
      const from = low === undefined ? 0 : this.#place(low, isAfter);
      const end = Math.max(from, high === undefined ? this.#changed.length : this.#place(high, isThrough));
      isLast = end - from <= SOME_CHANGES;
      const some = reverse
        ? this.#changed.slice(Math.max(from, end - SOME_CHANGES), end).reverse()
        : this.#changed.slice(from, Math.min(end, from + SOME_CHANGES));
      const settled: Entry<K, V | typeof GONE>[] = [];
      for (let next = 0; next < some.length || (isLast && row < rows.length);) {
        let order = next === some.length ? 1 : -1;
        if (next < some.length && row < rows.length) order = this.keys.compare(some[next]![0], rows[row]![0]) * (reverse ? -1 : 1);
        settled.push(order > 0 ? rows[row]! : some[next]!);
        if (order >= 0) row++;
        if (order <= 0) next++;
      }
      for (const entry of settled) if (entry[1] !== GONE) yield entry as Entry<K, V>;
      if (isLast) return;
      const last = some[some.length - 1]![0];
      if (reverse) [high, isThrough] = [last, false];
      else [low, isAfter] = [last, true];
    }
  }
}
