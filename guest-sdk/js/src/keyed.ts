/**
 * `keyed(…)`: a function of one key, what is kept for it, its rows and its timers, as an operator.
 *
 * The engine keeps state and timers, groups rows by the key that the job names, and calls `process` for each key that has rows, a timer that
 * is due, or has come to the end of its time to live.
 */
import { compile, nodesOf, nulls } from "./batch.ts";
import type { View } from "./columns.ts";
import { bytesOf, typed, view } from "./columns.ts";
import { Context } from "./context.ts";
import type { Passing, Plan } from "./contract.ts";
import { fitKey, fitPorts, readOptions } from "./contract.ts";
import { Kept } from "./kept.ts";
import type { Older } from "./migrate.ts";
import { migrated } from "./migrate.ts";
import type { MadeOf, PortSpec, Ports } from "./ports.ts";
import { portSpecs, Sinks } from "./ports.ts";
import { Declared } from "./tables.ts";
import type { Tables, TablesOf } from "./tables.ts";
import { Timers } from "./timers.ts";
import type { Column, Columns, Row } from "./types.ts";
import type { BatchContext, Change, Contract, Due, Field, Input, KeyedEmitted, KeyedOutput, StateTable, Table } from "./wire.ts";

/** The version of the state of a module that migrates none; each version before this one makes it one more. */
const STATE_VERSION = 1;
const PUT = 0;
const DELETE = 1;
/** The origin of rows that have none. */
export const NO_ORIGIN = 0xffffffff;

/** What is kept for the key: null if nothing is, and to keep nothing any more. */
export interface State<S extends Columns> {
  value: Row<S> | null;
}

/** Takes the rows that are made. Their key columns are the engine's to fill in. */
export interface Out<R extends Columns, M extends Columns, P extends Ports = {}> {
  /**
   * Emits a row; of an operator with `ports`, `{ ended: row }`. With `of`, one of the key's rows, it has that row's event time and, if the output passes any, its columns; without, columns
   * that pass beside the key and the event time are null.
   */
  emit(made: MadeOf<M, P>, of?: Row<R>): void;
  /** Rejects one of the key's rows: it goes to `operator.rejected` with the reason. The first reason counts. */
  reject(row: Row<R>, reason: string): void;
}

/** What `process` is given for a key. */
export interface Call<
  K extends Columns, R extends Columns, S extends Columns, M extends Columns, O extends Columns, T extends Tables = {},
  P extends Ports = {},
> {
  readonly key: Row<K>;
  readonly state: State<S>;
  /** In the order in which they came; maybe none. */
  readonly rows: readonly Row<R>[];
  /** Lists and maps of the key. */
  readonly tables: TablesOf<T>;
  readonly timers: Timers;
  readonly out: Out<R, M, P>;
  readonly options: Row<O>;
  /** Speaks of the key's first row, and after `ctx.of(row)` of that. */
  readonly ctx: Context;
}

export interface KeyedDefinition<
  K extends Columns, R extends Columns, S extends Columns, M extends Columns, O extends Columns, T extends Tables = {},
  P extends Ports = {},
> {
  /** Columns of the operator's key that `process` sees. */
  key?: K;
  /** Columns of the input that it sees. */
  reads: R;
  /** What is kept for each key; one field at least is not `orNull`. */
  state?: S;
  /** What the version before kept, and the function that makes it `state`: `older(…)`; or one for each version before, the first first. */
  migrate?: Older<Row<NoInfer<S>> | null> | readonly Older<Row<NoInfer<S>> | null>[];
  /** Lists and maps for each key: `{ recent: list({ song: utf8, at: timestamp }), songs: map(utf8, s64) }`. */
  tables?: T;
  makes?: M;
  /** In its place: several outputs by their names, the main one first. */
  ports?: P;
  options?: O;
  /** Which columns of the input leave besides: those of the key, if nothing is said. */
  passes?: "all" | "none" | "key" | readonly string[];
  drop?: readonly string[];
  rename?: Readonly<Record<string, string>>;
  /** The column that is the output's event time, if it is not the input's. */
  eventTime?: string;
  process(call: Call<K, R, S, M, O, T, P>): void;
}

/** An operator. */
export class Keyed<
  K extends Columns = Columns, R extends Columns = Columns, S extends Columns = Columns, M extends Columns = Columns,
  O extends Columns = Columns, T extends Tables = Tables, P extends Ports = Ports,
