// Each row of a key on the left with each on the right: sides without rows, nulls, and rows of both sides that are refused.
import { cogroup, f64, s64, utf8 } from "pelton-guest";

export const pairs = cogroup({
  options: { most: s64.default(100n) },
  key: { user: utf8 },
  left: { n: s64.orNull },
  right: { word: utf8, x: f64.orNull },
  makes: { n: s64, word: utf8, x: f64.orNull },
  process({ key: { user }, left, right, out, options }) {
    for (const row of right) if (row.word === "bad") out.reject(row, `${user} is bad`);
    let [sum, made] = [0n, 0n];
    for (const row of left) {
      if (row.n === null) {
        out.reject(row, `${user} has no number`);
        continue;
      }
      sum += row.n;
      for (const { word, x } of right) {
        if (word === "bad" || made === options.most) continue;
        out.emit({ n: row.n, word, x });
        made += 1n;
      }
    }
    if (right.length > 0 && left.length > 0) return;
    out.emit({ n: sum, word: right.length === 0 ? "left alone" : "right alone", x: null });
  },
});
