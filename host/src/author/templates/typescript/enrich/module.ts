// Bids priced in euro, by the rate that the endpoint `rates` has for their currency. All other columns pass through untouched.
import { enrich, f64, get, reject, utf8 } from "pelton-guest";

export const {{camel}} = enrich({
  reads: { price: f64, currency: utf8 },
  makes: { euro: f64 },
  // What a bid needs to know; bids in euro need nothing, and a path is made of nothing but a currency.
  ask({ currency }) {
    return currency !== "EUR" && /^[A-Z]{3}$/.test(currency) ? get("rates", `/latest/${currency}`) : null;
  },
  answer({ price, currency }, reply) {
    if (reply === null) return currency === "EUR" ? { euro: price } : reject("this is no currency");
    const rate = Number.parseFloat(reply.text());
    return Number.isNaN(rate) ? reject("the rate is no number") : { euro: price * rate };
  },
});
