/** Flights with the names of their airlines, and prices in the currency of the last rate: looked up in two side tables. */
import { DROP, KEEP, Verdict, makes, makesOrNull, option, reads, reject, table, tableBy } from "pelton-guest";

const factor = option<f64>("factor");
const carrier = reads<string>("carrier");
const price = reads<f64>("price");
const airline = makesOrNull<string>("airline");
const founded = makes<i32>("founded");
const inCurrency = makes<f64>("price");

const airlines = tableBy<string>("airlines", "carrier");
const name = airlines.readsOrNull<string>("name");
const since = airlines.reads<i32>("founded");
const rates = table("fx-rates");
const rate = rates.reads<f64>("rate");

export function row(): Verdict {
  const code = carrier.value;
  if (code == "private") return DROP;
  if (!airlines.find(code)) return reject(`no airline ${code}`);
  if (!name.isNull) airline.value = name.value;
  founded.value = since.value;
  rates.at(-1);
  inCurrency.value = price.value * rate.value * factor.value;
  return KEEP;
}
