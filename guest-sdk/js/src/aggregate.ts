/**
 * `aggregate(…)`: a fold of rows as an operator.
 *
 * `state` is what the engine keeps for each group, `zero` that of a group into which nothing was folded; `add` folds a row, `retract` takes
 * one back, `merge` folds what later rows came to, `finish` makes the result. Keys, windows and when results leave are the engine's.
 */
import { compile, nodesOf, nulls } from "./batch.ts";
import { bytesOf, typed, view } from "./columns.ts";
import { Context } from "./context.ts";
import type { Plan } from "./contract.ts";
import { fit, readOptions } from "./contract.ts";
import { Kept } from "./kept.ts";
import type { Given, Rejection } from "./rows.ts";
import { Refused, Reject } from "./rows.ts";
import type { Columns, Row } from "./types.ts";
import type { BatchContext, Contract, Input, Output, Table } from "./wire.ts";

/** Accumulators have one version until a module says otherwise. */
const STATE_VERSION = 1;
const PANES = ["early", "on-time", "late"] as const;
const NOTHING_PASSES = { passes: "none", drop: [], rename: {} } as const;

/** The window of a result, in microseconds since 1970. Without windows it is all of time. */
export interface Window {
  /** The first moment inside. */
  readonly start: bigint;
  /** The first moment after it. */
  readonly end: bigint;
  /** "early": a later result replaces it; "late": again, because late rows came. */
  readonly pane: (typeof PANES)[number];
}

export interface AggregateDefinition<R extends Columns, S extends Columns, M extends Columns, O extends Columns> {
  /** Columns of the input that `add` sees; a row with a null where `orNull` is not said is left out, as in SQL. */
  reads: R;
  /** What is kept for each group. */
  state: S;
  /** What is kept of no rows: null in fields that are `orNull`, and a value in others. */
  zero: Row<S>;
  makes: M;
  options?: O;
  /** Whether `merge` needs to know which side is earlier. */
  ordered?: boolean;
  /** Folds a row into `state`. */
  add(state: Row<S>, row: Row<R>, given: Given<O>): void;
  /**
   * If it is there: takes a row back that was folded before, exactly, as if it had never come. For windows with `inverse = true`, and for
   * inputs whose rows are changes.
   */
  retract?(state: Row<S>, row: Row<R>, given: Given<O>): void;
  /** Folds what later rows came to into `state`. */
  merge(state: Row<S>, later: Row<S>, given: { readonly options: Row<O> }): void;
  /** The result: a row, null for none, a list, or `reject(reason)`. */
  finish(
    state: Row<S>, given: { readonly options: Row<O>; readonly window: Window },
  ): Row<M> | Rejection | null | undefined | Iterable<Row<M>>;
}

/** An operator. */
export class Aggregate<
  R extends Columns = Columns, S extends Columns = Columns, M extends Columns = Columns, O extends Columns = Columns,
