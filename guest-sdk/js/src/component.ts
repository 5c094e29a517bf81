/** What the component exports: the build writes a module that calls `component` with the author's own. */
// @ts-expect-error the host's, there in a component alone
import host from "pelton:operator/log@0.1.0";
import { Aggregate } from "./aggregate.ts";
import { Cogroup } from "./cogroup.ts";
import { Unfit } from "./columns.ts";
import { Again, Enrich } from "./enrich.ts";
import { Keyed } from "./keyed.ts";
import { log, tell } from "./log.ts";
import { placed } from "./places.ts";
import { Reject } from "./rows.ts";
import { setClock } from "./shims.ts";
import type { Source } from "./tables.ts";
import { serve } from "./tables.ts";
import { Transform } from "./transform.ts";
import type { BatchContext, Contract, Field, Input, Table } from "./wire.ts";

const KINDS = { transform: Transform, aggregate: Aggregate, keyed: Keyed, cogroup: Cogroup, enrich: Enrich };

/**
 * The export `pelton:operator/KIND`, of the one operator that the author's module exports; of an aggregate `retractable`
 * as well, of a transform `tables`, of a keyed one `migrate`. That is given the import `state`.
 */
export function component(
  author: Record<string, unknown>, kind: keyof typeof KINDS, state: Source | null = null,
): Record<string, unknown> {
  serve(state);
  const kinds = Object.entries(KINDS);
  const found = [...new Set(Object.values(author).filter((value) => kinds.some(([, of]) => value instanceof of)))];
  if (found.length !== 1) throw new Error(`the module must export one operator; it exports ${found.length}`);
  const operator = found[0] as any;
  const is = kinds.find(([, of]) => operator instanceof of)![0];
  if (is !== kind) {
    throw new Error(`the module exports an operator made by \`${is}\`, but pelton-module.toml says kind = "${kind}"`);
  }
  return exported(operator, kind);
}

/** The exports of an operator. `failure` has words for exceptions of another language's. */
export function exported(operator: any, kind: keyof typeof KINDS, failure: (error: unknown) => string = told): Record<string, unknown> {
  const called = (now: number, call: () => unknown): unknown => {
    setClock(Math.floor(now / 1_000));
    return answered(call, (reason) => ({ tag: "fatal", val: reason }), failure);
  };
  const open = (inputs: Input[], options: string): Contract => {
    tell(host);
    setClock(0);
    return answered(() => operator.open(inputs, options), (reason) => reason, failure);
  };
  const within = (method: string) => (context: BatchContext, ...given: unknown[]) =>
    called(Number(context.now), () => operator[method](context, ...given));
  if (kind === "transform") {
    const load = (name: string, _version: unknown, rows: Table) => called(0, () => operator.load(name, rows));
    return { open, process: within("process"), load };
  }
  if (kind === "keyed") {
    const migrate = (table: string, version: number, old: Field[], _keys: unknown, rows: Table) => {
      setClock(0);
      return answered(() => operator.migrate(table, version, old, rows), (reason) => reason, failure, Reject);
    };
    return { open, process: within("process"), migrate };
  }
  if (kind === "enrich") return { open, ask: within("ask"), answer: within("answer") };
  if (kind !== "aggregate") return { open, process: within("process") };
  return {
    open,
    accumulate: within("accumulate"),
    retract: within("retract"),
    merge: (left: unknown, right: unknown) => called(0, () => operator.merge(left, right)),
    finish: (context: BatchContext, _keys: unknown, ...given: unknown[]) =>
      called(Number(context.now), () => operator.finish(...given)),
  };
}

/** What does not fit is an error of the call; everything else traps, and the log's last line says where. */
function answered<T>(
  call: () => T, refuse: (reason: string) => unknown, failure: (error: unknown) => string, refusal: new () => Error = Unfit,
): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof Again) throw { tag: "retry", val: error.message };
    if (error instanceof Unfit || error instanceof refusal) throw refuse(error.message);
    const frames = ((error instanceof Error && error.stack) || "").split("\n").map((frame) => frame.trim()).filter((frame) => frame !== "").map(placed);
    for (const frame of frames) log.error(`  ${frame.text}`);
    // Where nothing of the author's is on the stack, the first frame of his language may still say something.
    const own = (frames.find((frame) => frame.isOwn) ?? (failure === told ? frames[0] : undefined))?.text;
    log.error(`${failure(error)}${own === undefined ? "" : ` (${own})`}`);
    throw error;
  }
}

function told(error: unknown): string {
  const { name, message } = error instanceof Error ? error : { name: "thrown", message: String(error) };
  return `${name}: ${message}`;
}
