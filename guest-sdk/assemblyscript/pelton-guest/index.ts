/**
 * Write Pelton transforms in AssemblyScript: a function of one row becomes a WebAssembly component.
 *
 * ```ts
 * import { DROP, KEEP, Verdict, makes, option, plain, reads, reject } from "pelton-guest";
 *
 * const rate = option<f64>("rate");
 * const price = reads<f64>("price");
 * const euro = makes<f64>("euro");
 *
 * export function row(): Verdict {
 *   if (price.value < 0) return reject(`${plain(price.value)} is no price`);
 *   euro.value = price.value * rate.value;
 *   return price.value > 100 ? KEEP : DROP;
 * }
 * ```
 *
 * Constants at the top name the columns that are read and made; the engine carries all others past. `pelton build` makes the module.
 */
export {
  Column, Made, makes, makesDate, makesDateOrNull, makesOrNull, makesTimestamp, makesTimestampOrNull, reads, readsDate, readsDateOrNull,
  readsOrNull, readsTimestamp, readsTimestampOrNull,
} from "./columns";
export { epoch, now, random, randomU64, rowNumber, watermark } from "./context";
export { Level, counter, gauge, log } from "./log";
export { Option, option } from "./options";
export { drop, eventTime, passNone, passOnly, rename } from "./rules";
export { DROP, KEEP, Verdict, emit, origin, plain, reject } from "./transform";
