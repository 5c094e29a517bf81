/**
 * State of older versions of a module, made into this version's: what `migrate` of a keyed operator says.
 *
 * Each function is given what a version kept for a key, and answers with the state now, or with null to drop it. Lists and maps go on as they
 * are, and must have the columns that they had.
 */
import { Unfit } from "./columns.ts";
import { Kept } from "./kept.ts";
import type { Declared } from "./tables.ts";
import type { Columns, Row } from "./types.ts";
import type { Field, Table } from "./wire.ts";

/** What a version before this one kept, and the function that makes it this version's. */
export interface Older<R = unknown> {
  readonly state: Columns;
  /** Answers with the state now, or null. */
  readonly migrate: (older: any) => R;
}

/**
 * `migrate: older({ cents: s64 }, ({ cents }) => ({ euro: cents / 100n }))`: of a version that kept these columns. The function throws a
 * `Reject` where state cannot be taken over.
 */
export function older<C extends Columns, R>(state: C, migrate: (older: Row<C>) => R): Older<R> {
  return { state, migrate };
}

/** Answers `migrate`: the rows of a table of state that a version kept, as this one keeps them. Throws `Unfit`. */
export function migrated(
  versions: readonly Older[], kept: Kept | null, tables: readonly Declared[], table: string, version: number, old: readonly Field[],
  rows: Table,
): Table {
  if (table !== "state" || kept === null) return asItIs(tables, table, old, rows);
  const from = versions[version - 1];
  if (from === undefined) throw new Unfit(`this module has no function that migrates state of version ${version}`);
  const before = new Kept(from.state);
  check(`what \`migrate\` expects of version ${version}`, old, before.fields());
  const needed = Object.entries(from.state).filter(([, type]) => !type.nullable).map(([field]) => field);
  return kept.store(before.load(rows).map((state) => {
    if (before.isNothing(state)) return null;
    const missing = needed.find((field) => state[field] === null);
    if (missing !== undefined) {
      throw new Unfit(
        `\`${missing}\` of a key's state is null in version ${version}, though other fields have values and it is not \`orNull\``,
      );
    }
    return from.migrate(state) as Record<string, unknown> | null;
  }));
}

function asItIs(tables: readonly Declared[], table: string, old: readonly Field[], rows: Table): Table {
  const declared = tables.find(({ name }) => name === table);
  if (declared === undefined) throw new Unfit(`this module keeps no \`${table}\``);
  const { subkey, values } = declared.field();
  const [first] = old;
  // How a list calls its positions is the SDK's.
  const keys = declared.isList && first !== undefined ? [{ ...subkey[0]!, name: first.name }] : subkey;
  check(`\`${table}\`, which goes on as it is,`, old, [...keys, ...values]);
  return rows;
}

/** The columns that came are those that are expected, in their order. */
function check(what: string, came: readonly Field[], wanted: readonly Field[]): void {
  const shown = (fields: readonly Field[]): string => fields.map(({ name, format }) => `${name}: ${format}`).join(", ");
  if (shown(came) !== shown(wanted)) throw new Unfit(`${what} has the columns (${shown(wanted)}), but (${shown(came)}) came`);
}
