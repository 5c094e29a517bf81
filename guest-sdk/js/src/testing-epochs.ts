/**
 * Epochs of a keyed operator: `start`, with the state and the timers kept between.
 *
 * Each call is an epoch: rows are grouped by key, keys get their state and the timers that are due, and what the operator answers is applied
 * as the engine does. State and timers can be looked at after each.
 */
import { bytesOf } from "./columns.ts";
import type { Keyed } from "./keyed.ts";
import { serve } from "./tables.ts";
import { TestTable } from "./testing-tables.ts";
import { NO_ORIGIN } from "./keyed.ts";
import type { Out, Setting } from "./testing.ts";
import { outOf, recording } from "./testing.ts";
import type { Values } from "./testing-rows.ts";
import { Given, opened, range, shown } from "./testing-rows.ts";
import type { Timer } from "./timers.ts";
import type { Contract, Due, KeyedOutput, Table } from "./wire.ts";

export interface RunSetting extends Pick<Setting, "options" | "schema" | "seed"> {
  /** Columns of the input. */
  key: readonly string[];
  /** The column that is the input's event time. */
  eventTime?: string;
}

/** A run without state and timers, before its first epoch. */
export const start = (operator: Any, setting: RunSetting): Run => new Run(operator, setting);

type Any = Keyed<any, any, any, any, any, any, any>;
interface Held {
  readonly key: unknown[];
  state: Record<string, unknown> | null;
  timers: Map<number, Timer>;
}

/** What the engine would keep between epochs. */
export class Run {
  readonly #operator: Any;
  readonly #setting: RunSetting;
  readonly #held = new Map<string, Held>();
  readonly #tables: TestTable[];
  #given: Given | null = null;
  #context = { epoch: 0, firstRow: 0, now: 0, watermark: -(2 ** 63), seed: 0 as number | bigint };

