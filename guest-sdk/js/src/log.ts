/** Log lines and metrics. Within a component the host takes them, in a test a recorder. */

export type Level = "trace" | "debug" | "info" | "warn" | "error";

export interface Host {
  log(level: Level, message: string): void;
  counter(name: string, delta: number): void;
  gauge(name: string, value: number): void;
}

let host: Host = { log() {}, counter() {}, gauge() {} };

/** From now on `taker` is told. Answers who was told before. */
export function tell(taker: Host): Host {
  const before = host;
  host = taker;
  return before;
}

const line = (level: Level) => (...values: unknown[]): void => {
  for (const text of values.map(shown).join(" ").split("\n")) host.log(level, text);
};

/** `log.info("…")`: a line for the job's log. So does `console.log`. */
export const log = {
  trace: line("trace"), debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error"),
};

/** Adds to the counter `operator.name` of the job's metrics. */
export const counter = (name: string, delta = 1): void => host.counter(name, delta);
/** Sets the gauge `operator.name` of the job's metrics. */
export const gauge = (name: string, value: number): void => host.gauge(name, value);

function shown(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (typeof value !== "object" || value === null) return String(value);
  return JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? inner.toString() : inner));
}
