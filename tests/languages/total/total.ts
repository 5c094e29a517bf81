// Sums, means and the first word of each group: nulls, text and numbers that are kept; groups that are dropped and refused.
import { aggregate, f64, reject, s64, utf8 } from "pelton-guest";

const first = (a: string | null, b: string | null) => (a === null ? b : b === null || a < b ? a : b);

export const total = aggregate({
  options: { scale: s64.default(1n) },
  reads: { n: s64.orNull, x: f64, word: utf8.orNull },
  state: { rows: s64, sum: s64, numbers: s64, total: f64, word: utf8.orNull },
  zero: { rows: 0n, sum: 0n, numbers: 0n, total: 0, word: null },
  makes: { sum: s64, mean: f64.orNull, total: f64, word: utf8.orNull },
  add(state, { n, x, word }, { options }) {
    state.rows += 1n;
    state.total += x;
    if (n !== null) {
      state.sum += n * options.scale;
      state.numbers += 1n;
    }
    state.word = first(state.word, word);
  },
  merge(state, later) {
    state.rows += later.rows;
    state.sum += later.sum;
    state.numbers += later.numbers;
    state.total += later.total;
    state.word = first(state.word, later.word);
  },
  finish({ rows, sum, numbers, total, word }) {
    if (sum < 0n) return reject(`${sum} is less than nothing`);
    const mean = numbers === 0n ? null : Number(sum) / Number(numbers);
    return rows === 0n ? null : { sum, mean, total, word };
  },
});