  constructor(operator: Any, setting: RunSetting) {
    [this.#operator, this.#setting] = [operator, setting];
    this.#tables = operator.tables.map((declared) => new TestTable(declared));
    this.#context.seed = setting.seed ?? 0;
  }

  /** An epoch with `rows`, after which the watermark is `until` (µs): timers that it makes due are in the same call. */
  rows(rows: Values, until?: number): Out {
    const types = this.#given?.types ?? Given.of(rows, this.#setting.schema).types;
    this.#given = new Given(Object.fromEntries(Object.keys(rows).map((name) => [name, []])), types);
    if (until !== undefined) this.#context.watermark = until;
    return this.#run(new Given(rows, types));
  }

  /** An epoch without rows that only advances event time. */
  watermark(watermark: number): Out {
    this.#context.watermark = watermark;
    return this.#run(this.#noRows());
  }

  /** An epoch without rows at this processing time, which the next ones keep. */
  now(now: number): Out {
    this.#context.now = now;
    return this.#run(this.#noRows());
  }

  /** An epoch in which the time to live of all keys with state ends. */
  expire(): Out {
    const isKept = ([name, { state }]: [string, Held]) => state !== null || this.#tables.some((table) => table.has(name));
    return this.#run(this.#noRows(), [...this.#held].filter(isKept).map(([name]) => name));
  }

  /** The keys that have state, and their state. */
  get state(): Record<string, unknown[]> {
    const with_ = [...this.#held.values()].filter(({ state }) => state !== null);
    const key = this.#setting.key.map((name, at) => [name, with_.map(({ key }) => key[at])]);
    const fields = Object.keys(this.#operator.definition.state ?? {});
    return Object.fromEntries([...key, ...fields.map((field) => [field, with_.map(({ state }) => state![field])])]);
  }

  /** A list or map: the key's columns, those of the subkey, and the values. */
  table(name: string): Record<string, unknown[]> {
    const table = this.#tables.find(({ declared }) => declared.name === name);
    if (table === undefined) throw new Error(`the operator has no table \`${name}\``);
    return table.columns(this.#setting.key, (key) => this.#held.get(key)!.key);
  }

  /** The timers that are set, in order of time. */
  get timers(): Timer[] {
    return [...this.#held.values()].flatMap(({ timers }) => [...timers.values()]).sort(byTime);
  }

  #noRows(): Given {
    if (this.#given === null) throw new Error("a test begins with rows, from which the columns are known");
    return this.#given;
  }

  #run(given: Given, expiring: string[] = []): Out {
    this.#context.epoch += 1;
    const { key, options = {}, eventTime = null } = this.#setting;
    const contract = opened(() => this.#operator.open([given.input(key, eventTime)], JSON.stringify(options)));
    const ofRows = range(0, given.count).map((row) => {
      const values = key.map((name) => given.rows[name]![row]);
      const name = shown(values);
      if (!this.#held.has(name)) this.#held.set(name, { key: values, state: null, timers: new Map() });
      return name;
    });
    const due = this.#takeDue();
    const called = [...new Set([...ofRows, ...due.map(([name]) => name), ...expiring])];
    const order = called.flatMap((name) => range(0, given.count).filter((row) => ofRows[row] === name));
    let end = 0;
    const ends = called.map((name) => (end += ofRows.filter((other) => other === name).length));
    const context = { ...this.#context };
    this.#context.firstRow += given.count;
    const held = called.map((name) => this.#held.get(name)!);
    const columns = Object.fromEntries(key.map((name, at) => [name, held.map(({ key }) => key[at])]));
    const own = this.#operator.kept === null ? 0 : 1;
    const before = serve({
      get: (table, key, ...range) => this.#tables[table - own]!.read(called[words(key)[0]!]!, key, ...range),
    });
    const [output, recorded] = recording(() => {
      try {
        return this.#operator.process(
          context, given.table(contract.reads[0]!, order), bytesOf(Uint32Array.from(ends)),
          new Given(columns, given.types).table(key, range(0, called.length)), this.#states(held),
          dueOf(due.map(([name, timer]) => [called.indexOf(name), timer])),
          Uint8Array.from(called, (name) => (expiring.includes(name) ? 1 : 0)),
        );
      } finally {
        serve(before);
      }
    });
    this.#apply(called, held, output);
    for (const name of expiring) {
      Object.assign(this.#held.get(name)!, { state: null, timers: new Map() });
      for (const table of this.#tables) table.drop(name);
    }
    return { ...assembled(contract, output, given, key, held, order), ...recorded };
  }

  /** Takes the timers that are due, in order of time. */
  #takeDue(): [string, Timer][] {
    const due: [string, Timer][] = [];
    for (const [name, { timers }] of this.#held) {
      for (const timer of timers.values()) {
        if (Number(timer.at) > (timer.isProcessing ? this.#context.now : this.#context.watermark)) continue;
        timers.delete(timer.id);
        due.push([name, timer]);
      }
    }
    return due.sort(([, a], [, b]) => byTime(a, b));
  }

  #states(held: Held[]): Table[] {
    return this.#operator.kept === null ? [] : [this.#operator.kept.store(held.map(({ state }) => state))];
  }

  #apply(called: string[], held: Held[], { changes, timers: { timers, cleared } }: KeyedOutput): void {
    const own = this.#operator.kept === null ? 0 : 1;
    for (const change of changes) {
      if (change.table >= own) {
        this.#tables[change.table - own]!.apply(change, called);
        continue;
      }
      const rows = this.#operator.kept!.load(change.rows);
      for (const [at, key] of words(change.key).entries()) held[key]!.state = change.kind[at] === 0 ? rows[at]! : null;
    }
    const at = new BigInt64Array(timers.at.slice().buffer);
    const ids = words(timers.ids);
    for (const [place, key] of words(timers.key).entries()) {
      const id = ids[place]!;
      held[key]!.timers.delete(id);
      if (cleared[place] === 0) held[key]!.timers.set(id, { id, at: at[place]!, isProcessing: timers.clock[place] === 1 });
    }
  }
}

const byTime = (a: Timer, b: Timer): number => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0);
const words = (bytes: Uint8Array): number[] => [...new Uint32Array(bytes.slice().buffer)];

function dueOf(timers: [number, Timer][]): Due {
  return {
    key: bytesOf(Uint32Array.from(timers, ([key]) => key)),
    ids: bytesOf(Uint32Array.from(timers, ([, { id }]) => id)),
    at: bytesOf(BigInt64Array.from(timers, ([, { at }]) => at)),
    clock: Uint8Array.from(timers, ([, { isProcessing }]) => (isProcessing ? 1 : 0)),
  };
}

/** What the engine would carry across, put together with what was computed. */
function assembled(
  contract: Contract, output: KeyedOutput, given: Given, key: readonly string[], held: Held[], order: number[],
): Out {
  const rejected = output.rejected.map(({ row, reason }) => ({ row: order[row]!, reason })).sort((a, b) => a.row - b.row);
  return outOf(contract, rejected, (port) => {
    const emitted = output.emitted.find((one) => one.port === port);
    if (emitted === undefined) return { nodes: [], origin: [], passed: () => [] };
    const keys = words(emitted.key);
    const origins = emitted.origin === null ? keys.map(() => NO_ORIGIN) : words(emitted.origin);
    const origin = origins.map((row) => (row === NO_ORIGIN ? null : order[row]!));
    const passed = (column: string): unknown[] => {
      const place = key.indexOf(column);
      if (place >= 0) return keys.map((key) => held[key]!.key[place]);
      return origin.map((row) => (row === null ? null : given.rows[column]![row]!));
    };
    return { nodes: emitted.computed.nodes, origin, passed };
  });
}
