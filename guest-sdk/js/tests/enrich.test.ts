/** Enrich operators: what is asked, what becomes of replies, rows that are not shown, options, and mistakes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encode, enrich, f64, get, post, Reject, reject, s64, u64, utf8 } from "pelton-guest";
import type { Reply, Request } from "pelton-guest";
import { enriched, noReply, Refused, reply } from "pelton-guest/testing";

const look = enrich({
  options: { limit: s64, endpoint: utf8.default("dictionary") },
  reads: { word: utf8, weight: s64 },
  ports: {
    told: { makes: { word: utf8, text: utf8 } },
    heavy: { makes: { row: u64 }, passes: "none" },
  },
  drop: ["weight"],
  ask: ({ word }, { options }) => post(options.endpoint, `/words/${encode(word)}`, "what?", { headers: { accept: "text/plain" } }),
  // Each row asks, so there is a reply for each.
  answer({ word, weight }, reply: Reply, { options, ctx }) {
    if (String.fromCharCode(...reply.body) === "later") return reply.again(`\`${word}\` is not known yet`);
    const told = { told: { word, text: reply.text() } };
    return weight > options.limit ? { ...told, heavy: { row: BigInt(ctx.row) } } : told;
  },
});

const lines = { id: [1n, 2n, 3n, 4n], word: ["a b", null, "c", "a b"], weight: [1n, 2n, 30n, 40n] };
const options = { limit: 10 };

test("rows are told what they asked, and those that are not shown ask nothing", () => {
  const out = enriched(look, lines, { options, replies: ({ path }) => reply(200, path) });
  assert.deepEqual(out.main, { id: [1n, 3n, 4n], word: ["a b", "c", "a b"], text: ["/words/a%20b", "/words/c", "/words/a%20b"] });
  assert.deepEqual(out.ports.heavy, { row: [2n, 3n] });
  assert.deepEqual(out.rejected, [{ row: 1, reason: "`word` is null" }]);
});

test("each different request is asked once", () => {
  const told: Request[] = [];
  const replies = (request: Request) => (told.push(request), reply(200));
  const out = enriched(look, lines, { options: { limit: 10, endpoint: "other" }, replies });
  assert.deepEqual(out.requests, told);
  assert.deepEqual(told.map(({ endpoint, method, path }) => [endpoint, method, path]), [
    ["other", "POST", "/words/a%20b"], ["other", "POST", "/words/c"],
  ]);
  assert.deepEqual(told[0]!.body, new TextEncoder().encode("what?"));
  assert.deepEqual(told[0]!.headers, [["accept", "text/plain"]]);
});

test("what rows wait for crosses as numbers", () => {
  const fields = [{ name: "n", format: "l", nullable: false, children: 0 }];
  const odd = enrich({ reads: { n: s64 }, ask: ({ n }) => (n % 2n === 0n ? null : get("e", "/", { query: { n } })), answer: () => true });
  odd.open([{ name: "input", fields, key: [], mode: "append" }], "{}");
  const values = new BigInt64Array([1n, 2n, 3n, 1n]);
  const table = { rows: 4, nodes: [{ rows: 4, buffers: [new Uint8Array(0), new Uint8Array(values.buffer)] }] };
  const { requests, wanted } = odd.ask({ epoch: 1, firstRow: 0, now: 0, watermark: 0, seed: 0 }, table);
  assert.deepEqual([...new Uint32Array(wanted.buffer)], [0, 4294967295, 1, 0]);
  const nothing = { headers: [], body: new Uint8Array(0) };
  assert.deepEqual(requests, ["/?n=1", "/?n=3"].map((path) => ({ endpoint: "e", method: "GET", path, ...nothing })));
});

test("what went wrong rejects the rows that wait for it", () => {
  const replies = ({ path }: Request) => (path === "/words/c" ? reply(500) : noReply("refused"));
  const reasons = (out: { rejected: { reason: string }[] }) => out.rejected.map(({ reason }) => reason);
  assert.deepEqual(reasons(enriched(look, lines, { options, replies })), ["refused", "`word` is null", "status 500", "refused"]);
  for (const bytes of [[0xff], [0xc3], [0xc0, 0x80], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x61, 0x80], [0xe2, 0x82, 0x41]]) {
    const out = enriched(look, lines, { options, replies: () => reply(200, Uint8Array.from(bytes)) });
    assert.equal(out.rejected[0]!.reason, "the reply is not UTF-8", String(bytes));
  }
  const text = "é€🦀\u{ffff}\u{10ffff}\u{d7ff}\u{e000}";
  assert.equal((enriched(look, lines, { options, replies: () => reply(200, text) }).main.text as string[])[0], text);
});

test("a batch may be asked again", () => {
  let asked = 0;
  const out = enriched(look, lines, { options: { limit: 100 }, replies: () => reply(200, ++asked < 4 ? "later" : "now") });
  assert.deepEqual(out.main.text, ["now", "now", "now"]);
  assert.equal(asked, 6, "two requests, three times");
  assert.throws(
    () => enriched(look, lines, { options, retries: 1, replies: () => reply(200, "later") }),
    /the operator wants to ask again: `a b` is not known yet/,
  );
});

test("only what failed is asked again, and a filter makes nothing", () => {
  const asked: string[] = [];
  const patient = enrich({
    reads: { id: s64 },
    ask: ({ id }) => get("slow", `/${id}`),
    answer: (_, reply) => (reply.error === null ? reply.ok : reply.again(reply.error)),
  });
  const replies = ({ path }: Request) => (asked.push(path), asked.length === 2 ? noReply("refused") : reply(path === "/2" ? 204 : 404));
  assert.deepEqual(enriched(patient, { id: [1n, 2n] }, { replies }).main, { id: [2n] });
  assert.deepEqual(asked, ["/1", "/2", "/2"]);
});

const inEuro = enrich({
  reads: { price: f64, currency: utf8 },
  makes: { euro: f64 },
  ask: ({ currency }) => (currency === "EUR" ? null : get("rates", "/latest", { query: { of: currency, n: 1 } })),
  *answer({ price }, reply) {
    if (reply !== null && reply.status === 404) return;
    yield { euro: reply === null ? price : price * Number(reply.text()) };
  },
});

test("a row may need nothing, and a generator is a flat-map", () => {
  const rows = { currency: ["EUR", "é€", "XXX", "EUR"], price: [3, 8, 1, null] };
  const out = enriched(inEuro, rows, { replies: ({ path }) => (path.includes("%") ? reply(200, "0.5") : reply(404)) });
  assert.deepEqual([out.main.euro, out.origin], [[3, 4], [0, 1]]);
  assert.deepEqual(out.rejected, [{ row: 3, reason: "`price` is null" }]);
  assert.deepEqual(out.requests, [get("rates", "/latest?of=%C3%A9%E2%82%AC&n=1"), get("rates", "/latest?of=XXX&n=1")]);
});

test("options and columns are checked", () => {
  const refused = (rows: any, setting: any, message: string) =>
    assert.throws(() => enriched(look, rows, { replies: () => reply(200), ...setting }), (error) => error instanceof Refused && error.message === message);
  refused(lines, {}, "option `limit` is missing: it must be an integer");
  refused({ word: ["a"], weigth: [1n] }, { options }, "the input has no column `weight`, which the module reads as s64: did you mean `weigth`?");
});

test("text is encoded but for what is unreserved", () => {
  assert.equal(encode("AZaz09-_.~"), "AZaz09-_.~");
  assert.equal(encode("a/b c?&=%+!'()*\n"), "a%2Fb%20c%3F%26%3D%25%2B%21%27%28%29%2A%0A");
  assert.equal(encode("é€🦀"), "%C3%A9%E2%82%AC%F0%9F%A6%80");
  assert.equal(get("r", "/p?x", { query: { "a b": "ü" } }).path, "/p?x&a%20b=%C3%BC");
});

test("headers of a reply have no case", () => {
  const answered = reply(204, "", { "X-Left": "7" });
  assert.deepEqual([answered.header("x-left"), answered.header("x-right")], ["7", null]);
  assert.ok(answered.ok && !reply(304).ok && !noReply("gone").ok);
});

for (const [made, message] of [
  [() => get("rates", 5 as any), "the path of a request to `rates` is a string, not 5"],
  [() => get(undefined as any, "/"), "the endpoint of a request is a string, not undefined"],
  [() => post("rates", "/", { a: 1 } as any), "the body of a request to `rates` is a string or a Uint8Array, not [object Object]"],
  [() => get("rates", "/", { headers: { n: 1 } as any }), "the header `n` of a request to `rates` is a string, not 1"],
  [() => get("rates", "/", { query: { n: null } as any }), "`n` of the query to `rates` is a string or a number, not null"],
  [() => enrich({ reads: {}, answer: () => true } as any), "an enrich operator has a function `ask`, which says what to fetch for a row"],
  [() => enrich({ reads: {}, ask: () => null } as any), "an enrich operator has a function `answer`, which makes rows of the reply"],
] as [() => unknown, string][]) {
  test(`wrong: ${message}`, () => assert.throws(made, (error) => error instanceof Error && error.message === message));
}

test("what `ask` answers is checked", () => {
  const asks = (ask: () => any) => () => enriched(enrich({ reads: { n: s64 }, ask, answer: () => true }), { n: [1n] }, { replies: () => reply(200) });
  assert.throws(asks(() => "/latest"), /`ask` answered "\/latest", but what it asks for is `get\(…\)`, `post\(…\)` or null/);
  assert.throws(asks(async () => null), /`ask` answered \[object Promise\]/);
  const why = /`ask` rejects a row \(no word\): it answers null instead, and `answer` rejects the row/;
  assert.throws(asks(() => reject("no word")), why);
  assert.throws(asks(() => { throw new Reject("no word"); }), why);
  assert.throws(asks(() => { throw new RangeError("mine"); }), RangeError);
});

test("functions that keep something are caught", () => {
  let asked = 0;
  const counts = enrich({ reads: { n: s64 }, ask: () => get("e", `/${++asked}`), answer: () => true });
  assert.throws(() => enriched(counts, { n: [1n, 2n] }, { replies: () => reply(200) }), /row 0 by itself asks GET \/3/);
});
