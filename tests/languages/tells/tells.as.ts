/**
 * The words that an endpoint makes of a line, one row for each; lines that it does not know, and empty ones, leave by outputs of their own; a `!` among the
 * words refuses the line as a whole.
 */
import { DROP, Request, Verdict, drop, emit, makes, option, port, post, reads, reject, reply } from "pelton-guest";

const separator = option<string>("separator").or(",");
const line = reads<string>("line");
const word = makes<string>("word");
const place = makes<i32>("place");

const unknown = port("unknown");
const status = unknown.makes<i32>("status");
unknown.passOnly(["id"]);
unknown.rename("id", "row");

const blanks = port("blanks");
blanks.passAll();

drop("line");

export function ask(): Request | null {
  if (line.value == "") return null;
  return post("words", "/split", Uint8Array.wrap(String.UTF8.encode(line.value)))
    .query("as", "text/plain").query("all", "").header("x-of", "tells");
}

export function answer(): Verdict {
  if (!reply.isThere) {
    blanks.emit();
    blanks.emit();
    return DROP;
  }
  if (reply.status == 404) {
    status.value = 404;
    unknown.emit();
    return DROP;
  }
  const text = reply.text;
  if (text === null) return reject(reply.why);
  const words = text.split(separator.value);
  for (let at = 0; at < words.length; at++) {
    if (words[at] == "!") return reject(`\`${line.value}\` is a shout`);
    if (words[at] == "?") {
      status.value = reply.status;
      unknown.emit();
    } else {
      word.value = words[at];
      place.value = at;
      emit();
    }
  }
  return DROP;
}
