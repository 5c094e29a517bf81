/** An enrich operator in Java: the loops over the rows are Java's, and so is what makes equal requests one. */
import { bytesOf, typed } from "../columns.ts";
import { Context } from "../context.ts";
import { Again, NO_REQUEST } from "../enrich.ts";
import type { AskedRequest, AskedRequests, BatchContext, Output, Table, ToldReply } from "../wire.ts";
import { JavaRows } from "./rows.ts";

export class JavaEnrich extends JavaRows {
  ask(batch: BatchContext, given: Table): AskedRequests {
    const requests: AskedRequest[] = [];
    const wanted = new Uint32Array(given.rows).fill(NO_REQUEST);
    // What is refused now is rejected with the answer.
    const call = { ...this.read(given, []), rejected: [], outputs: this.outputs(0), context: new Context(batch), requests, wanted };
    this.java.ask!(call, given.rows);
    return { requests, wanted: bytesOf(wanted) };
  }

  answer(batch: BatchContext, given: Table, waits: Uint8Array, replies: readonly ToldReply[]): Output {
    const rejected: { row: number; reason: string }[] = [];
    const outputs = this.outputs(given.rows);
    const wanted = typed(Uint32Array, waits, given.rows);
    const call = { ...this.read(given, rejected), rejected, outputs, context: new Context(batch), wanted, replies };
    const again = this.java.answer!(call, given.rows);
    if (again !== null && again !== undefined) throw new Again(again);
    return this.output(outputs, rejected, given.rows);
  }
}
