// Bids over `min`, priced in euro. All other columns pass through untouched.
import { f64, reject, transform } from "pelton-guest";

export const {{camel}} = transform({
  options: { rate: f64, min: f64.default(0) },
  reads: { price: f64 },
  makes: { euro: f64 },
  row({ price }, { options }) {
    if (price < 0) return reject(`${price} is no price`);
    return price > options.min ? { euro: price * options.rate } : null;
  },
});
