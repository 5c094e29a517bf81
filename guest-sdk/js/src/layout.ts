/** Rows of lists and maps of state as columns, and back: a single value, or an object of them. */
import { make, Unfit, view } from "./columns.ts";
import type { Column, Columns, Row } from "./types.ts";
import { nameOf } from "./types.ts";
import type { Field, Node } from "./wire.ts";

/** What a row of a list or map holds: a type, or an object of types. */
export type Held = Column<any, any> | Columns;
/** The value of a row. */
export type ValueOf<H> = H extends Column<infer T, any> ? T : H extends Columns ? Row<H> : never;

const isColumn = (of: Held): of is Column<any, any> => typeof (of as Column<any>).kind === "string" && "format" in of;

/** The columns of what a row holds. */
export class Layout<T = unknown> {
  readonly fields: string[];
  readonly #types: Column<any, any>[];
  readonly isSingle: boolean;

  /** `name` is the column's, of a single value. */
  constructor(of: Held, name: string) {
    this.isSingle = isColumn(of);
    const columns = isColumn(of) ? { [name]: of } : of;
    this.fields = Object.keys(columns);
    this.#types = Object.values(columns);
  }

  get columns(): Field[] {
    return this.#types.map(({ column, format, nullable }, at) => ({ name: column ?? this.fields[at]!, format, nullable, children: 0 }));
  }

  /** The columns of rows; `undefined` is a row that nobody looks at. */
  store(values: readonly (T | undefined)[]): Node[] {
    return this.#types.map((type, at) => {
      const field = this.fields[at]!;
      const cells = values.map((value) => (value === undefined ? blank(type) : this.#cell(value, field, type)));
      return make(type.column ?? field, type, cells, values.length);
    });
  }

  load(nodes: readonly Node[], rows: number): T[] {
    const views = this.#types.map((type, at) => view(nodes[at]!, type.format, type, rows));
    const cell = (at: number, row: number): unknown => {
      const { valid, get } = views[at]!;
      return valid !== null && ((valid[row >> 3]! >> (row & 7)) & 1) === 0 ? null : get(row);
    };
    return Array.from({ length: rows }, (_, row) => {
      if (this.isSingle) return cell(0, row) as T;
      return Object.fromEntries(this.fields.map((field, at) => [field, cell(at, row)])) as T;
    });
  }

  /** Of subkeys: below zero if `left` is earlier in the engine's order. */
  compare(left: T, right: T): number {
    if (this.isSingle) return compare(left, right);
    for (const field of this.fields) {
      const order = compare((left as any)[field], (right as any)[field]);
      if (order !== 0) return order;
    }
    return 0;
  }

  #cell(value: any, field: string, type: Column<any, any>): unknown {
    const cell = this.isSingle ? value : value[field];
    if ((cell === null || cell === undefined) && !type.nullable) {
      throw new Unfit(`\`${field}\` of a list or map is ${cell}, and not \`orNull\``);
    }
    return cell;
  }
}

/** The columns of a subkey, which have an order that all rows agree on. */
export function subkey<T>(of: Held): Layout<T> {
  const layout = new Layout<T>(of, "key");
  for (const { name, format, nullable } of layout.columns) {
    if (!nullable && format !== "f" && format !== "g") continue;
    throw new Error(`a subkey has no floats and no \`orNull\`, but \`${name}\` is ${nameOf(format)}${nullable ? "?" : ""}`);
  }
  return layout;
}

function blank(type: Column<any, any>): unknown {
  if (type.nullable) return null;
  const blanks: Record<string, unknown> = { number: 0, bigint: 0n, timestamp: 0n, bool: false, text: "", bytes: new Uint8Array(0) };
  return blanks[type.kind];
}

function compare(left: unknown, right: unknown): number {
  if (typeof left === "string") return compareTexts(left, right as string);
  if (left instanceof Uint8Array) return compareBytes(left, right as Uint8Array);
  return (left as any) < (right as any) ? -1 : (left as any) > (right as any) ? 1 : 0;
}

/** By code points, which is the order of their bytes; `<` would go by halves of pairs. */
function compareTexts(left: string, right: string): number {
  const end = Math.min(left.length, right.length);
  for (let at = 0; at < end; at++) {
    const [a, b] = [left.charCodeAt(at), right.charCodeAt(at)];
    if (a !== b) return ranked(a) - ranked(b);
  }
  return left.length - right.length;
}

/** Halves of pairs stand for what comes after all other letters. */
const ranked = (unit: number): number => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit);

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const end = Math.min(left.length, right.length);
  for (let at = 0; at < end; at++) if (left[at] !== right[at]) return left[at]! - right[at]!;
  return left.length - right.length;
}
