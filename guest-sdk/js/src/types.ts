/** The types of columns: how a value in JavaScript, a format string on the wire and a name in a job file correspond. */

export type Kind = "number" | "bigint" | "bool" | "text" | "bytes" | "timestamp" | "json";

/** A column that is read or made, or an option. */
export interface Column<T, A = unknown> {
  readonly kind: Kind;
  /** Arrow's format string of a column that is made. */
  readonly format: string;
  readonly nullable: boolean;
  /** The column's name, if it is not the field's. */
  readonly column?: string;
  /** For the compiler alone: what a value is, and at column level a column. */
  readonly valueType?: T;
  readonly arrayType?: A;
  /** Takes or makes nulls. A row with a null is rejected where this is not said. */
  readonly orNull: Column<T | null, A>;
  /** Reads or makes the column `name`. */
  named(name: string): Column<T, A>;
  /** An option that need not be given. */
  default(value: T): Option<T>;
}

/** An option with a default. */
export interface Option<T> extends Column<T> {
  readonly fallback: T;
}

export type Columns = Readonly<Record<string, Column<any, any>>>;
/** What is read, made or kept. */
export type Row<S extends Columns> = { [K in keyof S]: S[K] extends Column<infer T, any> ? T : never };

class ColumnType<T, A> implements Column<T, A> {
  readonly kind: Kind;
  readonly format: string;
  readonly nullable: boolean;
  readonly column?: string;
  readonly fallback?: T;

  constructor(kind: Kind, format: string, nullable = false, column?: string, fallback?: T) {
    this.kind = kind;
    this.format = format;
    this.nullable = nullable;
    this.column = column;
    this.fallback = fallback;
  }

  get orNull(): Column<T | null, A> {
    return new ColumnType<T | null, A>(this.kind, this.format, true, this.column);
  }

  named(name: string): Column<T, A> {
    return new ColumnType<T, A>(this.kind, this.format, this.nullable, name);
  }

  default(value: T): Option<T> {
    return new ColumnType<T, A>(this.kind, this.format, this.nullable, this.column, value) as unknown as Option<T>;
  }
}

const column = <T, A>(kind: Kind, format: string): Column<T, A> => new ColumnType<T, A>(kind, format);

export const bool = column<boolean, Uint8Array>("bool", "b");
export const s8 = column<number, Int8Array>("number", "c");
export const s16 = column<number, Int16Array>("number", "s");
export const s32 = column<number, Int32Array>("number", "i");
/** A `bigint`: a `number` would lose what is beyond 2^53. */
export const s64 = column<bigint, BigInt64Array>("bigint", "l");
export const u8 = column<number, Uint8Array>("number", "C");
export const u16 = column<number, Uint16Array>("number", "S");
export const u32 = column<number, Uint32Array>("number", "I");
export const u64 = column<bigint, BigUint64Array>("bigint", "L");
export const f32 = column<number, Float32Array>("number", "f");
export const f64 = column<number, Float64Array>("number", "g");
export const utf8 = column<string, import("./columns.ts").TextColumn>("text", "u");
export const binary = column<Uint8Array, import("./columns.ts").TextColumn>("bytes", "z");
/** Days since 1970-01-01. */
export const date = column<number, Int32Array>("number", "tdD");
/** Microseconds since 1970-01-01T00:00:00Z; a column that is read may have any unit. */
export const timestamp = column<bigint, BigInt64Array>("timestamp", "tsu:");
/** An option of any shape. */
export const json = column<any, never>("json", "");

const NAMES: Record<string, string> = {
  b: "bool", c: "s8", s: "s16", i: "s32", l: "s64", C: "u8", S: "u16", I: "u32", L: "u64", f: "f32", g: "f64",
  u: "utf8", U: "utf8", z: "binary", Z: "binary", tdD: "date", "+l": "list", "+s": "struct",
};
const UNITS: Record<string, string> = { s: "s", m: "ms", u: "us", n: "ns" };
/** Formats of narrower numbers whose every value fits. */
const WIDENS: Record<string, string> = {
  s: "cC", i: "cCsS", l: "cCsSiI", S: "C", I: "CS", L: "CSI", f: "cCsS", g: "cCsSiIf",
};

/** The type of a column as a job file has it. */
export function nameOf(format: string): string {
  if (format.startsWith("ts")) {
    const zone = format.slice(4);
    return `timestamp[${UNITS[format[2]!] ?? format[2]}${zone ? `, ${zone}` : ""}]`;
  }
  return NAMES[format] ?? (format.startsWith("d:") ? `decimal(${format.slice(2).replace(",", ", ")})` : format);
}

/** The name of the type that a column is read as. */
export function wants(type: Column<unknown>): string {
  return (type.kind === "timestamp" ? "timestamp" : nameOf(type.format)) + (type.nullable ? "?" : "");
}

/** Whether a column of `format` can be read as `type`. */
export function accepts(type: Column<unknown>, format: string): boolean {
  if (type.kind === "timestamp") return format.startsWith("ts");
  if (type.kind === "text" || type.kind === "bytes") return format === type.format || format === type.format.toUpperCase();
  return format === type.format || (format.length === 1 && (WIDENS[type.format] ?? "").includes(format));
}
