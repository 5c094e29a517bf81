/**
 * What authors expect of every JavaScript, where the component's has none: `console` writes to the job's log, and the clock is
 * the batch's. Loaded before the author's module.
 */
import { log } from "./log.ts";

let now = 0;

/** Milliseconds since 1970, for `Date.now()` and `new Date()`. */
export function setClock(milliseconds: number): void {
  now = milliseconds;
}

const scope = globalThis as any;
scope.console = {
  log: log.info, info: log.info, warn: log.warn, error: log.error, debug: log.debug, trace: log.trace,
  assert: (holds: unknown, ...values: unknown[]) => { if (!holds) log.error("assertion failed:", ...values); },
};

const Given = Date;
scope.Date = class extends Given {
  constructor(...parts: any[]) {
    // @ts-expect-error what any `Date` takes
    super(...(parts.length === 0 ? [now] : parts));
  }
  static now(): number {
    return now;
  }
};
scope.performance = { now: () => 0, timeOrigin: 0 };
// A number that depends on how often it was asked would depend on how rows are cut into batches.
Math.random = () => {
  throw new Error("there is no Math.random in a module: use `random()` of the context, which belongs to the row");
};
