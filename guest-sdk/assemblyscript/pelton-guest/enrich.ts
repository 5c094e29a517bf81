/**
 * One batch of an enrich operator, which asks and then answers: what `pelton build` writes around the author's `ask` and `answer` calls these.
 *
 * The numbers are places of fields in the records of `wit/enrich.wit`, as they lie in memory.
 */
import { rowRead } from "./columns";
import { alloc, getText, grown, putList, putText, zeros } from "./memory";
import { Verdict, answer, beginRows, reject } from "./out";
import { Request } from "./request";

const REQUEST_BYTES: usize = 40;
const REPLY_BYTES: usize = 32;
const REPLY_HEADERS: usize = 4;
const REPLY_BODY: usize = 12;
const REPLY_ERROR: usize = 20;

/** What a row waits for that waits for nothing. */
const NO_REQUEST: u32 = u32.MAX_VALUE;

/** For each row the request that it waits for (u32). */
let wanted: usize = 0;
let replies: usize = 0;
let repliesCount: u32 = 0;
/** Why the batch is to be asked again, if it is. */
let again: string | null = null;

/** What an endpoint replied to the row that is looked at, or why there is no reply. */
export class Reply {
  /** Whether the row asked for something. */
  get isThere(): bool {
    return wantedBy(rowRead) != NO_REQUEST;
  }

  /** Statuses such as 404 and 500 are replies; 0 if there is none. */
  get status(): i32 {
    return load<u16>(this.at());
  }

  /**
   * Why there is no reply: a refused connection, a timeout, a body over the endpoint's `max-reply`; null if there is one. The engine has
   * sent the request as often as the endpoint's `retries` allow then.
   */
  get error(): string | null {
    const at = this.at();
    return load<u8>(at, REPLY_ERROR) == 0 ? null : getText(at + REPLY_ERROR + 4);
  }

  /** A status from 200 to 299. */
  get isOk(): bool {
    const status = this.status;
    return load<u8>(this.at(), REPLY_ERROR) == 0 && status >= 200 && status < 300;
  }

  /** The first header of this name, whatever its case; null if there is none. */
  header(name: string): string | null {
    const headers = load<usize>(this.at(), REPLY_HEADERS);
    const count = load<u32>(this.at(), REPLY_HEADERS + 4);
    const wanted = name.toLowerCase();
    for (let i: usize = 0; i < count; i++) {
      if (getText(headers + (i << 4)).toLowerCase() == wanted) return getText(headers + (i << 4) + 8);
    }
    return null;
  }

  /** A copy of what came. */
  get body(): Uint8Array {
    const bytes = new Uint8Array(load<i32>(this.at(), REPLY_BODY + 4));
    memory.copy(bytes.dataStart, load<usize>(this.at(), REPLY_BODY), bytes.length);
    return bytes;
  }

  /** The body of a reply that is ok, as text; null if it is none: see `why`. */
  get text(): string | null {
    return this.isOk && this.isUtf8 ? getText(this.at() + REPLY_BODY) : null;
  }

  /** What came in the place of a text: the error, `status 404`, or that it is not UTF-8. Empty if one came. */
  get why(): string {
    const error = this.error;
    if (error !== null) return error;
    if (!this.isOk) return "status " + this.status.toString();
    return this.isUtf8 ? "" : "the reply is not UTF-8";
  }

  /**
   * Has the whole batch asked again, after a while: replies that are errors, or all if there are none such. If that was done as often as the
   * endpoint allows, the job fails. `return reply.again("not ready yet");`
   */
  again(why: string): Verdict {
    this.at();
    if (again === null) again = why;
    return reject(why);
  }

  private get isUtf8(): bool {
    return isUtf8(load<usize>(this.at(), REPLY_BODY), load<usize>(this.at(), REPLY_BODY + 4));
  }

  private at(): usize {
    const number = wantedBy(rowRead);
    assert(number != NO_REQUEST, "the row asked for nothing, so there is no reply: look at reply.isThere first");
    assert(number < repliesCount, "the engine has no reply for a row that waits for one");
    return replies + <usize>number * REPLY_BYTES;
  }
}

/** That of the row which `answer` looks at. */
@lazy
export const reply: Reply = new Reply();

@inline
function wantedBy(row: i32): u32 {
  assert(repliesAreHere, "replies are for `answer`");
  return load<u32>(wanted + (<usize>row << 2));
}

let repliesAreHere: bool = false;

/** Whether bytes are UTF-8, as the Unicode standard has it: in the shortest form, without surrogates, up to U+10FFFF. */
function isUtf8(at: usize, size: usize): bool {
  const end = at + size;
  while (at < end) {
    const first = load<u8>(at++);
    if (first < 0x80) continue;
    const more: usize = first >= 0xc2 && first < 0xe0 ? 1 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3 : 0;
    if (more == 0 || end - at < more) return false;
    const least: u8 = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const most: u8 = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (load<u8>(at) < least || load<u8>(at) > most) return false;
    for (let i: usize = 1; i < more; i++) if ((load<u8>(at + i) & 0xc0) != 0x80) return false;
    at += more;
  }
  return true;
}

