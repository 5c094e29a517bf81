/** What an enrich operator asks, and what it is told: requests and replies. */
import { asciiText, decode, encode as encodeUtf8, isAscii, NOTHING } from "./columns.ts";
import type { Rejection } from "./rows.ts";
import { Reject, reject } from "./rows.ts";
import type { AskedRequest, ToldReply } from "./wire.ts";

/** In pairs where a name comes more than once. */
export type Headers = Readonly<Record<string, string>> | readonly (readonly [string, string])[];

/** What a request has besides its path and body. */
export interface Asking {
  /** Encoded, and appended to the path. */
  query?: Readonly<Record<string, string | number | bigint>>;
  headers?: Headers;
}

/** A request to an endpoint, by the name that the job file gives it: what `get` and `post` make. */
export class Request {
  readonly endpoint: string;
  readonly method: "GET" | "POST";
  /** With the query. */
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;

  constructor(endpoint: string, method: "GET" | "POST", path: string, { query = {}, headers = [] }: Asking, body: string | Uint8Array) {
    this.endpoint = text("the endpoint of a request", endpoint);
    this.method = method;
    let whole = text(`the path of a request to \`${endpoint}\``, path);
    for (const [name, value] of Object.entries(query)) {
      if (!["string", "number", "bigint"].includes(typeof value)) throw new TypeError(`\`${name}\` of the query to \`${endpoint}\` is a string or a number, not ${shown(value)}`);
      whole += `${whole.includes("?") ? "&" : "?"}${encode(name)}=${encode(String(value))}`;
    }
    this.path = whole;
    this.headers = pairs(`a request to \`${endpoint}\``, headers);
    this.body = bytes(`the body of a request to \`${endpoint}\``, body);
  }
}

/** Asks for what is at `path`, which is appended to the endpoint's URL. Parts of it that come from rows are to be `encode`d. */
export const get = (endpoint: string, path: string, asking: Asking = {}): Request => new Request(endpoint, "GET", path, asking, NOTHING);

/** Asks by `body`, at `path`. It may be sent more than once: it should ask, and change nothing. */
export const post = (endpoint: string, path: string, body: string | Uint8Array, asking: Asking = {}): Request =>
  new Request(endpoint, "POST", path, asking, body);

/**
 * Text as it may stand within a segment of a path: all but letters, digits, `-`, `_`, `.` and `~` becomes `%41`. The engine refuses a segment
 * that is `.` or `..`, however it is written: a row that may have one is for `null`.
 */
export function encode(given: string): string {
  let encoded = "";
  for (const byte of utf8Of(given)) {
    const letter = String.fromCharCode(byte);
    encoded += UNRESERVED.test(letter) ? letter : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** As RFC 3986 has it. */
const UNRESERVED = /^[A-Za-z0-9._~-]$/;

/**
 * What was answered, or why nothing was. Statuses such as 404 and 500 are replies; a refused connection, a timeout, or a body over the endpoint's
 * `max-reply` is an `error`.
 */
export class Reply {
  /** 0 if there is no answer. */
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
  /** Why no answer came; null if one did. */
  readonly error: string | null;
  #again: string | null = null;

  constructor(status: number, body: string | Uint8Array, headers: Headers, error: string | null) {
    this.status = status;
    this.headers = pairs("a reply", headers);
    this.body = bytes("the body of a reply", body);
    this.error = error;
  }

  /** A status from 200 to 299. */
  get ok(): boolean {
    return this.error === null && this.status >= 200 && this.status < 300;
  }

  /** The first header of this name, whatever its case; null if there is none. */
  header(name: string): string | null {
    const wanted = name.toLowerCase();
    return this.headers.find(([header]) => header.toLowerCase() === wanted)?.[1] ?? null;
  }

  /** The body of a reply that is ok. Of any other it rejects the row, with what came instead. */
  text(): string {
    if (this.error !== null) throw new Reject(this.error);
    if (!this.ok) throw new Reject(`status ${this.status}`);
    if (isAscii(this.body)) return asciiText(this.body);
    if (!isUtf8(this.body)) throw new Reject("the reply is not UTF-8");
    return decode(this.body);
  }

  /**
   * `return reply.again("not ready yet")`: has the whole batch asked again, after a while: replies that are errors, or all if there are none such. If
   * that was done as often as the endpoint allows, the job fails.
   */
  again(why: string): Rejection {
    this.#again = String(why);
    return reject(this.#again);
  }

  /** Why the batch is to be asked again, if it is; the SDK's. */
  static again(of: Reply): string | null {
    return of.#again;
  }
}

/** A request as it crosses to the host. */
export const asked = ({ endpoint, method, path, headers, body }: Request): AskedRequest =>
  ({ endpoint, method, path, headers: headers.map(([name, value]) => [name, value]), body });

export const told = ({ status, headers, body, error }: ToldReply): Reply => new Reply(status, body, headers, error ?? null);

/** What two requests have in common that are the same. */
export const keyOf = ({ endpoint, method, path, headers, body }: Request): string =>
  JSON.stringify([endpoint, method, path, headers, asciiText(body)]);

function utf8Of(given: string): number[] {
  const out: number[] = [];
  encodeUtf8(given, out);
  return out;
}

/** Whether all of it is UTF-8: no byte too many or too few, no half of a pair, nothing that could be written shorter. */
function isUtf8(given: Uint8Array): boolean {
  for (let at = 0; at < given.length; ) {
    const first = given[at++]!;
    if (first < 0x80) continue;
    if (first < 0xc2 || first > 0xf4) return false;
    const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    const end = at + (first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3);
    if (end > given.length || given[at]! < least || given[at]! > most) return false;
    while (++at < end) if (given[at]! < 0x80 || given[at]! > 0xbf) return false;
  }
  return true;
}

/** JavaScript has no types that a compiler would have checked. */
function text(of: string, given: unknown): string {
  if (typeof given !== "string") throw new TypeError(`${of} is a string, not ${shown(given)}`);
  return given;
}

function bytes(of: string, given: unknown): Uint8Array {
  if (given instanceof Uint8Array) return given;
  if (typeof given !== "string") throw new TypeError(`${of} is a string or a Uint8Array, not ${shown(given)}`);
  return Uint8Array.from(utf8Of(given));
}

function pairs(of: string, headers: Headers): (readonly [string, string])[] {
  const given = Array.isArray(headers) ? headers : Object.entries(headers);
  return given.map(([name, value]) => [text(`the name of a header of ${of}`, name), text(`the header \`${name}\` of ${of}`, value)]);
}

export function shown(given: unknown): string {
  if (typeof given === "string") return JSON.stringify(given);
  return typeof given === "object" && given !== null ? Object.prototype.toString.call(given) : String(given);
}
