/**
 * The answer to `open`: what the module reads and makes, fitted to the columns of its input. Every message is for the owner of the job.
 *
 * The numbers are places of fields in the records of `wit/types.wit`, as they lie in memory.
 */
import { left, right } from "./cogroup";
import { Making, Reading, keyReadings, makings, readings } from "./columns";
import { keepings } from "./kept";
import { alloc, getText, putList, putText, zeros } from "./memory";
import { suggest } from "./names";
import { readOptions } from "./options";
import { ports } from "./ports";
import { Rules, eventTimeColumn, isOrdered, rules } from "./rules";
import { fitTables, putTables, sideTables } from "./side";
import { stored } from "./stored";
import { versions } from "./versions";
import { accepts, formatOf, nameOf, wants } from "./types";

/** The kinds of operators. */
export enum Kind {
  TRANSFORM,
  AGGREGATE,
  KEYED,
  COGROUP,
  ENRICH,
}

const INPUT_BYTES: usize = 52;
const INPUT_FIELDS: usize = 8;
const INPUT_KEY: usize = 16;
const FIELD_BYTES: usize = 24;
const OUTPUT_FIELD_BYTES: usize = 28;
const PORT_BYTES: usize = 28;
const TABLE_BYTES: usize = 24;

/** The version of what a module keeps that migrates none; each version before this one makes it one more. */
const STATE_VERSION: u32 = 1;

/** The computed columns in the contract's order. */
export const order: Making[] = [];
/** Where each column of the key that is read stands in the operator's `key`. */
export const keyPlaces: i32[] = [];

/** The columns of an input, without the children of lists and structs. */
class Columns {
  names: string[] = [];
  formats: string[] = [];
  key: string[] = [];

  constructor(input: usize) {
    const key = load<usize>(input, INPUT_KEY);
    const keys = load<u32>(input, INPUT_KEY + 4);
    for (let i: u32 = 0; i < keys; i++) this.key.push(getText(key + (<usize>i << 3)));
    const fields = load<usize>(input, INPUT_FIELDS);
    const count = load<u32>(input, INPUT_FIELDS + 4);
    let skip: u32 = 0;
    for (let i: u32 = 0; i < count; i++) {
      const field = fields + <usize>i * FIELD_BYTES;
      if (skip > 0) {
        skip += load<u32>(field, 20) - 1;
        continue;
      }
      this.names.push(getText(field));
      this.formats.push(getText(field + 8));
      skip = load<u32>(field, 20);
    }
  }
}

/** Answers `open`; of an aggregate also whether it has `retract`. */
export function contract(kind: Kind, inputs: usize, count: usize, options: usize, optionsSize: usize, retracts: bool): usize {
  checkDeclared(kind);
  const wrong = readOptions(String.UTF8.decodeUnsafe(options, optionsSize));
  if (wrong != "") return refused(wrong);
  if (kind == Kind.COGROUP) {
    if (count != 2) return refused("this module joins two inputs, but the operator has " + count.toString());
    return joined(new Columns(inputs), new Columns(inputs + INPUT_BYTES));
  }
  // Side tables follow the operator's input.
  if (count != 1 && sideTables.length == 0) {
    return refused("this module has one input, but the operator has " + count.toString());
  }
  const columns = new Columns(inputs);
  if (kind == Kind.KEYED && columns.key.length == 0) {
    return refused("this module keeps state for each key, but the operator has no `key`");
  }
  let unfit = fit(readings, columns);
  if (unfit == "") unfit = fitTables(inputs + INPUT_BYTES, <i32>count - 1);
  return unfit == "" ? fitted(kind, columns, [readings], retracts) : refused(unfit);
}

