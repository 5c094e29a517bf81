/**
 * The groups of an aggregate: `fold`.
 *
 * The engine folds the rows of a group in parts, merges them in any brackets, and merges accumulators of no rows. So a test does all of it,
 * and fails with both answers when they differ: a law that `merge` or `retract` breaks is found here, not in a job.
 */
import type { Aggregate, Window } from "./aggregate.ts";
import { bytesOf } from "./columns.ts";
import type { Out, Setting } from "./testing.ts";
import { assembled, recording } from "./testing.ts";
import type { Values } from "./testing-rows.ts";
import { Given, opened, range, shown } from "./testing-rows.ts";
import type { Contract, Table } from "./wire.ts";

/** Floats that differ by less are the same: sums depend on the order of their parts. */
const TOLERANCE = 1e-9;
/** Rows that a test merges one by one; more would make it slow. */
const ROWS_ALONE_MAX = 64;
const EVER: Window = { start: -(2n ** 63n), end: 2n ** 63n - 1n, pane: "on-time" };

export interface FoldSetting extends Omit<Setting, "epoch" | "firstRow" | "watermark"> {
  /** Columns that group the rows; groups are in the order in which they come first. */
  key?: readonly string[];
  window?: Window;
  /** How far floats may be apart when rows are folded in parts, relative to their size. */
  tolerance?: number;
}

/** Folds `rows`; a result begins with its key. */
export function fold(operator: Aggregate<any, any, any, any>, rows: Values, setting: FoldSetting = {}): Out {
  const given = Given.of(rows, setting.schema);
  const key = setting.key ?? [];
  const contract = opened(() => operator.open([given.input(key)], JSON.stringify(setting.options ?? {})));
  const folds = new Folds(operator, contract, given, setting);
  const [whole, recorded] = recording(() => folds.finish(folds.folded(range(0, given.count))));
  for (const [how, accumulators, tolerance] of folds.variants(setting.tolerance ?? TOLERANCE)) {
    const other = folds.finish(accumulators);
    compare("folding all rows at once", whole, how, other, tolerance);
  }
  if (operator.definition.retract) {
    const [left, stay] = folds.takenBack().map((accumulators) => folds.finish(accumulators)) as [Out, Out];
    compare("never folding every other row", stay, "folding all, and taking every other row back", left, 0);
  }
  const ofGroups = key.map((name, at) => [name, whole.origin.map((group) => folds.keys[group!]![at])]);
  const main = { ...Object.fromEntries(ofGroups), ...whole.main };
  return { ...whole, ...recorded, main, ports: { [contract.ports[0]!.name]: main } };
}

function compare(one: string, left: Out, other: string, right: Out, tolerance: number): void {
  if (isSame([left.main, left.rejected], [right.main, right.rejected], tolerance)) return;
  const [first, second] = [left, right].map(({ main, rejected }) => shown([main, rejected]));
  throw new Error(`${one} differs from ${other}:\n  ${first}\n  ${second}`);
}

function isSame(left: any, right: any, tolerance: number): boolean {
  if (typeof left === "number" && typeof right === "number" && Number.isFinite(left) && Number.isFinite(right)) {
    return left === right || Math.abs(left - right) <= tolerance * Math.max(Math.abs(left), Math.abs(right));
  }
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return Object.is(left, right);
  const [names, others] = [Object.keys(left), Object.keys(right)];
  return names.length === others.length && names.every((name) => isSame(left[name], right[name], tolerance));
}

/** The ways in which rows are folded. */
class Folds {
  readonly #operator: Aggregate<any, any, any, any>;
  readonly #contract: Contract;
  readonly #given: Given;
  readonly #setting: FoldSetting;
  readonly keys: unknown[][];
  readonly #slots: number[];

