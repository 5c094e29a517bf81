/**
 * Several outputs: `ports` in the place of `makes`, and rows that say by a name to which output they go.
 *
 * The first port is the operator's main output; a job reads the others as `operator.name`.
 */
import { nodesOf } from "./batch.ts";
import { bytesOf } from "./columns.ts";
import type { Passing } from "./contract.ts";
import { suggest } from "./names.ts";
import type { Columns, Row } from "./types.ts";
import type { Emitted } from "./wire.ts";

/** An output. What is not said of columns that pass is as the operator says. */
export interface Port {
  /** Columns that it makes. */
  readonly makes?: Columns;
  readonly passes?: "all" | "none" | "key" | readonly string[];
  readonly drop?: readonly string[];
  readonly rename?: Readonly<Record<string, string>>;
  /** The column that is the output's event time, if it is not the input's. */
  readonly eventTime?: string;
}

export type Ports = Readonly<Record<string, Port>>;
type MadeBy<P extends Port> = P extends { readonly makes: infer M extends Columns } ? Row<M> : {};
/** A row for an output, by the output's name: `{ parsed: { level } }`. With several names, a row for each. */
export type RowOfPorts<P extends Ports> = { [N in keyof P]?: MadeBy<P[N]> };

/** What a function makes: a row, or of several outputs a row by the name of one. */
export type MadeOf<M extends Columns, P extends Ports> =
  string extends keyof P ? Row<M> : keyof P extends never ? Row<M> : RowOfPorts<P>;

/** An output as `open` needs to know it. */
export interface PortSpec {
  readonly name: string;
  readonly makes: Columns;
  /** Its own rules; null takes the operator's. */
  readonly passing: Passing | null;
  readonly eventTime: string | null;
}

/** The name of the one output of an operator without `ports`. */
const MAIN = "out";

/** The outputs of a definition. `usual` is what passes where a port has rules of its own, but not this one. */
export function portSpecs(
  definition: { makes?: Columns; ports?: Ports; eventTime?: string }, usual: Passing["passes"],
): PortSpec[] {
  const { makes, ports, eventTime = null } = definition;
  if (ports === undefined) return [{ name: MAIN, makes: makes ?? {}, passing: null, eventTime }];
  if (makes !== undefined) throw new Error("`makes` is for one output and `ports` for several: say one of them");
  const specs = Object.entries(ports).map(([name, port], at) => {
    const { passes, drop, rename } = port;
    const isOwn = passes !== undefined || drop !== undefined || rename !== undefined;
    const passing = isOwn ? { passes: passes ?? usual, drop: drop ?? [], rename: rename ?? {} } : null;
    return { name, makes: port.makes ?? {}, passing, eventTime: port.eventTime ?? (at === 0 ? eventTime : null) };
  });
  if (specs.length === 0) throw new Error("`ports` has no output; the first is the main one");
  return specs;
}

/** The rows of one output, and which number each has: of its input row, of its key or of its emission. */
export interface Sink {
  readonly numbers: number[];
  readonly rows: any[];
}

/** Takes what a function makes, and puts each row into the sink of its output. */
export class Sinks {
  readonly each: readonly Sink[];
  readonly #byName: ReadonlyMap<string, Sink> | null;

  constructor(specs: readonly PortSpec[], hasPorts: boolean) {
    this.each = specs.map(() => ({ numbers: [], rows: [] }));
    this.#byName = hasPorts ? new Map(specs.map(({ name }, at) => [name, this.each[at]!])) : null;
  }

  put(made: any, number: number): void {
    if (this.#byName === null) return push(this.each[0]!, made, number);
    if (typeof made !== "object" || made === null) {
      throw new Error(`a row says to which output it goes, as in \`{ ${this.#names()[0]}: { … } }\`; \`${String(made)}\` does not`);
    }
    for (const name of Object.keys(made)) {
      const sink = this.#byName.get(name);
      if (sink === undefined) throw new Error(`there is no output \`${name}\` among \`ports\`: ${suggest(name, this.#names())}`);
      if (made[name] !== undefined) push(sink, made[name], number);
    }
  }

  #names(): string[] {
    return [...this.#byName!.keys()];
  }
}

function push(sink: Sink, made: any, number: number): void {
  sink.numbers.push(number);
  sink.rows.push(made);
}

/** What was made of `of` rows; of several outputs those that have rows. */
export function emitted(specs: readonly PortSpec[], orders: readonly string[][], sinks: Sinks, of: number): Emitted[] {
  const made: Emitted[] = [];
  for (const [port, { numbers, rows }] of sinks.each.entries()) {
    if (specs.length > 1 && rows.length === 0) continue;
    let own = 0;
    while (own < numbers.length && numbers[own] === own) own++;
    const origin = own === of && numbers.length === of ? null : bytesOf(new Uint32Array(numbers));
    const computed = { rows: rows.length, nodes: nodesOf(specs[port]!.makes, orders[port]!, rows) };
    made.push({ port, origin, computed });
  }
  return made;
}
