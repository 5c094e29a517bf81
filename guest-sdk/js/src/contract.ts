/**
 * The answer to `open`: what a transform reads and makes, fitted to the columns of its input, and its options. Every message
 * is for the owner of the job, who sees columns and options, not TypeScript.
 */
import { Unfit } from "./columns.ts";
import { suggest } from "./names.ts";
import type { PortSpec } from "./ports.ts";
import type { Column, Columns, Option } from "./types.ts";
import { accepts, nameOf, wants } from "./types.ts";
import type { Contract, Field, Input, OutputField, Port } from "./wire.ts";

/** Which columns of the input leave besides the computed ones. */
export interface Passing {
  /** "key": the columns of the operator's key. */
  passes: "all" | "none" | "key" | readonly string[];
  drop: readonly string[];
  rename: Readonly<Record<string, string>>;
}

/** How batches are read and answered, as agreed in `open`. */
export interface Plan {
  /** The formats of the columns read. */
  formats: string[];
  /** The computed columns of the main output in the contract's order, by their fields. */
  order: string[];
  /** The same of each output. */
  orders: string[][];
}

/** Of an operator with one output. */
export function fit(
  inputs: Input[], reads: Columns, makes: Columns, passing: Passing, eventTime: string | null,
): [Contract, Plan] {
  return fitPorts(inputs, reads, [{ name: "out", makes, passing: null, eventTime }], passing);
}

/** `passing` is that of the outputs that have none of their own. */
export function fitPorts(
  inputs: Input[], reads: Columns, specs: readonly PortSpec[], passing: Passing,
): [Contract, Plan] {
  const edges = inputs.filter((input) => input.mode !== "table");
  if (edges.length !== 1) throw new Unfit(`this module has one input, but the operator has ${edges.length}`);
  const columns = topLevel(edges[0]!.fields);
  const formats = Object.entries(reads).map(([field, type]) => readFormat(field, type, columns));
  const ports: Port[] = [];
  const orders: string[][] = [];
  for (const { name, makes, passing: own, eventTime } of specs) {
    const said = own ?? passing;
    const of = said.passes === "key" ? { ...said, passes: edges[0]!.key } : said;
    const [fields, order] = layOut(name, makes, of, [...columns.keys()]);
    if (eventTime !== null) {
      const names = fields.map((field) => (field.tag === "pass" ? field.val[1] : field.val.name));
      if (!names.includes(eventTime)) {
        throw new Unfit(`output \`${name}\` has no column \`${eventTime}\` to be its event time: ${suggest(eventTime, names)}`);
      }
    }
    ports.push({ name, fields, eventTime });
    orders.push(order);
  }
  const contract: Contract = {
    reads: [Object.entries(reads).map(([field, type]) => type.column ?? field)],
    ports,
    tables: [],
    state: [],
    stateVersion: 0,
    properties: [],
  };
  return [contract, { formats, order: orders[0]!, orders }];
}

/** For each column of the key that is read, its place in the operator's key and its format. */
export function fitKey(inputs: Input[], key: Columns): { place: number; format: string }[] {
  const edge = inputs.filter((input) => input.mode !== "table")[0]!;
  if (edge.key.length === 0) throw new Unfit("this module keeps state for each key, but the operator has no `key`");
  const columns = topLevel(edge.fields);
  return Object.entries(key).map(([field, type]) => {
    const name = type.column ?? field;
    const place = edge.key.indexOf(name);
    if (place >= 0) return { place, format: readFormat(field, type, columns) };
    throw new Unfit(
      `the module reads \`${name}\` of the key, but it is not in the operator's \`key\`: ${suggest(name, edge.key)}`,
    );
  });
}

/** The first of two inputs, and what is read of the second, with the formats. */
export function fitSide(inputs: Input[], reads: Columns): [Input, { reads: string[]; formats: string[] }] {
  const edges = inputs.filter((input) => input.mode !== "table");
  if (edges.length !== 2) throw new Unfit(`this module joins two inputs, but the operator has ${edges.length}`);
  const columns = topLevel(edges[1]!.fields);
  const formats = Object.entries(reads).map(([field, type]) => readFormat(field, type, columns));
  return [edges[0]!, { reads: Object.entries(reads).map(([field, type]) => type.column ?? field), formats }];
}

/** The columns, without the children of lists and structs. */
export function topLevel(fields: Field[]): Map<string, Field> {
  const columns = new Map<string, Field>();
  let skip = 0;
  for (const field of fields) {
    if (skip > 0) skip += field.children - 1;
    else {
      columns.set(field.name, field);
      skip = field.children;
    }
  }
  return columns;
}

