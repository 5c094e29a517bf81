/** What a module in Java says of its operator, as JSON, and what that is here. */
import type { Column, Columns } from "../types.ts";
import * as types from "../types.ts";

/** A component of a record. */
export interface Field {
  field: string;
  column: string;
  /** By the name that `types.ts` has. */
  type: string;
  nullable: boolean;
  /** Of an option that need not be given, as text. */
  fallback?: string;
}

interface Passing {
  passes?: "all" | "none" | "key" | string[];
  drop?: string[];
  rename?: Record<string, string>;
  eventTime?: string;
}

export interface Definition extends Passing {
  kind: "transform" | "aggregate" | "keyed" | "cogroup" | "enrich";
  options: Field[];
  reads: Field[];
  makes?: Field[];
  ports?: (Passing & { name: string; makes: Field[] })[];
  /** Of a transform that is called once for a batch. */
  whole?: boolean;
  lookups: { name: string; reads: Field[] }[];
  state?: Field[];
  retracts: boolean;
  ordered: boolean;
  key: Field[];
  /** What older versions of a keyed operator kept, the first first. */
  migrate?: Field[][];
  tables: { name: string; single: boolean; singleKey: boolean; list?: Field[]; by?: Field[]; holds?: Field[] }[];
  left: Field[];
  right: Field[];
}

/** The columns of a record. */
export const columnsOf = (fields: readonly Field[]): Columns => Object.fromEntries(fields.map((field) => [field.field, typeOf(field)]));

export const namesOf = (fields: readonly Field[]): string[] => fields.map(({ field }) => field);

export function typeOf({ field, column, type, nullable, fallback }: Field): Column<any, any> {
  const plain = (types as unknown as Record<string, Column<any, any>>)[type]!;
  const named = column === field ? plain : plain.named(column);
  const whole = nullable ? named.orNull : named;
  return fallback === undefined ? whole : whole.default(parsed(plain, fallback));
}

function parsed({ kind }: Column<unknown>, text: string): unknown {
  switch (kind) {
    case "number": return Number(text);
    case "bigint": case "timestamp": return BigInt(text);
    case "bool": return text === "true";
    default: return text;
  }
}

/** `makes` or `ports`, with what passes. */
export function outputsOf({ makes, ports, passes, drop, rename, eventTime }: Definition): any {
  const own = ports?.map(({ name, makes, ...passing }) => [name, { ...passing, makes: columnsOf(makes) }]);
  const said = own === undefined ? { makes: columnsOf(makes!) } : { ports: Object.fromEntries(own) };
  // What is not said must not be there.
  const passing = Object.entries({ passes, drop, rename, eventTime }).filter(([, value]) => value !== undefined);
  return { ...said, ...Object.fromEntries(passing) };
}

/** The fields of each output. */
export const portNames = ({ makes, ports }: Definition): string[][] => (ports?.map(({ makes }) => makes) ?? [makes!]).map(namesOf);
