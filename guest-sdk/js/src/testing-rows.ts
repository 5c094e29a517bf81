/** Rows for a test: lists by column, with the types that their values have or that a schema gives, as the engine would hand them over. */
import { make, Unfit, view } from "./columns.ts";
import type { Column } from "./types.ts";
import { binary, bool, f64, s64, timestamp, utf8 } from "./types.ts";
import * as types from "./types.ts";
import type { Contract, Field, Input, Node, Table } from "./wire.ts";

export type Values = Record<string, readonly unknown[]>;

/** `open` said no: columns or options that do not fit. */
export class Refused extends Error {}

/** Rows of a test. */
export class Given {
  readonly rows: Values;
  readonly types: Record<string, Column<any>>;
  readonly count: number;

  constructor(rows: Values, types: Record<string, Column<any>>) {
    this.rows = rows;
    this.types = types;
    this.count = Math.max(0, ...Object.values(rows).map((values) => values.length));
  }

  static of(rows: Values, schema?: Record<string, string>): Given {
    return new Given(rows, Object.fromEntries(Object.entries(rows).map(([name, values]) => [name, typeOf(name, values, schema)])));
  }

  input(key: readonly string[] = [], eventTime: string | null = null): Input {
    const fields = Object.entries(this.types).map(([name, { format, nullable }]) => ({ name, format, nullable, children: 0 }));
    return { name: "input", fields, key: [...key], eventTime, mode: "append" };
  }

  /** These columns of the rows `numbers`. */
  table(columns: readonly string[], numbers: readonly number[]): Table {
    const node = (name: string): Node => {
      const values = numbers.map((row) => this.rows[name]![row]);
      return make(name, this.types[name]!, values, numbers.length);
    };
    return { rows: numbers.length, nodes: columns.map(node) };
  }
}

export const range = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, at) => start + at);

export function opened(open: () => Contract): Contract {
  try {
    return open();
  } catch (error) {
    if (error instanceof Unfit) throw new Refused(error.message);
    throw error;
  }
}

/** The values of a column that was made. */
export function read({ format, nullable }: Field, node: Node, rows: number): unknown[] {
  const type = { ...typeOfFormat(format), nullable, format } as Column<unknown>;
  const column = view(node, format, type, rows);
  return range(0, rows).map((row) => {
    const isNull = column.valid !== null && ((column.valid[row >> 3]! >> (row & 7)) & 1) === 0;
    return isNull ? null : column.get(row);
  });
}

export function shown(value: unknown): string {
  return JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? `${inner}n` : Object.is(inner, -0) ? "-0" : inner));
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
