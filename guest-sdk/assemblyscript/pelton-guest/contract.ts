/**
 * The answer to `open`: what the module reads and makes, fitted to the columns of its input. Every message is for the owner of the job.
 *
 * The numbers are places of fields in the records of `wit/types.wit`, as they lie in memory.
 */
import { Making, makings, readings } from "./columns";
import { alloc, getText, putList, putText, zeros } from "./memory";
import { suggest } from "./names";
import { readOptions } from "./options";
import { eventTimeColumn, nameFor, named, passes } from "./rules";
import { accepts, formatOf, nameOf, wants } from "./types";

const INPUT_FIELDS: usize = 8;
const FIELD_BYTES: usize = 24;
const OUTPUT_FIELD_BYTES: usize = 28;

/** The computed columns in the contract's order. */
export const order: Making[] = [];

/** The columns of an input, without the children of lists and structs. */
class Columns {
  names: string[] = [];
  formats: string[] = [];

  constructor(input: usize) {
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

/** Answers `open`. */
export function contract(inputs: usize, count: usize, options: usize, optionsSize: usize): usize {
  const wrong = readOptions(String.UTF8.decodeUnsafe(options, optionsSize));
  if (wrong != "") return refused(wrong);
  if (count != 1) return refused("this module has one input, but the operator has " + count.toString());
  const columns = new Columns(inputs);
  const unfit = fit(columns);
  return unfit == "" ? fitted(columns) : refused(unfit);
}

function refused(reason: string): usize {
  const result = zeros(48);
  store<u8>(result, 1);
  putText(result + 4, reason);
  return result;
}

/** Agrees on the formats of what is read; what does not fit, or an empty text. */
function fit(columns: Columns): string {
  for (let i = 0; i < readings.length; i++) {
    const column = readings[i];
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
  }
  const ruled = named();
  for (let i = 0; i < ruled.length; i++) {
    if (columns.names.includes(ruled[i])) continue;
    return "the input has no column `" + ruled[i] + "`, which a rule of the module names: " + suggest(ruled[i], columns.names);
  }
  return "";
}

function fitted(columns: Columns): usize {
  const result = zeros(48);
  const reads = alloc(readings.length * 8);
  for (let i = 0; i < readings.length; i++) putText(reads + i * 8, readings[i].name);
  const lists = alloc(8);
  putList(lists, reads, readings.length);
  putList(result + 4, lists, 1);
  const port = zeros(28);
  putText(port, "out");
  putFields(port + 8, columns);
  if (eventTimeColumn != "") {
    store<u8>(port, 1, 16);
    putText(port + 20, eventTimeColumn);
  }
  putList(result + 12, port, 1);
  return result;
}

/** Passed columns in the input's order, a computed one in the place of the passed one of its name, then the other computed ones. */
function putFields(at: usize, columns: Columns): void {
  const fields = zeros(<usize>(columns.names.length + makings.length) * OUTPUT_FIELD_BYTES);
  let count: usize = 0;
  order.length = 0;
  for (let i = 0; i < columns.names.length; i++) {
    if (!passes(columns.names[i])) continue;
    const name = nameFor(columns.names[i]);
    const made = madeAs(name);
    const field = fields + count * OUTPUT_FIELD_BYTES;
    if (made === null) {
      putText(field + 4, columns.names[i]);
      putText(field + 12, name);
      count++;
    } else if (!order.includes(made)) {
      putComputed(field, made);
      count++;
    }
  }
  for (let i = 0; i < makings.length; i++) {
    if (order.includes(makings[i])) continue;
    putComputed(fields + count * OUTPUT_FIELD_BYTES, makings[i]);
    count++;
  }
  putList(at, fields, count);
}

function putComputed(field: usize, made: Making): void {
  order.push(made);
  store<u8>(field, 1);
  putText(field + 4, made.name);
  putText(field + 12, formatOf(made.type));
  store<u8>(field, u8(made.nullable), 20);
}

function madeAs(name: string): Making | null {
  for (let i = 0; i < makings.length; i++) if (makings[i].name == name) return makings[i];
  return null;
}