> {
  readonly definition: KeyedDefinition<K, R, S, M, O, T, P>;
  /** Null if nothing is kept. */
  readonly kept: Kept | null;
  /** Lists and maps, which follow what is kept in the contract. */
  readonly tables: readonly Declared[];
  readonly #versions: readonly Older[];
  readonly #passing: Passing;
  readonly #ports: PortSpec[];
  #opened: { plan: Plan; options: any; key: { place: number; format: string }[] } | null = null;

  constructor(definition: KeyedDefinition<K, R, S, M, O, T, P>) {
    const { state, tables = {}, passes = "key", drop = [], rename = {}, migrate = [] } = definition;
    const types = Object.values(state ?? {});
    if (types.length > 0 && types.every((type) => type.nullable)) {
      throw new Error("a row of nulls is no state, so one field of `state` at least is not `orNull`");
    }
    this.definition = definition;
    this.kept = types.length > 0 ? new Kept(state!) : null;
    this.tables = Object.entries<Tables[string]>(tables).map(([name, of]) => new Declared(name, of));
    this.#versions = "migrate" in migrate ? [migrate] : migrate;
    if (this.#versions.length > 0 && this.kept === null) throw new Error("there is `migrate`, but no `state` that could be migrated");
    this.#passing = { passes, drop, rename };
    this.#ports = portSpecs(definition, "key");
  }

  /** Throws `Unfit` with words for the job's owner. */
  open(inputs: Input[], text: string): Contract {
    const { key = {}, reads, options = {} } = this.definition;
    const read = readOptions(options, text);
    const [contract, plan] = fitPorts(inputs, reads, this.#ports, this.#passing);
    this.#opened = { plan, options: read, key: fitKey(inputs, key) };
    const state: StateTable[] = this.kept === null ? [] : [{ name: "state", subkey: [], values: this.kept.fields() }];
    state.push(...this.tables.map((declared) => declared.field()));
    return { ...contract, state, stateVersion: STATE_VERSION + this.#versions.length };
  }

  process(
    context: BatchContext, table: Table, endBytes: Uint8Array, keys: Table, states: Table[], due: Due, expiring: Uint8Array,
  ): KeyedOutput {
    const { plan, options, key: places } = this.#opened!;
    const { key = {}, reads, process } = this.definition;
    const rejected: { row: number; reason: string }[] = [];
    const types = Object.values(reads);
    const views = types.map((type, at) => view(table.nodes[at]!, plan.formats[at]!, type, table.rows));
    const refused = nulls(types, Object.keys(reads), views, table.rows, rejected);
    const reader = compile(Object.keys(reads), views);
    const keyTypes: Column<unknown>[] = Object.values(key);
    const keyViews: View[] = places.map(({ place, format }, at) => view(keys.nodes[place]!, format, keyTypes[at]!, keys.rows));
    const unkeyed: { row: number; reason: string }[] = [];
    nulls(keyTypes, Object.keys(key), keyViews, keys.rows, unkeyed);
    const whyRefused = new Map(unkeyed.map(({ row, reason }) => [row, reason]));
    const readKey = compile(Object.keys(key), keyViews);
    const before = this.kept?.load(states[0]!);
    const changes: { key: number; state: Record<string, unknown> | null }[] = [];
    const own = this.kept === null ? 0 : 1;
    const stored = this.tables.map((declared, at) => declared.begin(own + at));
    const tables = Object.fromEntries(this.tables.map(({ name }, at) => [name, stored[at]!])) as unknown as TablesOf<T>;
    const timers = new Timers(due);
    const out = new KeyedSink<R, M, P>(this.#ports, this.definition.ports !== undefined);
    const ctx = new Context(context);
    const ends: Uint32Array = typed(Uint32Array, endBytes, keys.rows);
    let start = 0;
    for (const [at, end] of ends.entries()) {
      const isCalled = timers.enter(at, expiring[at] !== 0);
      const rows: Row<R>[] = [];
      out.enter(at);
      ctx.at(start);
      for (let row = start; row < end; row++) {
        if (refused !== null && refused.has(row)) continue;
        if (rows.length === 0) ctx.at(row);
        const read = reader(row) as Row<R>;
        rows.push(read);
        out.numbers.set(read, row);
      }
      start = end;
      if (!isCalled && rows.length === 0) continue;
      const why = whyRefused.get(at);
      if (why !== undefined) {
        for (const row of rows) out.reject(row, why);
        continue;
      }
      const came = before?.[at] ?? null;
      const was = came === null || this.kept!.isNothing(came) ? null : came;
      const state = { value: (was === null ? null : { ...was }) as Row<S> | null };
      for (const one of stored) one.enter(at);
      process({ key: readKey(at) as Row<K>, state, rows, tables, timers, out, options, ctx: ctx.among(out.numbers) });
      for (const one of stored) one.leave();
      if (this.kept === null) continue;
      const now = (state.value ?? null) as Record<string, unknown> | null;
      if (was === null ? now !== null : now === null || !this.kept.isSame(was, now)) changes.push({ key: at, state: now });
    }
    return {
      emitted: out.emitted(plan.orders),
      changes: [...this.#changes(changes), ...stored.flatMap((one) => one.made())],
      timers: timers.made(),
      rejected: [...rejected, ...out.rejected].sort((a, b) => a.row - b.row),
    };
  }

  /** Throws `Unfit` with words for the job's owner. */
  migrate(table: string, version: number, old: readonly Field[], rows: Table): Table {
    return migrated(this.#versions, this.kept, this.tables, table, version, old, rows);
  }

  #changes(changes: { key: number; state: Record<string, unknown> | null }[]): Change[] {
    if (changes.length === 0) return [];
    const kind = Uint8Array.from(changes, ({ state }) => (state === null ? DELETE : PUT));
    const key = bytesOf(Uint32Array.from(changes, ({ key }) => key));
    return [{ table: 0, kind, key, rows: this.kept!.store(changes.map(({ state }) => state)) }];
  }
}

/** What a call's keys emit and reject. */
class KeyedSink<R extends Columns, M extends Columns, P extends Ports> implements Out<R, M, P> {
  /** The number of each row in the call. */
  readonly numbers = new Map<object, number>();
  readonly rejected: { row: number; reason: string }[] = [];
  readonly #refused = new Set<number>();
  readonly #specs: readonly PortSpec[];
  /** Rows are numbered by their emission. */
  readonly #sinks: Sinks;
  readonly #keys: number[] = [];
  readonly #origins: number[] = [];
  #key = 0;

  constructor(specs: readonly PortSpec[], hasPorts: boolean) {
    this.#specs = specs;
    this.#sinks = new Sinks(specs, hasPorts);
  }

  enter(key: number): void {
    this.#key = key;
    this.numbers.clear();
  }

  emit(made: MadeOf<M, P>, of?: Row<R>): void {
    this.#origins.push(of === undefined ? NO_ORIGIN : this.#number(of));
    this.#sinks.put(made, this.#keys.push(this.#key) - 1);
  }

  reject(row: Row<R>, reason: string): void {
    const number = this.#number(row);
    if (this.#refused.has(number)) return;
    this.#refused.add(number);
    this.rejected.push({ row: number, reason });
  }

  #number(row: Row<R>): number {
    const number = this.numbers.get(row);
    if (number === undefined) throw new Error("the row is not one of those that this call was given for the key");
    return number;
  }

  emitted(orders: readonly string[][]): KeyedEmitted[] {
    const emitted: KeyedEmitted[] = [];
    for (const [port, { numbers, rows }] of this.#sinks.each.entries()) {
      if (rows.length === 0) continue;
      const origins = numbers.map((number) => this.#origins[number]!);
      emitted.push({
        port,
        key: bytesOf(Uint32Array.from(numbers, (number) => this.#keys[number]!)),
        origin: origins.some((origin) => origin !== NO_ORIGIN) ? bytesOf(Uint32Array.from(origins)) : null,
        time: null,
        computed: { rows: rows.length, nodes: nodesOf(this.#specs[port]!.makes, orders[port]!, rows) },
      });
    }
    return emitted;
  }
}

/** Makes a definition an operator. A module exports one. */
export function keyed<
  R extends Columns, K extends Columns = {}, S extends Columns = {}, M extends Columns = {}, O extends Columns = {},
  T extends Tables = {}, P extends Ports = {},
>(definition: KeyedDefinition<K, R, S, M, O, T, P>): Keyed<K, R, S, M, O, T, P> {
  return new Keyed(definition);
}