  constructor(operator: Aggregate<any, any, any, any>, contract: Contract, given: Given, setting: FoldSetting) {
    [this.#operator, this.#contract, this.#given, this.#setting] = [operator, contract, given, setting];
    const key = setting.key ?? [];
    const ofRows = range(0, given.count).map((row) => key.map((name) => given.rows[name]![row]));
    const places = new Map<string, number>();
    // Without a key there is one group, even of no rows.
    this.keys = [];
    for (const ofRow of key.length === 0 ? [[]] : ofRows) {
      if (places.has(shown(ofRow))) continue;
      places.set(shown(ofRow), this.keys.length);
      this.keys.push(ofRow);
    }
    this.#slots = ofRows.map((ofRow) => places.get(shown(ofRow))!);
  }

  folded(numbers: number[], into: Table = this.#nothing(), change: "accumulate" | "retract" = "accumulate"): Table {
    const { now = 0, seed = 0 } = this.#setting;
    const context = { epoch: 1, firstRow: numbers[0] ?? 0, now, watermark: -(2 ** 63), seed };
    const slots = bytesOf(Uint32Array.from(numbers, (row) => this.#slots[row]!));
    return this.#operator[change](context, this.#given.table(this.#contract.reads[0]!, numbers), slots, into);
  }

  /** Accumulators of all groups, into which nothing was folded. */
  #nothing(): Table {
    return this.#operator.kept.store(this.keys.map(() => null));
  }

  /**
   * All rows, of which every other one of each group was taken back; and those that stay. A group's first row does: the engine drops a group
   * that has none left.
   */
  takenBack(): [Table, Table] {
    const before = this.keys.map(() => 0);
    const [stay, back]: [number[], number[]] = [[], []];
    for (const [row, group] of this.#slots.entries()) (before[group]!++ % 2 === 0 ? stay : back).push(row);
    return [this.folded(back, this.folded(range(0, this.#given.count)), "retract"), this.folded(stay)];
  }

  /** Other ways to the same result, and how far floats may be apart. */
  *variants(tolerance: number): Generator<[string, Table, number]> {
    const merged = (left: Table, right: Table): Table => this.#operator.merge(left, right);
    const rows = this.#given.count;
    const third = Math.floor(rows / 3);
    const cuts = [range(0, third), range(third, rows - third), range(rows - third, rows)];
    const [first, second, last] = cuts.map((cut) => this.folded(cut)) as [Table, Table, Table];
    const whole = this.folded(range(0, rows));
    const alone = Math.min(rows, ROWS_ALONE_MAX);
    const each = range(0, alone).reduce((each, row) => merged(each, this.folded([row])), this.#nothing());
    yield ["folding them one batch after another", cuts.reduce((into, cut) => this.folded(cut, into), this.#nothing()), tolerance];
    yield ["merging three parts, the first two first", merged(merged(first, second), last), tolerance];
    yield ["merging three parts, the last two first", merged(first, merged(second, last)), tolerance];
    yield ["merging them with no rows before", merged(this.#nothing(), whole), tolerance];
    yield ["merging them with no rows after", merged(whole, this.#nothing()), tolerance];
    yield ["merging every row on its own", merged(each, this.folded(range(alone, rows))), tolerance];
    if (!this.#operator.definition.ordered) {
      yield ["merging three parts in the opposite order (is it `ordered`?)", merged(last, merged(second, first)), tolerance];
    }
    if (this.#operator.definition.retract) {
      // Windows slide for months, and errors would add up.
      const twice = this.folded(range(0, rows), whole);
      yield ["folding them twice, and taking the first of each back", this.folded(range(0, rows), twice, "retract"), 0];
    }
  }

  finish(accumulators: Table): Out {
    const { start, end, pane } = this.#setting.window ?? EVER;
    const groups = this.keys;
    const output = this.#operator.finish(
      bytesOf(BigInt64Array.from(groups, () => start)), bytesOf(BigInt64Array.from(groups, () => end)),
      Uint8Array.from(groups, () => ["early", "on-time", "late"].indexOf(pane)), accumulators,
    );
    return assembled(this.#contract, output, {}, 0, groups.length);
  }
}
