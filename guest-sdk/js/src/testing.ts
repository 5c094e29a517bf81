/**
 * Tests of operators in plain Node.js, without an engine and without WebAssembly.
 *
 *     const out = run(toEuro, { auction: [1n, 2n], price: [99, 300] }, { options: { rate: 0.5, min: 100 } });
 *     assert.deepEqual(out.main, { auction: [2n], price: [300], euro: [150] });
 *
 * The code that runs is the module's, through the buffers that cross the boundary. Rows are also run one by one: an answer
 * that depends on how rows are cut into batches fails the test.
 */
import { make, Unfit, view } from "./columns.ts";
import type { Level } from "./log.ts";
import { tell } from "./log.ts";
import type { Transform } from "./transform.ts";
import type { Column } from "./types.ts";
import { binary, bool, f64, s64, timestamp, utf8 } from "./types.ts";
import * as types from "./types.ts";
import type { Contract, Output } from "./wire.ts";

type Values = Record<string, readonly unknown[]>;

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
}

export interface Out {
  main: Record<string, unknown[]>;
  origin: number[];
  rejected: { row: number; reason: string }[];
  logs: { level: Level; message: string }[];
  counters: Record<string, number>;
  gauges: Record<string, number>;
}

/** `open` said no: columns or options that do not fit. */
export class Refused extends Error {}

/** Rows that are run one by one as well. */
const ONE_BY_ONE_MAX = 200;

/** Runs `operator` over a batch. */
export function run(operator: Transform<any, any, any>, rows: Values, setting: Setting = {}): Out {
  const columns = Object.entries(rows).map(([name, values]) => ({ name, values, type: typeOf(name, values, setting.schema) }));
  const fields = columns.map(({ name, type }) => ({ name, format: type.format, nullable: type.nullable, children: 0 }));
  let contract: Contract;
  try {
    const inputs = [{ name: "input", fields, key: [], eventTime: null, mode: "append" }];
    contract = operator.open(inputs, JSON.stringify(setting.options ?? {}));
  } catch (error) {
    if (error instanceof Unfit) throw new Refused(error.message);
    throw error;
  }
  const count = Math.max(0, ...columns.map(({ values }) => values.length));
  const call = (start: number, end: number): Out => {
    const nodes = contract.reads[0]!.map((read) => {
      const { name, type, values } = columns.find(({ name }) => name === read)!;
      return make(name, type, values.slice(start, end), end - start);
    });
    const { epoch = 1, firstRow = 0, now = 0, watermark = -(2 ** 63), seed = 0 } = setting;
    const context = { epoch, firstRow: firstRow + start, now, watermark, seed };
    return assembled(contract, operator.process(context, { rows: end - start, nodes }), rows, start, end - start);
  };
  const recorded: Pick<Out, "logs" | "counters" | "gauges"> = { logs: [], counters: {}, gauges: {} };
  const before = tell({
    log: (level, message) => void recorded.logs.push({ level, message }),
    counter: (name, delta) => void (recorded.counters[name] = (recorded.counters[name] ?? 0) + delta),
    gauge: (name, value) => void (recorded.gauges[name] = value),
  });
  try {
    const whole = call(0, count);
    tell({ log() {}, counter() {}, gauge() {} });
    if (count > 1 && count <= ONE_BY_ONE_MAX) {
      checkCuts(whole, Array.from({ length: count }, (_, row) => call(row, row + 1)));
    }
    return { ...whole, ...recorded };
  } finally {
    tell(before);
  }
}

/** Rows must not depend on how they are cut into batches. */
function checkCuts(whole: Out, parts: Out[]): void {
  const joined: Record<string, unknown[]> = {};
  for (const name of Object.keys(whole.main)) joined[name] = parts.flatMap((part) => part.main[name]!);
  const rejected = parts.flatMap((part, row) => part.rejected.map(({ reason }) => ({ row, reason })));
  const [atOnce, oneByOne] = [shown([whole.main, whole.rejected]), shown([joined, rejected])];
  if (atOnce !== oneByOne) {
    throw new Error(
      `the answer depends on how rows are cut into batches:\n  all at once: ${atOnce}\n  one by one:  ${oneByOne}`,
    );
  }
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? `${inner}n` : Object.is(inner, -0) ? "-0" : inner));
}

/** What the engine would carry across, put together with what was computed. */
function assembled(contract: Contract, output: Output, rows: Values, start: number, count: number): Out {
  const emitted = output.emitted[0]!;
  const made = emitted.computed.rows;
  const origin =
    emitted.origin === null
      ? Array.from({ length: count }, (_, row) => row)
      : [...new Uint32Array(emitted.origin.slice().buffer)];
  const main: Record<string, unknown[]> = {};
  let at = 0;
  for (const field of contract.ports[0]!.fields) {
    if (field.tag === "pass") {
      main[field.val[1]] = origin.map((row) => rows[field.val[0]]![start + row]);
    } else {
      const { name, format, nullable } = field.val;
      const type = { ...typeOfFormat(format), nullable, format } as Column<unknown>;
      const column = view(emitted.computed.nodes[at++]!, format, type, made);
      main[name] = Array.from({ length: made }, (_, row) => {
        const isNull = column.valid !== null && ((column.valid[row >> 3]! >> (row & 7)) & 1) === 0;
        return isNull ? null : column.get(row);
      });
    }
  }
  return { main, origin, rejected: output.rejected, logs: [], counters: {}, gauges: {} };
}

const TYPES: Record<string, Column<any>> = {
  bool: types.bool, s8: types.s8, s16: types.s16, s32: types.s32, s64: types.s64, u8: types.u8, u16: types.u16,
  u32: types.u32, u64: types.u64, f32: types.f32, f64: types.f64, utf8: types.utf8, binary: types.binary, date: types.date,
};

function typeOfFormat(format: string): Column<unknown> {
  if (format.startsWith("ts")) return timestamp;
  return Object.values(TYPES).find((type) => type.format === format) ?? f64;
}

function typeOf(name: string, values: readonly unknown[], schema: Record<string, string> = {}): Column<any> {
  const declared = schema[name];
  if (declared !== undefined) {
    const word = declared.replace(/\?$/, "");
    const unit = /^timestamp\[(s|ms|us|ns)\]$/.exec(word)?.[1];
    const found = unit === undefined ? TYPES[word] : ({ ...timestamp, format: `ts${unit[0]}:` } as Column<any>);
    if (found === undefined) throw new Error(`column \`${name}\`: \`${declared}\` is not a type of a job file's schema`);
    return { ...found, format: found.format, kind: found.kind, nullable: declared.endsWith("?") } as Column<any>;
  }
  const first = values.find((value) => value !== null);
  const found =
    typeof first === "number" ? f64
    : typeof first === "bigint" ? s64
    : typeof first === "string" ? utf8
    : typeof first === "boolean" ? bool
    : first instanceof Uint8Array ? binary
    : undefined;
  if (found === undefined) throw new Error(`column \`${name}\` has no value to tell its type by: give \`schema\``);
  return values.includes(null) ? found.orNull : found;
}
