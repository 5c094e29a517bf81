// The reference operator by columns: prices over 100, in euro.
import { makes, origin, reads } from "pelton-guest";

const price = reads<f64>("price");
const euro = makes<f64>("euro");

export function columns(rows: i32): i32 {
  let kept = 0;
  for (let row = 0; row < rows; row++) {
    euro.put(kept, price.at(row) * 0.908);
    origin(kept, row);
    // Without a branch, which nobody could foresee.
    kept += i32(price.at(row) > 100);
  }
  return kept;
}
