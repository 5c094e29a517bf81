// Narrower numbers and coarser times, read as wider ones.
import { f64, s64, timestamp, transform } from "pelton-guest";

export const widen = transform({
  reads: { small: f64, count: s64, at: timestamp },
  makes: { double: f64, next: s64, micros: s64 },
  row: ({ small, count, at }) => ({ double: small * 2, next: count + 1n, micros: at }),
});
