/** The rows of two inputs through a cogroup: `join`. */
import type { Cogroup } from "./cogroup.ts";
import { bytesOf } from "./columns.ts";
import type { Out, Setting } from "./testing.ts";
import { assembled, recording } from "./testing.ts";
import type { Values } from "./testing-rows.ts";
import { Given, opened, range, shown } from "./testing-rows.ts";

export interface JoinSetting extends Pick<Setting, "options" | "schema" | "seed" | "now"> {
  /** Columns of the left, and of the right if they are called otherwise there. */
  key: readonly string[];
  rightKey?: readonly string[];
  rightSchema?: Record<string, string>;
}

/**
 * What the rows of both sides come to, key after key in the order in which these come first. Rows are numbered over both sides, left ones
 * first; an origin is a key.
 */
export function join(operator: Cogroup<any, any, any, any, any, any>, left: Values, right: Values, setting: JoinSetting): Out {
  const { key, rightKey = key, options = {}, now = 0, seed = 0 } = setting;
  const given = [Given.of(left, setting.schema), Given.of(right, setting.rightSchema)] as const;
  const names = [key, rightKey] as const;
  const inputs = given.map((side, at) => side.input(names[at]!));
  const contract = opened(() => operator.open(inputs, JSON.stringify(options)));
  const ofRows = given.map((side, at) =>
    range(0, side.count).map((row) => names[at]!.map((name) => side.rows[name]![row])));
  const called = new Map<string, unknown[]>();
  for (const of of ofRows.flat()) if (!called.has(shown(of))) called.set(shown(of), of);
  const keys = [...called.keys()];
  const columns = Object.fromEntries(key.map((name, at) => [name, [...called.values()].map((of) => of[at])]));
  const orders = ofRows.map((of) => keys.flatMap((name) => range(0, of.length).filter((row) => shown(of[row]) === name)));
  const ends = ofRows.map((of) => {
    let end = 0;
    return bytesOf(Uint32Array.from(keys, (name) => (end += of.filter((other) => shown(other) === name).length)));
  });
  const tables = given.map((side, at) => side.table(contract.reads[at]!, orders[at]!));
  const [output, recorded] = recording(() =>
    operator.process(
      { epoch: 1, firstRow: 0, now, watermark: -(2 ** 63), seed }, tables[0]!, ends[0]!, tables[1]!, ends[1]!,
      new Given(columns, given[0].types).table(key, range(0, keys.length)),
    ));
  const out = assembled(contract, output, columns, 0, keys.length);
  const number = (row: number): number => (row < given[0].count ? orders[0]![row]! : given[0].count + orders[1]![row - given[0].count]!);
  const rejected = output.rejected.map(({ row, reason }) => ({ row: number(row), reason })).sort((a, b) => a.row - b.row);
  return { ...out, rejected, ...recorded };
}