/** What a module declares that its kind has not would be silently nothing. */
function checkDeclared(kind: Kind): void {
  const isCogroup = kind == Kind.COGROUP;
  assert(stored.length == 0 || kind == Kind.KEYED, "lists and maps are for keyed operators");
  assert(left.readings.length + right.readings.length == 0 || isCogroup, "left and right are for cogroups");
  assert(readings.length == 0 || !isCogroup, "a cogroup reads columns of left and right");
  assert(sideTables.length == 0 || kind == Kind.TRANSFORM, "side tables are for transforms");
  assert(versions.length == 0 || (kind == Kind.KEYED && keepings.length > 0), "versions are for keyed operators that keep something");
  assert(ports.length == 0 || kind != Kind.AGGREGATE, "an aggregate has one output");
  assert(keepings.length == 0 || kind == Kind.KEYED || kind == Kind.AGGREGATE, "keeps is for aggregates and keyed operators");
}

function joined(first: Columns, second: Columns): usize {
  const unfit = fit(left.readings, first);
  if (unfit != "") return refused(unfit);
  for (let i = 0; i < right.readings.length; i++) {
    const unfit = fitOne(right.readings[i], second);
    if (unfit != "") return refused(unfit);
  }
  return fitted(Kind.COGROUP, first, [left.readings, right.readings], false);
}

function refused(reason: string): usize {
  const result = zeros(48);
  store<u8>(result, 1);
  putText(result + 4, reason);
  return result;
}

/** Agrees on the formats of what is read, of the rows and of the key; what does not fit, or an empty text. */
function fit(readings: Reading[], columns: Columns): string {
  for (let i = 0; i < readings.length; i++) {
    const unfit = fitOne(readings[i], columns);
    if (unfit != "") return unfit;
  }
  keyPlaces.length = 0;
  for (let i = 0; i < keyReadings.length; i++) {
    const column = keyReadings[i];
    const place = columns.key.indexOf(column.name);
    if (place < 0) {
      const hint = suggest(column.name, columns.key);
      return "the module reads `" + column.name + "` of the key, but it is not in the operator's `key`: " + hint;
    }
    keyPlaces.push(place);
    const unfit = fitOne(column, columns);
    if (unfit != "") return unfit;
  }
  let unruled = fitRules(rules, columns);
  for (let i = 0; i < ports.length && unruled == ""; i++) unruled = fitRules(ports[i].rules, columns);
  return unruled;
}

function fitRules(rules: Rules, columns: Columns): string {
  const ruled = rules.named;
  for (let i = 0; i < ruled.length; i++) {
    if (columns.names.includes(ruled[i])) continue;
    return "the input has no column `" + ruled[i] + "`, which a rule of the module names: " + suggest(ruled[i], columns.names);
  }
  return "";
}

function fitOne(column: Reading, columns: Columns): string {
  const wanted = wants(column.type, column.nullable);
  const at = columns.names.indexOf(column.name);
  if (at < 0) {
    const hint = suggest(column.name, columns.names);
    return "the input has no column `" + column.name + "`, which the module reads as " + wanted + ": " + hint;
  }
  const format = columns.formats[at];
  if (!accepts(column.type, format)) {
    return "column `" + column.name + "` is " + nameOf(format) + ", but the module reads it as " + wanted;
  }
  column.format = format;
  return "";
}

