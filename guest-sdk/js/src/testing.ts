/**
 * Tests of operators in plain Node.js, without an engine and without WebAssembly.
 *
 *     const out = run(toEuro, { auction: [1n, 2n], price: [99, 300] }, { options: { rate: 0.5, min: 100 } });
 *     assert.deepEqual(out.main, { auction: [2n], price: [300], euro: [150] });
 *
 * `fold` is for aggregates, `start` for keyed operators, `join` for cogroups, `enriched` for enrich operators. The code that runs is the module's, through the buffers that cross the boundary. Rows are also run one by one: an answer
 * that depends on how rows are cut into batches fails the test.
 */
import type { Level } from "./log.ts";
import { tell } from "./log.ts";
import type { Values } from "./testing-rows.ts";
import { Given, opened, range, read, shown } from "./testing-rows.ts";
import type { Transform } from "./transform.ts";
import type { Contract, Node, Output } from "./wire.ts";

export type { Enriched, EnrichSetting } from "./testing-enriched.ts";
export { enriched, noReply, reply } from "./testing-enriched.ts";
export type { Run } from "./testing-epochs.ts";
export { start } from "./testing-epochs.ts";
export { fold } from "./testing-folds.ts";
export { join } from "./testing-joins.ts";
export { Refused } from "./testing-rows.ts";

export interface Setting {
  options?: Record<string, unknown>;
  /** Types of columns, where values do not tell: `{ price: "f64?" }`. */
  schema?: Record<string, string>;
  epoch?: number;
  firstRow?: number;
  /** Microseconds since 1970. */
  now?: number;
  watermark?: number;
  seed?: number | bigint;
  /** Side tables on offer, and types of their columns, where values do not tell. */
  tables?: Record<string, Values>;
  tableSchemas?: Record<string, Record<string, string>>;
}

export interface Out {
  /** The columns of the main output. */
  main: Record<string, unknown[]>;
  /** The input row of each row (of an aggregate, the group); null where there is none. */
  origin: (number | null)[];
  /** All outputs by their names, the main one among them. */
  ports: Record<string, Record<string, unknown[]>>;
  origins: Record<string, (number | null)[]>;
  rejected: { row: number; reason: string }[];
  logs: { level: Level; message: string }[];
  counters: Record<string, number>;
  gauges: Record<string, number>;
}

/** Rows that are run one by one as well. */
export const ONE_BY_ONE_MAX = 200;

/** Runs `operator` over a batch. */
export function run(operator: Transform<any, any, any, any, any>, rows: Values, setting: Setting = {}): Out {
  const given = Given.of(rows, setting.schema);
  const tables = Object.entries(setting.tables ?? {}).map(([name, of]) => ({ name, of: Given.of(of, setting.tableSchemas?.[name]) }));
  const offered = tables.map(({ name, of }) => ({ ...of.input(), name, mode: "table" }));
  const contract = opened(() => operator.open([given.input(), ...offered], JSON.stringify(setting.options ?? {})));
  for (const { name, of } of tables.filter(({ name }) => contract.tables.includes(name))) {
    operator.load(name, of.table(Object.keys(of.rows), range(0, of.count)));
  }
  const call = (start: number, end: number): Out => {
    const { epoch = 1, firstRow = 0, now = 0, watermark = -(2 ** 63), seed = 0 } = setting;
    const context = { epoch, firstRow: firstRow + start, now, watermark, seed };
    const table = given.table(contract.reads[0]!, range(start, end));
    return assembled(contract, operator.process(context, table), rows, start, end - start);
  };
  const [whole, recorded] = recording(() => call(0, given.count));
  if (given.count > 1 && given.count <= ONE_BY_ONE_MAX) {
    checkCuts(whole, range(0, given.count).map((row) => call(row, row + 1)));
  }
  return { ...whole, ...recorded };
}

export type Recorded = Pick<Out, "logs" | "counters" | "gauges">;

/** What `call` answers, and what it logged and counted. */
export function recording<T>(call: () => T): [T, Recorded] {
  const recorded: Recorded = { logs: [], counters: {}, gauges: {} };
  const before = tell({
    log: (level, message) => void recorded.logs.push({ level, message }),
    counter: (name, delta) => void (recorded.counters[name] = (recorded.counters[name] ?? 0) + delta),
    gauge: (name, value) => void (recorded.gauges[name] = value),
  });
  try {
    return [call(), recorded];
  } finally {
    tell(before);
  }
}

/** Rows must not depend on how they are cut into batches. */
export function checkCuts(whole: Out, parts: Out[]): void {
  const joined: Out["ports"] = {};
  for (const [port, columns] of Object.entries(whole.ports)) {
    const names = Object.keys(columns);
    joined[port] = Object.fromEntries(names.map((name) => [name, parts.flatMap((part) => part.ports[port]![name]!)]));
  }
  const rejected = parts.flatMap((part, row) => part.rejected.map(({ reason }) => ({ row, reason })));
  const [atOnce, oneByOne] = [shown([whole.ports, whole.rejected]), shown([joined, rejected])];
  if (atOnce !== oneByOne) {
    throw new Error(
      `the answer depends on how rows are cut into batches:\n  all at once: ${atOnce}\n  one by one:  ${oneByOne}`,
    );
  }
}

/** What the engine would carry across, put together with what was computed. */
export function assembled(contract: Contract, output: Output, rows: Values, start: number, count: number): Out {
  return outOf(contract, output.rejected, (port) => {
    const emitted = output.emitted.find((one) => one.port === port);
    if (emitted === undefined) return { nodes: [], origin: [], passed: () => [] };
    const origin = emitted.origin === null ? range(0, count) : [...new Uint32Array(emitted.origin.slice().buffer)];
    const passed = (column: string): unknown[] => origin.map((row) => rows[column]![start + row]!);
    return { nodes: emitted.computed.nodes, origin, passed };
  });
}

/** What left by an output: the columns computed, the origins of rows, and a column that passed. */
interface LeftBy {
  nodes: Node[];
  origin: (number | null)[];
  passed(column: string): unknown[];
}

export function outOf(contract: Contract, rejected: Out["rejected"], leftBy: (port: number) => LeftBy): Out {
  const ports: Out["ports"] = {};
  const origins: Out["origins"] = {};
  for (const [port, { name, fields }] of contract.ports.entries()) {
    const { nodes, origin, passed } = leftBy(port);
    const columns: Record<string, unknown[]> = {};
    let at = 0;
    for (const field of fields) {
      if (field.tag === "pass") {
        columns[field.val[1]] = passed(field.val[0]);
      } else {
        const node = nodes[at++];
        columns[field.val.name] = node === undefined ? [] : read(field.val, node, origin.length);
      }
    }
    [ports[name], origins[name]] = [columns, origin];
  }
  const main = contract.ports[0]!.name;
  return { main: ports[main]!, origin: origins[main]!, ports, origins, rejected, logs: [], counters: {}, gauges: {} };
}
