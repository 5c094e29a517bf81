/**
 * `enrich(…)`: a function that says what to fetch for a row, and one that makes rows of the reply, as an operator.
 *
 * The engine sends what is asked, each different request of a batch once, and calls `answer` with the same rows. Rows are loaded twice, by the same
 * rules, so that both functions see the same ones; one that is refused asks nothing and is rejected with the answer.
 */
import { asked, keyOf, Reply, Request, shown, told } from "./asked.ts";
import { compile } from "./batch.ts";
import { bytesOf, typed, Unfit } from "./columns.ts";
import { Context } from "./context.ts";
import type { Plan } from "./contract.ts";
import { fitPorts, readOptions } from "./contract.ts";
import type { PortSpec, Ports } from "./ports.ts";
import { portSpecs } from "./ports.ts";
import type { Answer, Common, Given } from "./rows.ts";
import { load, Refused, Reject, runRows } from "./rows.ts";
import type { Columns, Row } from "./types.ts";
import type { AskedRequests, BatchContext, Contract, Input, Output, Table, ToldReply } from "./wire.ts";

/** What a row waits for that waits for nothing. */
export const NO_REQUEST = 0xffff_ffff;

/** What `answer` is given: null for a row that asked nothing, if `ask` may answer so. */
export type ReplyTo<Q> = [Q] extends [Request] ? Reply : Reply | null;

export interface EnrichDefinition<
  R extends Columns, M extends Columns, O extends Columns, P extends Ports = {}, Q extends Request | null | undefined = Request | null,
> extends Common<R, M, O, P> {
  /** What to fetch for a row, or null. It cannot reject. */
  ask(row: Row<R>, given: Given<O>): Q;
  /** What becomes of the row and its reply: as in a transform. */
  answer(row: Row<R>, reply: ReplyTo<Q>, given: Given<O>): Answer<M, P>;
}

/** The batch is to be asked again, and why. */
export class Again extends Error {}

/** An operator; `ask` and `answer` are the author's own functions. */
export class Enrich<
  R extends Columns = Columns, M extends Columns = Columns, O extends Columns = Columns, P extends Ports = Ports,
  Q extends Request | null | undefined = Request | null,
> {
  readonly definition: EnrichDefinition<R, M, O, P, Q>;
  readonly #ports: PortSpec[];
  #opened: { plan: Plan; options: any } | null = null;

  constructor(definition: EnrichDefinition<R, M, O, P, Q>) {
    for (const [name, does] of [["ask", "says what to fetch for a row"], ["answer", "makes rows of the reply"]] as const) {
      if (typeof definition[name] !== "function") throw new Error(`an enrich operator has a function \`${name}\`, which ${does}`);
    }
    this.definition = definition;
    this.#ports = portSpecs(definition, "all");
  }

  /** Throws `Unfit` with words for the job's owner. */
  open(inputs: Input[], text: string): Contract {
    const { reads, options = {}, passes = "all", drop = [], rename = {} } = this.definition;
    const read = readOptions(options, text);
    const [contract, plan] = fitPorts(inputs, reads, this.#ports, { passes, drop, rename });
    this.#opened = { plan, options: read };
    return contract;
  }

  /** Each different request once, in the order in which rows ask for them; and for each row the number of its own. */
  asked(context: BatchContext, table: Table): { requests: Request[]; wanted: Uint32Array } {
    const { plan, options } = this.#opened!;
    const { reads, ask } = this.definition;
    const { fields, views, refused } = load(reads, table, plan.formats);
    const read = compile(fields, views);
    const place = { row: 0 };
    const given = { options, ctx: new Context(context, place) };
    const requests = new Requests(table.rows);
    for (let row = 0; row < table.rows; row++) {
      if (refused !== null && refused.has(row)) continue;
      place.row = row;
      requests.take(row, wantedBy(() => ask(read(row) as Row<R>, given)));
    }
    return requests;
  }

  /** The same, as it crosses to the host. */
  ask(context: BatchContext, table: Table): AskedRequests {
    const { requests, wanted } = this.asked(context, table);
    return { requests: requests.map(asked), wanted: bytesOf(wanted) };
  }

  /** Throws `Again` where a row said so. */
  answer(context: BatchContext, table: Table, wanted: Uint8Array, replies: readonly ToldReply[]): Output {
    const { plan, options } = this.#opened!;
    const { reads, ports, answer } = this.definition;
    const loaded = load(reads, table, plan.formats);
    const all = new Replies(wanted, table.rows, replies);
    const place = { row: 0 };
    const given = { options, ctx: new Context(context, place) };
    const outputs = { specs: this.#ports, orders: plan.orders, hasPorts: ports !== undefined };
    const answered = (row: Row<R>): Answer<M, P> => answer(row, all.of(place.row) as ReplyTo<Q>, given);
    const emitted = runRows(loaded, answered, given, place, outputs);
    all.check();
    return { emitted, rejected: loaded.rejected.sort((a, b) => a.row - b.row) };
  }
}

/** What `ask` answers for a row, if that can be asked. */
function wantedBy(ask: () => unknown): Request | null {
  let request: unknown;
  let why: string | null = null;
  try {
    request = ask();
    if (request instanceof Refused) why = request.rejected;
  } catch (error) {
    if (!(error instanceof Reject)) throw error;
    why = error.message;
  }
  if (why !== null) throw new Unfit(`\`ask\` rejects a row (${why}): it answers null instead, and \`answer\` rejects the row`);
  if (request === null || request === undefined || request instanceof Request) return request ?? null;
  throw new Unfit(`\`ask\` answered ${shown(request)}, but what it asks for is \`get(…)\`, \`post(…)\` or null`);
}

/** Each different request, and which row waits for which. */
export class Requests {
  readonly requests: Request[] = [];
  readonly wanted: Uint32Array;
  readonly #known = new Map<string, number>();

  constructor(rows: number) {
    this.wanted = new Uint32Array(rows).fill(NO_REQUEST);
  }

  take(row: number, request: Request | null): void {
    if (request === null) return;
    const key = keyOf(request);
    let number = this.#known.get(key);
    if (number === undefined) {
      number = this.requests.push(request) - 1;
      this.#known.set(key, number);
    }
    this.wanted[row] = number;
  }
}

/** The replies of a call, and which row waits for which. */
class Replies {
  readonly #replies: readonly Reply[];
  readonly #wanted: Uint32Array;

  constructor(wanted: Uint8Array, rows: number, replies: readonly ToldReply[]) {
    this.#replies = replies.map(told);
    this.#wanted = typed(Uint32Array, wanted, rows);
  }

  of(row: number): Reply | null {
    const wanted = this.#wanted[row]!;
    if (wanted === NO_REQUEST) return null;
    const reply = this.#replies[wanted];
    if (reply === undefined) throw new Unfit("the engine has no reply for a row that waits for one");
    return reply;
  }

  /** Throws `Again` if the batch is to be asked again. */
  check(): void {
    for (const reply of this.#replies) {
      const why = Reply.again(reply);
      if (why !== null) throw new Again(why);
    }
  }
}

/** Makes a definition an operator. A module exports one. */
export function enrich<
  R extends Columns, M extends Columns = {}, O extends Columns = {}, P extends Ports = {},
  Q extends Request | null | undefined = Request | null,
>(definition: EnrichDefinition<R, M, O, P, Q>): Enrich<R, M, O, P, Q> {
  return new Enrich(definition);
}
