// The reference operator by rows: prices over 100, in euro.
import { f64, transform } from "pelton-guest";

export const reference = transform({
  reads: { price: f64 },
  makes: { euro: f64 },
  row: ({ price }) => (price > 100 ? { euro: price * 0.908 } : null),
});
