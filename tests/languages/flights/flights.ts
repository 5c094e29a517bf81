/** Flights with the names of their airlines, and prices in the currency of the last rate: looked up in two side tables. */
import { f64, reject, s32, table, transform, utf8 } from "pelton-guest";

export const flights = transform({
  options: { factor: f64 },
  reads: { carrier: utf8, price: f64 },
  makes: { airline: utf8.orNull, founded: s32, price: f64 },
  tables: {
    airlines: table({ carrier: utf8, name: utf8.orNull, founded: s32 }, (rows) => new Map(rows.map((row) => [row.carrier, row]))),
    "fx-rates": table({ rate: f64 }, (rows) => rows[rows.length - 1]!.rate),
  },
  row({ carrier, price }, { tables, options }) {
    if (carrier === "private") return null;
    const airline = tables.airlines.get(carrier);
    if (airline === undefined) return reject(`no airline ${carrier}`);
    return { airline: airline.name, founded: airline.founded, price: price * tables["fx-rates"] * options.factor };
  },
});