> {
  readonly definition: AggregateDefinition<R, S, M, O>;
  readonly kept: Kept;
  #opened: { plan: Plan; options: any } | null = null;

  constructor(definition: AggregateDefinition<R, S, M, O>) {
    const { state, zero } = definition;
    for (const [field, type] of Object.entries(state)) {
      const value = (zero as Record<string, unknown>)[field] ?? null;
      if ((value === null) === type.nullable) continue;
      throw new Error(`\`zero.${field}\` is ${String(value)}: write null where \`state.${field}\` is \`orNull\`, and a value elsewhere`);
    }
    this.definition = definition;
    this.kept = new Kept(state, zero);
  }

  /** Throws `Unfit` with words for the job's owner. */
  open(inputs: Input[], text: string): Contract {
    const { reads, makes, options = {}, ordered = false, retract } = this.definition;
    const read = readOptions(options, text);
    const [contract, plan] = fit(inputs, reads, makes, NOTHING_PASSES, null);
    this.#opened = { plan, options: read };
    return {
      ...contract,
      state: [{ name: "accumulator", subkey: [], values: this.kept.fields() }],
      stateVersion: STATE_VERSION,
      properties: [...(ordered ? [["ordered", "true"]] : []), ...(retract ? [["accepts", "append,retract"]] : [])] as [string, string][],
    };
  }

  accumulate(context: BatchContext, table: Table, slots: Uint8Array, accumulators: Table): Table {
    return this.#apply("add", context, table, slots, accumulators);
  }

  /** The engine asks only what the contract says that it accepts. */
  retract(context: BatchContext, table: Table, slots: Uint8Array, accumulators: Table): Table {
    return this.#apply("retract", context, table, slots, accumulators);
  }

  #apply(change: "add" | "retract", context: BatchContext, table: Table, slots: Uint8Array, accumulators: Table): Table {
    const { plan, options } = this.#opened!;
    const fields = Object.keys(this.definition.reads);
    const types = Object.values(this.definition.reads);
    const views = types.map((type, at) => view(table.nodes[at]!, plan.formats[at]!, type, table.rows));
    // A null is no value and is left out, as SQL's aggregates do.
    const unseen = nulls(types, fields, views, table.rows, []);
    const folded = this.kept.load(accumulators);
    const of: Uint32Array = typed(Uint32Array, slots, table.rows);
    const reader = compile(fields, views);
    const place = { row: 0 };
    const given = { options, ctx: new Context(context, place) };
    for (let row = 0; row < table.rows; row++) {
      if (unseen !== null && unseen.has(row)) continue;
      place.row = row;
      this.definition[change]!(folded[of[row]!] as Row<S>, reader(row) as Row<R>, given);
    }
    return this.kept.store(folded);
  }

  merge(left: Table, right: Table): Table {
    const { options } = this.#opened!;
    const merged = this.kept.load(left);
    const later = this.kept.load(right);
    for (const [at, state] of merged.entries()) this.definition.merge(state as Row<S>, later[at] as Row<S>, { options });
    return this.kept.store(merged);
  }

  finish(starts: Uint8Array, ends: Uint8Array, panes: Uint8Array, accumulators: Table): Output {
    const { plan, options } = this.#opened!;
    const groups = accumulators.rows;
    const start: BigInt64Array = typed(BigInt64Array, starts, groups);
    const end: BigInt64Array = typed(BigInt64Array, ends, groups);
    const origin: number[] = [];
    const made: Row<M>[] = [];
    const rejected: { row: number; reason: string }[] = [];
    for (const [row, state] of this.kept.load(accumulators).entries()) {
      const window = { start: start[row]!, end: end[row]!, pane: PANES[panes[row]!]! };
      let answer: any;
      try {
        answer = this.definition.finish(state as Row<S>, { options, window });
        if (typeof answer === "object" && answer !== null && Symbol.iterator in answer) answer = [...answer];
      } catch (error) {
        if (!(error instanceof Reject)) throw error;
        answer = new Refused(error.message);
      }
      if (answer === null || answer === undefined) continue;
      if (answer instanceof Refused) {
        rejected.push({ row, reason: answer.rejected });
        continue;
      }
      for (const one of Array.isArray(answer) ? answer : [answer]) {
        origin.push(row);
        made.push(one);
      }
    }
    const isOwn = origin.length === groups && origin.every((from, at) => from === at);
    const nodes = nodesOf(this.definition.makes, plan.order, made);
    const packed = isOwn ? null : bytesOf(Uint32Array.from(origin));
    return { emitted: [{ port: 0, origin: packed, computed: { rows: made.length, nodes } }], rejected };
  }
}

/** Makes a definition an operator. A module exports one. */
export function aggregate<R extends Columns, S extends Columns, M extends Columns, O extends Columns = {}>(
  definition: AggregateDefinition<R, S, M, O>,
): Aggregate<R, S, M, O> {
  return new Aggregate(definition);
}
