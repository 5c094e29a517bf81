/** What the component exports: the build writes a module that calls `component` with the author's own. */
// @ts-expect-error the host's, there in a component alone
import host from "pelton:operator/log@0.1.0";
import { Unfit } from "./columns.ts";
import { log, tell } from "./log.ts";
import { setClock } from "./shims.ts";
import { Transform } from "./transform.ts";
import type { BatchContext, Contract, Input, Output, Table } from "./wire.ts";

/** The export `pelton:operator/transform`. */
export function component(author: Record<string, unknown>): {
  open(inputs: Input[], options: string): Contract;
  process(context: BatchContext, table: Table): Output;
} {
  const found = [...new Set(Object.values(author).filter((value) => value instanceof Transform))];
  if (found.length !== 1) throw new Error(`the module must export one transform; it exports ${found.length}`);
  const operator = found[0] as Transform;
  return {
    open(inputs, options) {
      tell(host);
      setClock(0);
      return answered(() => operator.open(inputs, options), (reason) => reason);
    },
    process(context, table) {
      setClock(Math.floor(Number(context.now) / 1_000));
      return answered(() => operator.process(context, table), (reason) => ({ tag: "fatal", val: reason }));
    },
  };
}

/** What does not fit is an error of the call; everything else traps, and the log's last line says where. */
function answered<T>(call: () => T, refuse: (reason: string) => unknown): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof Unfit) throw refuse(error.message);
    const { name, message, stack } = error instanceof Error ? error : { name: "thrown", message: String(error), stack: "" };
    const frames = (stack ?? "").split("\n").map((frame) => frame.trim()).filter((frame) => frame !== "");
    for (const frame of frames) log.error(`  ${frame}`);
    log.error(`${name}: ${message}${frames[0] === undefined ? "" : ` (${frames[0]})`}`);
    throw error;
  }
}
