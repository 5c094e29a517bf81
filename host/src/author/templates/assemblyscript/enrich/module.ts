// Bids priced in euro, by the rate that the endpoint `rates` has for their currency. All other columns pass through untouched.
import { KEEP, Request, Verdict, encode, get, makes, reads, reject, reply } from "pelton-guest";

const price = reads<f64>("price");
const currency = reads<string>("currency");
const euro = makes<f64>("euro");

// What a bid needs to know; bids in euro need nothing.
export function ask(): Request | null {
  return currency.value == "EUR" ? null : get("rates", `/latest/${encode(currency.value)}`);
}

export function answer(): Verdict {
  euro.value = price.value;
  if (!reply.isThere) return KEEP;
  const text = reply.text;
  if (text === null) return reject(reply.why);
  const rate = parseFloat(text);
  if (isNaN(rate)) return reject("the rate is no number");
  euro.value = price.value * rate;
  return KEEP;
}
