// The reference operator by columns: prices over 100, in euro.
import { f64, transform } from "pelton-guest";

export const reference = transform({
  reads: { price: f64 },
  makes: { euro: f64 },
  columns({ price }, { rows }) {
    const origin = new Uint32Array(rows);
    const euro = new Float64Array(rows);
    let kept = 0;
    for (let row = 0; row < rows; row++) {
      const value = price[row]!;
      if (value > 100) {
        origin[kept] = row;
        euro[kept++] = value * 0.908;
      }
    }
    return { columns: { euro: euro.subarray(0, kept) }, origin: origin.subarray(0, kept) };
  },
});
