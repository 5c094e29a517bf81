/** Rows through an enrich operator, with a function of the test in the place of the endpoints: `enriched`. */
import type { Headers, Request } from "./asked.ts";
import { keyOf, Reply } from "./asked.ts";
import { bytesOf } from "./columns.ts";
import type { Enrich } from "./enrich.ts";
import { Again } from "./enrich.ts";
import type { Out, Setting } from "./testing.ts";
import { assembled, checkCuts, ONE_BY_ONE_MAX, recording } from "./testing.ts";
import type { Values } from "./testing-rows.ts";
import { Given, opened, range } from "./testing-rows.ts";
import type { BatchContext, Table, ToldReply } from "./wire.ts";

export interface EnrichSetting extends Omit<Setting, "tables" | "tableSchemas"> {
  /** What each request is answered. */
  replies(request: Request): Reply;
  /** How often the batch may be asked again because of `reply.again(…)`; 3 times otherwise. */
  retries?: number;
}

export interface Enriched extends Out {
  /** What was asked for all rows, each different request once. */
  requests: Request[];
}

/** A reply: `reply(200, "0.5")`. */
export const reply = (status: number, body: string | Uint8Array = "", headers: Headers = {}): Reply => new Reply(status, body, headers, null);

/** No answer, and why there is none. */
export const noReply = (error: string): Reply => new Reply(0, "", {}, error);

/**
 * Asks for `rows`, and answers them with what `replies` says to each request. What `reply.again(…)` wants is asked again as by the engine: the requests
 * whose replies are errors, or all if there are none such. Rows that are run one by one as well are told what all of them were told.
 */
export function enriched(operator: Enrich<any, any, any, any, any>, rows: Values, setting: EnrichSetting): Enriched {
  const given = Given.of(rows, setting.schema);
  const contract = opened(() => operator.open([given.input()], JSON.stringify(setting.options ?? {})));
  const told = new Map<string, Reply>();
  const ask = (requests: Request[]): void => {
    for (const request of requests) {
      const answer: unknown = setting.replies(request);
      if (!(answer instanceof Reply)) throw new Error(`\`replies\` answers with \`reply(…)\` or \`noReply(…)\`, not ${String(answer)}`);
      told.set(keyOf(request), answer);
    }
  };
  const batch = (start: number, end: number): [BatchContext, Table] => {
    const { epoch = 1, firstRow = 0, now = 0, watermark = -(2 ** 63), seed = 0 } = setting;
    return [{ epoch, firstRow: firstRow + start, now, watermark, seed }, given.table(contract.reads[0]!, range(start, end))];
  };
  const answered = (start: number, end: number, requests: Request[], wanted: Uint32Array): Enriched => {
    const replies = requests.map((request) => wired(told.get(keyOf(request))!));
    const output = operator.answer(...batch(start, end), bytesOf(wanted), replies);
    return { ...assembled(contract, output, rows, start, end - start), requests };
  };
  const whole = (): Enriched => {
    const { requests, wanted } = operator.asked(...batch(0, given.count));
    ask(requests);
    for (let left = setting.retries ?? 3; ; left--) {
      try {
        return answered(0, given.count, requests, wanted);
      } catch (error) {
        if (!(error instanceof Again)) throw error;
        if (left <= 0) throw new Error(`the operator wants to ask again: ${error.message}`);
      }
      const failed = requests.filter((request) => told.get(keyOf(request))!.error !== null);
      ask(failed.length > 0 ? failed : requests);
    }
  };
  const alone = (row: number): Enriched => {
    const { requests, wanted } = operator.asked(...batch(row, row + 1));
    const strange = requests.find((request) => !told.has(keyOf(request)));
    if (strange !== undefined) {
      const { method, path } = strange;
      throw new Error(`what is asked depends on how rows are cut into batches: row ${row} by itself asks ${method} ${path}`);
    }
    return answered(row, row + 1, requests, wanted);
  };
  const [out, recorded] = recording(whole);
  if (given.count > 1 && given.count <= ONE_BY_ONE_MAX) {
    const parts = range(0, given.count).map(alone);
    checkCuts(out, parts);
    const keys = (requests: Request[]): string => [...new Set(requests.map(keyOf))].join("\n");
    const oneByOne = keys(parts.flatMap(({ requests }) => requests));
    if (oneByOne !== keys(out.requests)) {
      throw new Error(`what is asked depends on how rows are cut into batches:\n  all at once: ${keys(out.requests)}\n  one by one:  ${oneByOne}`);
    }
  }
  return { ...out, ...recorded };
}

const wired = ({ status, headers, body, error }: Reply): ToldReply => ({ status, headers: headers.map(([name, value]) => [name, value]), body, error });
