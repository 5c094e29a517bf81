/** What an enrich operator asks of an endpoint, by the name that the job file gives it; made by `get` and `post`, and encoded for a path. */

/**
 * What is asked. The engine sends it: it adds the endpoint's URL and its secrets. It may be sent more than once: it should ask, and change
 * nothing.
 */
export class Request {
  /** Names and values, one after the other. */
  readonly headers: string[] = [];
  body: Uint8Array = new Uint8Array(0);

  constructor(readonly endpoint: string, readonly method: string, public path: string) {}

  /** Adds `name=value` to the query, encoded. */
  query(name: string, value: string): Request {
    this.path += (this.path.includes("?") ? "&" : "?") + encode(name) + "=" + encode(value);
    return this;
  }

  /** Adds a header. Those that the job file sets, and those that say how the request is sent, are not a module's to set. */
  header(name: string, value: string): Request {
    this.headers.push(name);
    this.headers.push(value);
    return this;
  }
}

/** Asks for what is at `path`, which is appended to the endpoint's URL. Parts of it that come from rows are to be encoded. */
export function get(endpoint: string, path: string): Request {
  return new Request(endpoint, "GET", path);
}

/** Asks by `body`, a `string` or a `Uint8Array`, at `path`. */
export function post<T>(endpoint: string, path: string, body: T): Request {
  const request = new Request(endpoint, "POST", path);
  if (isString<T>()) request.body = Uint8Array.wrap(String.UTF8.encode(changetype<string>(body)));
  else request.body = changetype<Uint8Array>(body);
  return request;
}

const DIGITS: StaticArray<u8> = [0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46];

function isUnreserved(byte: u8): bool {
  const letter = byte | 0x20;
  if ((letter >= 0x61 && letter <= 0x7a) || (byte >= 0x30 && byte <= 0x39)) return true;
  return byte == 0x2d || byte == 0x5f || byte == 0x2e || byte == 0x7e;
}

/**
 * Text as it may stand within a segment of a path, or in a query: all but letters, digits, `-`, `_`, `.` and `~` becomes `%41`. The engine
 * refuses a segment that is `.` or `..`, however it is written: a row that may have one is for `null`.
 */
export function encode(text: string): string {
  const bytes = Uint8Array.wrap(String.UTF8.encode(text));
  const encoded = new Uint8Array(3 * bytes.length);
  let size = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (isUnreserved(byte)) {
      encoded[size++] = byte;
      continue;
    }
    encoded[size++] = 0x25;
    encoded[size++] = DIGITS[byte >> 4];
    encoded[size++] = DIGITS[byte & 15];
  }
  return String.UTF8.decodeUnsafe(encoded.dataStart, size);
}
