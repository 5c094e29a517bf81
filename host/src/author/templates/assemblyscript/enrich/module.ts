// Bids priced in euro, by the rate that the endpoint `rates` has for their currency. All other columns pass through untouched.
import { KEEP, Request, Verdict, get, makes, reads, reject, reply } from "pelton-guest";

const price = reads<f64>("price");
const currency = reads<string>("currency");
const euro = makes<f64>("euro");

// What a bid needs to know; bids in euro need nothing, and a path is made of nothing but a currency.
export function ask(): Request | null {
  const letters = currency.value;
  if (letters == "EUR" || letters.length != 3) return null;
  for (let i = 0; i < 3; i++) if (letters.charAt(i) < "A" || letters.charAt(i) > "Z") return null;
  return get("rates", `/latest/${letters}`);
}

export function answer(): Verdict {
  euro.value = price.value;
  if (!reply.isThere) return currency.value == "EUR" ? KEEP : reject("this is no currency");
  const text = reply.text;
  if (text === null) return reject(reply.why);
  const rate = parseFloat(text);
  if (isNaN(rate)) return reject("the rate is no number");
  euro.value = price.value * rate;
  return KEEP;
}