/** Each different request once, and a table of them by their hashes: a slot has the number of a request, from 1, or 0. */
let requests: usize = 0;
let requestsCount: u32 = 0;
let requestsRoom: u32 = 0;
let slots: usize = 0;
let mask: u32 = 0;

/** Begins a call of `ask`; how many rows there are. */
export function beginAsk(epoch: u64, first: u64, now: i64, watermark: i64, seed: u64, rows: i32, nodes: usize): void {
  beginRows(epoch, first, now, watermark, seed, rows, nodes);
  repliesAreHere = false;
  wanted = alloc(<usize>rows << 2);
  memory.fill(wanted, 0xff, <usize>rows << 2);
  requestsCount = requestsRoom = 0;
  requests = 0;
  let size: u32 = 4;
  while (size < 2 * <u32>rows) size <<= 1;
  slots = zeros(<usize>size << 2);
  mask = size - 1;
}

/** Takes what the row asks that is looked at. */
export function leaveAsk(request: Request | null): void {
  if (request === null) return;
  const written = write(request);
  let slot = <u32>hashOf(written) & mask;
  let number = load<u32>(slots + (<usize>slot << 2));
  while (number != 0 && !isSame(requests + <usize>(number - 1) * REQUEST_BYTES, written)) {
    slot = (slot + 1) & mask;
    number = load<u32>(slots + (<usize>slot << 2));
  }
  if (number == 0) {
    if (requestsCount == requestsRoom) {
      const room = max<u32>(64, 2 * requestsRoom);
      requests = grown(requests, <usize>requestsCount * REQUEST_BYTES, <usize>room * REQUEST_BYTES);
      requestsRoom = room;
    }
    memory.copy(requests + <usize>requestsCount * REQUEST_BYTES, written, REQUEST_BYTES);
    number = ++requestsCount;
    store<u32>(slots + (<usize>slot << 2), number);
  }
  store<u32>(wanted + (<usize>rowRead << 2), number - 1);
}

/** The answer to `ask`, of so many rows. */
export function asked(rows: i32): usize {
  const result = zeros(20);
  putList(result + 4, requests, requestsCount);
  putList(result + 12, wanted, <usize>rows << 2);
  return result;
}

/** Begins a call of `answer`. */
export function beginAnswer(
  epoch: u64, first: u64, now: i64, watermark: i64, seed: u64, rows: i32, nodes: usize, its: usize, told: usize, count: u32,
): void {
  beginRows(epoch, first, now, watermark, seed, rows, nodes);
  repliesAreHere = true;
  wanted = its;
  replies = told;
  repliesCount = count;
  again = null;
}

/** The answer to `answer`: what was made of the rows, or that the batch is to be asked again. */
export function answered(): usize {
  const why = again;
  if (why === null) return answer();
  const result = zeros(20);
  store<u8>(result, 1);
  // 0: retry
  putText(result + 8, why);
  return result;
}

/** The record of a request. */
function write(request: Request): usize {
  const record = alloc(REQUEST_BYTES);
  putText(record, request.endpoint);
  putText(record + 8, request.method);
  putText(record + 16, request.path);
  const headers = request.headers;
  const list = alloc(<usize>headers.length << 3);
  for (let i = 0; i < headers.length; i++) putText(list + (<usize>i << 3), headers[i]);
  putList(record + 24, list, headers.length >> 1);
  const body = alloc(request.body.length);
  memory.copy(body, request.body.dataStart, request.body.length);
  putList(record + 32, body, request.body.length);
  return record;
}

/** The texts of a record: endpoint, method, path and body, and those of the headers. */
function isSame(left: usize, right: usize): bool {
  const count = load<u32>(left, 28) << 1;
  if (count != load<u32>(right, 28) << 1) return false;
  for (let at: usize = 0; at < REQUEST_BYTES; at += 8) if (at != 24 && !isSameText(left + at, right + at)) return false;
  for (let i: usize = 0; i < count; i++) {
    if (!isSameText(load<usize>(left, 24) + (i << 3), load<usize>(right, 24) + (i << 3))) return false;
  }
  return true;
}

function isSameText(left: usize, right: usize): bool {
  const size = load<usize>(left, 4);
  return size == load<usize>(right, 4) && memory.compare(load<usize>(left), load<usize>(right), size) == 0;
}

function hashOf(record: usize): u64 {
  let hash: u64 = 0xcbf29ce484222325;
  for (let at: usize = 0; at < REQUEST_BYTES; at += 8) if (at != 24) hash = hashed(hash, record + at);
  const count = load<u32>(record, 28) << 1;
  for (let i: usize = 0; i < count; i++) hash = hashed(hash, load<usize>(record, 24) + (i << 3));
  return hash ^ (hash >> 29);
}

/** FNV-1a of a text and its size. */
function hashed(hash: u64, text: usize): u64 {
  const size = load<usize>(text, 4);
  const bytes = load<usize>(text);
  for (let at: usize = 0; at < size; at++) hash = (hash ^ load<u8>(bytes + at)) * 0x100000001b3;
  return (hash ^ size) * 0x100000001b3;
}
