/** The rows of a call, as a function of one row sees them, and the columns that rows become. Shared by all kinds of operators. */
import type { View } from "./columns.ts";
import { make } from "./columns.ts";
import type { Column, Columns } from "./types.ts";
import type { Node } from "./wire.ts";

/** Rows with a null where the function takes none; null if there is none. Each is rejected. */
export function nulls(
  types: Column<unknown>[], fields: string[], views: View[], rows: number, rejected: { row: number; reason: string }[],
): Set<number> | null {
  const refused = new Set<number>();
  for (const [at, { valid }] of views.entries()) {
    const type = types[at]!;
    if (valid === null || type.nullable) continue;
    for (let row = 0; row < rows; row++) {
      if (((valid[row >> 3]! >> (row & 7)) & 1) === 1 || refused.has(row)) continue;
      refused.add(row);
      rejected.push({ row, reason: `\`${type.column ?? fields[at]}\` is null` });
    }
  }
  return refused.size === 0 ? null : refused;
}

/** Reads rows as objects. */
export function compile(fields: string[], views: View[]): (row: number) => Record<string, unknown> {
  if (fields.length === 1 && views[0]!.valid === null) {
    const [field, get] = [fields[0]!, views[0]!.get];
    return (row) => ({ [field]: get(row) });
  }
  return (row) => {
    const read: Record<string, unknown> = {};
    for (let at = 0; at < fields.length; at++) {
      const { valid, get } = views[at]!;
      const isNull = valid !== null && ((valid[row >> 3]! >> (row & 7)) & 1) === 0;
      read[fields[at]!] = isNull ? null : get(row);
    }
    return read;
  };
}

/** Rows as columns, in the order of the contract. */
export function nodesOf(makes: Columns, order: readonly string[], rows: readonly any[]): Node[] {
  return order.map((field) => {
    const type = makes[field]!;
    return make(type.column ?? field, type, rows.map((row) => row[field]), rows.length);
  });
}
