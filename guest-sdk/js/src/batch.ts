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

type Reader = (row: number) => Record<string, unknown>;

/** Makers of readers by their source, which says which columns have nulls: most calls find theirs. */
const makers = new Map<string, (...of: unknown[]) => Reader>();
const MAKERS_MAX = 256;

/**
 * Reads rows as objects, by a function that is written for the columns: an object literal costs less than a loop over fields.
 */
export function compile(fields: string[], views: View[]): Reader {
  const values = fields.map((field, at) => {
    const { valid, numbers } = views[at]!;
    const value = numbers === null ? `get${at}(row)` : `numbers${at}[row]`;
    const read = valid === null ? value : `(valid${at}[row >> 3] >> (row & 7) & 1) === 0 ? null : ${value}`;
    // In brackets it is a name as others are, even `__proto__`.
    return `${field === "__proto__" ? '["__proto__"]' : JSON.stringify(field)}: ${read}`;
  });
  const source = `return (row) => ({ ${values.join(", ")} });`;
  let maker = makers.get(source);
  if (maker === undefined) {
    const names = views.flatMap((_, at) => [`get${at}`, `numbers${at}`, `valid${at}`]);
    maker = new Function(...names, source) as (...of: unknown[]) => Reader;
    if (makers.size === MAKERS_MAX) makers.clear();
    makers.set(source, maker);
  }
  return maker(...views.flatMap(({ get, numbers, valid }) => [get, numbers, valid]));
}

/** Rows as columns, in the order of the contract. */
export function nodesOf(makes: Columns, order: readonly string[], rows: readonly any[]): Node[] {
  return order.map((field) => {
    const type = makes[field]!;
    const values: unknown[] = [];
    for (let at = 0; at < rows.length; at++) values[at] = rows[at][field];
    return make(type.column ?? field, type, values, rows.length);
  });
}