export function readFormat(
  field: string, type: Column<unknown>, columns: Map<string, Field>, of = "the input",
): string {
  const name = type.column ?? field;
  const column = columns.get(name);
  if (column === undefined) {
    const hint = suggest(name, [...columns.keys()]);
    throw new Unfit(`${of} has no column \`${name}\`, which the module reads as ${wants(type)}: ${hint}`);
  }
  if (!accepts(type, column.format)) {
    throw new Unfit(`column \`${name}\` is ${nameOf(column.format)}, but the module reads it as ${wants(type)}`);
  }
  return column.format;
}

/**
 * The columns of the output: the passed ones in the input's order, a computed one in the place of the passed one whose name it
 * has, and then the other computed ones.
 */
function layOut(output: string, makes: Columns, passing: Passing, columns: string[]): [OutputField[], string[]] {
  const { passes, drop, rename } = passing;
  const named: [string, readonly string[]][] = [
    ["passes", typeof passes === "string" ? [] : passes], ["drop", drop], ["rename", Object.keys(rename)],
  ];
  for (const [attribute, names] of named) {
    for (const name of names) {
      if (columns.includes(name)) continue;
      throw new Unfit(`the input has no column \`${name}\`, which \`${attribute}\` names: ${suggest(name, columns)}`);
    }
  }
  const computed = new Map(Object.entries(makes).map(([field, type]) => [type.column ?? field, field]));
  const fields: OutputField[] = [];
  const order: string[] = [];
  const taken = new Set<string>();
  const compute = (name: string): void => {
    const field = computed.get(name)!;
    const { format, nullable } = makes[field]!;
    taken.add(name);
    order.push(field);
    fields.push({ tag: "computed", val: { name, format, nullable, children: 0 } });
  };
  for (const column of columns) {
    if (passes === "none" || (typeof passes !== "string" && !passes.includes(column)) || drop.includes(column)) continue;
    const name = rename[column] ?? column;
    if (computed.has(name)) {
      if (!taken.has(name)) compute(name);
    } else if (taken.has(name)) {
      throw new Unfit(
        `output \`${output}\` would have two columns \`${name}\`: \`rename\` gives a column this name, and another has it already`,
      );
    } else {
      taken.add(name);
      fields.push({ tag: "pass", val: [column, name] });
    }
  }
  for (const name of computed.keys()) if (!taken.has(name)) compute(name);
  return [fields, order];
}

/** The options of the job file (JSON), each of the type that the module says. */
export function readOptions(declared: Columns, text: string): Record<string, unknown> {
  let given: any;
  try {
    given = JSON.parse(text === "" ? "{}" : text);
  } catch (error) {
    throw new Unfit(`the options are not JSON: ${(error as Error).message}`);
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new Unfit(`the options must be a table of names and values, not ${JSON.stringify(given)}`);
  }
  const byName = new Map(Object.entries(declared).map(([field, type]) => [type.column ?? field, field]));
  for (const name of Object.keys(given)) {
    if (byName.size === 0) throw new Unfit(`there is no option \`${name}\`: this module has no options`);
    if (!byName.has(name)) throw new Unfit(`there is no option \`${name}\`: ${suggest(name, [...byName.keys()])}`);
  }
  const options: Record<string, unknown> = {};
  for (const [name, field] of byName) {
    const type = declared[field] as Option<unknown>;
    if (name in given) options[field] = converted(name, type, given[name]);
    else if (type.fallback !== undefined) options[field] = type.fallback;
    else if (type.nullable) options[field] = null;
    else throw new Unfit(`option \`${name}\` is missing: it must be ${expected(type)}`);
  }
  return options;
}

function expected(type: Column<unknown>): string {
  switch (type.kind) {
    case "bool": return "true or false";
    case "text": return "a text";
    case "number": return type.format === "g" || type.format === "f" ? "a number" : "an integer";
    case "bigint": return "an integer";
    default: return "a value";
  }
}

function converted(name: string, type: Column<unknown>, value: unknown): unknown {
  const isInteger = Number.isInteger(value);
  if (value === null && type.nullable) return null;
  if (type.kind === "json") return value;
  if (type.kind === "bool" && typeof value === "boolean") return value;
  if (type.kind === "text" && typeof value === "string") return value;
  if (type.kind === "bigint" && isInteger) return BigInt(value as number);
  if (type.kind === "number" && typeof value === "number" && (isInteger || type.format === "g" || type.format === "f")) {
    return value;
  }
  throw new Unfit(`option \`${name}\` must be ${expected(type)}, not ${JSON.stringify(value)}`);
}
