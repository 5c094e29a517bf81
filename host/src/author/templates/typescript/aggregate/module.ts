// How far apart prices are, those under `min` left out.
import { aggregate, f64 } from "pelton-guest";

export const {{camel}} = aggregate({
  options: { min: f64.default(0) },
  reads: { price: f64 },
  // What the engine keeps for each group, and that of no rows.
  state: { least: f64.orNull, most: f64.orNull },
  zero: { least: null, most: null },
  makes: { range: f64 },
  add(state, { price }, { options }) {
    if (price < options.min) return;
    state.least = Math.min(state.least ?? price, price);
    state.most = Math.max(state.most ?? price, price);
  },
  merge(state, later) {
    if (later.least === null || later.most === null) return;
    state.least = Math.min(state.least ?? later.least, later.least);
    state.most = Math.max(state.most ?? later.most, later.most);
  },
  finish({ least, most }) {
    return least === null || most === null ? null : { range: most - least };
  },
});
