/** The job's log and metrics, and what stops a job. */
import { alloc } from "./memory";

@external("pelton:operator/log@0.1.0", "log")
declare function hostLog(level: i32, text: usize, size: usize): void;
@external("pelton:operator/log@0.1.0", "counter")
declare function hostCounter(name: usize, size: usize, delta: u64): void;
@external("pelton:operator/log@0.1.0", "gauge")
declare function hostGauge(name: usize, size: usize, value: f64): void;

export enum Level {
  TRACE,
  DEBUG,
  INFO,
  WARN,
  ERROR,
}

/** A line for the job's log. */
export function log(level: Level, line: string): void {
  hostLog(level, encoded(line), String.UTF8.byteLength(line));
}

/** Adds to the counter, or sets the gauge, `operator.name` of the job's metrics. */
export function counter(name: string, delta: u64): void {
  hostCounter(encoded(name), String.UTF8.byteLength(name), delta);
}

export function gauge(name: string, value: f64): void {
  hostGauge(encoded(name), String.UTF8.byteLength(name), value);
}

/** What `abort`, `assert` and `throw` call: the last line of the log stands in the job's error. */
export function aborted(message: string | null, file: string | null, line: u32, column: u32): void {
  const why = message === null ? "it was aborted" : message;
  const where = file === null ? "" : file + ":" + line.toString() + ":" + column.toString() + ": ";
  log(Level.ERROR, where + why);
  unreachable();
}

function encoded(text: string): usize {
  const at = alloc(String.UTF8.byteLength(text));
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, at);
  return at;
}
