// How dear a bid is, by bounds from the options.
import { f64, json, transform, utf8 } from "pelton-guest";

export const classify = transform({
  options: { bounds: json },
  reads: { euro: f64 },
  makes: { class: utf8 },
  row({ euro }, { options }) {
    const bounds = options.bounds as Record<string, number>;
    const found = Object.entries(bounds).find(([, bound]) => euro < bound);
    return { class: found === undefined ? "dear" : found[0] };
  },
});