/** The contract; `sides` is what is read of each input. */
function fitted(kind: Kind, columns: Columns, sides: Reading[][], retracts: bool): usize {
  const result = zeros(48);
  const lists = alloc(sides.length * 8);
  for (let side = 0; side < sides.length; side++) {
    const readings = sides[side];
    const reads = alloc(readings.length * 8);
    for (let i = 0; i < readings.length; i++) putText(reads + i * 8, readings[i].name);
    putList(lists + side * 8, reads, readings.length);
  }
  putList(result + 4, lists, sides.length);
  const outputs = zeros(PORT_BYTES * (ports.length + 1));
  // The columns of the input that leave where no rule says otherwise.
  const usual: string[] | null = kind == Kind.TRANSFORM || kind == Kind.ENRICH ? null : kind == Kind.AGGREGATE ? [] : columns.key;
  putPort(outputs, "out", eventTimeColumn);
  putFields(outputs + 8, columns, rules, usual, makings, order);
  for (let i = 0; i < ports.length; i++) {
    const output = outputs + PORT_BYTES * (i + 1);
    const port = ports[i];
    putPort(output, port.name, port.eventTimeColumn);
    putFields(output + 8, columns, port.rules.isGiven ? port.rules : rules, usual, port.makings, port.order);
  }
  putList(result + 12, outputs, ports.length + 1);
  putTables(result + 20);
  if (kind == Kind.KEYED || kind == Kind.AGGREGATE) putState(result, kind == Kind.KEYED ? "state" : "accumulator");
  if (kind == Kind.KEYED && keepings.length > 0) {
    // A row of nulls stands for nothing.
    let isTold = false;
    for (let i = 0; i < keepings.length; i++) if (!keepings[i].nullable) isTold = true;
    assert(isTold, "a row of nulls is no state: one column at least is kept without OrNull");
  }
  const properties = alloc(32);
  let count: usize = 0;
  if (isOrdered) putProperty(properties + count++ * 16, "ordered", "true");
  if (retracts) putProperty(properties + count++ * 16, "accepts", "append,retract");
  putList(result + 40, properties, count);
  return result;
}

function putPort(at: usize, name: string, eventTime: string): void {
  putText(at, name);
  if (eventTime == "") return;
  store<u8>(at, 1, 16);
  putText(at + 20, eventTime);
}

function putProperty(at: usize, name: string, value: string): void {
  putText(at, name);
  putText(at + 8, value);
}

/** What is kept: a table of state without subkey, and the lists and maps of a keyed operator. */
function putState(result: usize, name: string): void {
  const tables = zeros(<usize>(stored.length + 1) * TABLE_BYTES);
  const first = usize(keepings.length > 0);
  if (first > 0) putKeepings(tables, name);
  for (let i = 0; i < stored.length; i++) stored[i].putFields(tables + (first + i) * TABLE_BYTES);
  const count = first + stored.length;
  putList(result + 28, tables, count);
  if (count > 0) store<u32>(result, STATE_VERSION + u32(versions.length), 36);
}

function putKeepings(table: usize, name: string): void {
  const fields = zeros(<usize>keepings.length * FIELD_BYTES);
  for (let i = 0; i < keepings.length; i++) {
    const field = fields + <usize>i * FIELD_BYTES;
    putText(field, keepings[i].name);
    putText(field + 8, keepings[i].format);
    store<u8>(field, 1, 16);
  }
  putText(table, name);
  putList(table + 16, fields, keepings.length);
}

/** Passed columns in the input's order, a computed one in the place of the passed one of its name, then the other computed ones. */
function putFields(
  at: usize, columns: Columns, rules: Rules, usual: string[] | null, makings: Making[], order: Making[],
): void {
  const fields = zeros(<usize>(columns.names.length + makings.length) * OUTPUT_FIELD_BYTES);
  let count: usize = 0;
  order.length = 0;
  for (let i = 0; i < columns.names.length; i++) {
    if (!rules.passes(columns.names[i], usual)) continue;
    const name = rules.nameFor(columns.names[i]);
    const made = madeAs(name, makings);
    const field = fields + count * OUTPUT_FIELD_BYTES;
    if (made === null) {
      putText(field + 4, columns.names[i]);
      putText(field + 12, name);
      count++;
    } else if (!order.includes(made)) {
      putComputed(field, made);
      order.push(made);
      count++;
    }
  }
  for (let i = 0; i < makings.length; i++) {
    if (order.includes(makings[i])) continue;
    putComputed(fields + count * OUTPUT_FIELD_BYTES, makings[i]);
    order.push(makings[i]);
    count++;
  }
  putList(at, fields, count);
}

function putComputed(field: usize, made: Making): void {
  store<u8>(field, 1);
  putText(field + 4, made.name);
  putText(field + 12, formatOf(made.type));
  store<u8>(field, u8(made.nullable), 20);
}

function madeAs(name: string, makings: Making[]): Making | null {
  for (let i = 0; i < makings.length; i++) if (makings[i].name == name) return makings[i];
  return null;
}
