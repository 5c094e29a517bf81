/**
 * Write Pelton operators in AssemblyScript: a function of one row becomes a WebAssembly component.
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
 * Constants at the top name the columns that are read and made, and what the engine keeps for each group or key; it carries all other
 * columns past. An aggregate exports `add`, `merge` and `finish`, a keyed operator and a cogroup `process`, an enrich operator `ask` and
 * `answer`. `pelton build` makes the module.
 */
export { Pane, Window, window } from "./aggregate";
export { Side, SideColumn, left, right } from "./cogroup";
export {
  Column, KeyColumn, Made, makes, makesDate, makesDateOrNull, makesOrNull, makesTimestamp, makesTimestampOrNull, reads, readsDate,
  readsDateOrNull, readsKey, readsKeyDate, readsKeyDateOrNull, readsKeyOrNull, readsKeyTimestamp, readsKeyTimestampOrNull, readsOrNull,
  readsTimestamp, readsTimestampOrNull,
} from "./columns";
export { epoch, now, random, randomU64, rowNumber, watermark } from "./context";
export { Cursor } from "./cursor";
export { Kept, keeps, keepsDate, keepsDateOrNull, keepsOrNull, keepsTimestamp, keepsTimestampOrNull } from "./kept";
export { Reply, reply } from "./enrich";
export { emitRow, forget, hasState, isExpiring, nextRow, rewind } from "./keyed";
export { ListState, list } from "./list";
export { Level, counter, gauge, log } from "./log";
export { Bound, MapState, map } from "./map";
export { Option, option } from "./options";
export { DROP, KEEP, Verdict, emit, origin, plain, reject } from "./out";
export { Port, PortColumn, port } from "./ports";
export { Request, encode, get, post } from "./request";
export { drop, eventTime, ordered, passAll, passNone, passOnly, rename } from "./rules";
export { IndexedTable, SideTable, TableColumn, table, tableBy } from "./side";
export { Held } from "./stored";
export { Version, version } from "./versions";
export { Timer, clearTimer, nextTimer, setProcessingTimer, setTimer, timer } from "./timers";
