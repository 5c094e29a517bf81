/**
 * Write Pelton operators in TypeScript or JavaScript: a function over named columns becomes a WebAssembly component.
 *
 *     export const toEuro = transform({
 *       options: { rate: f64, min: f64.default(0) },
 *       reads: { price: f64 },
 *       makes: { euro: f64 },
 *       row: ({ price }, { options }) => (price > options.min ? { euro: price * options.rate } : null),
 *     });
 *
 * All other columns of the input pass through untouched. `aggregate` is for folds of groups and windows, `keyed` for functions of one key
 * with state and timers, `cogroup` for functions of one key's rows on two inputs, `enrich` for functions that ask endpoints. A module computes and does nothing else: no files, no sockets, no
 * clock but the batch's.
 */
import "./globals.ts";

export { Aggregate, aggregate } from "./aggregate.ts";
export type { AggregateDefinition, Window } from "./aggregate.ts";
export { encode, get, post } from "./asked.ts";
export type { Asking, Headers, Reply, Request } from "./asked.ts";
export { Cogroup, cogroup } from "./cogroup.ts";
export type { CogroupDefinition, Joined, Pair } from "./cogroup.ts";
export { Context } from "./context.ts";
export { Enrich, enrich } from "./enrich.ts";
export type { EnrichDefinition, ReplyTo } from "./enrich.ts";
export { Keyed, keyed } from "./keyed.ts";
export type { Call, KeyedDefinition, Out, State } from "./keyed.ts";
export { counter, gauge, log } from "./log.ts";
export { older } from "./migrate.ts";
export type { Older } from "./migrate.ts";
export type { Port, Ports, RowOfPorts } from "./ports.ts";
export { table } from "./lookups.ts";
export type { BuiltOf, SideTable, SideTables } from "./lookups.ts";
export { list, map } from "./tables.ts";
export type { ListState, MapState, Range } from "./tables.ts";
export { Reject, reject } from "./rows.ts";
export type { Given, Rejection } from "./rows.ts";
export { transform } from "./transform.ts";
export type { Definition, Transform } from "./transform.ts";
export {
  binary, bool, date, f32, f64, json, s16, s32, s64, s8, timestamp, u16, u32, u64, u8, utf8,
} from "./types.ts";
export type { Timer, Timers } from "./timers.ts";
export type { Column, Columns, Option, Row } from "./types.ts";
export type { NullableColumn, TextColumn } from "./columns.ts";
