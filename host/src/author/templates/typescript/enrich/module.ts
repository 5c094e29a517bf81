// Bids priced in euro, by the rate that the endpoint `rates` has for their currency. All other columns pass through untouched.
import { encode, enrich, f64, get, reject, utf8 } from "pelton-guest";

export const {{camel}} = enrich({
  reads: { price: f64, currency: utf8 },
  makes: { euro: f64 },
  // What a bid needs to know; bids in euro need nothing.
  ask({ currency }) {
    return currency === "EUR" ? null : get("rates", `/latest/${encode(currency)}`);
  },
  answer({ price }, reply) {
    if (reply === null) return { euro: price };
    const rate = Number.parseFloat(reply.text());
    return Number.isNaN(rate) ? reject("the rate is no number") : { euro: price * rate };
  },
});
