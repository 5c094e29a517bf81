/** What an endpoint knows of words: asked by a path, or by a body; what it does not know is left out. */
import { DROP, KEEP, Request, Verdict, encode, get, makes, makesOrNull, option, post, reads, readsOrNull, reject, reply } from "pelton-guest";

const least = option<i64>("least");
const what = readsOrNull<string>("what");
const n = reads<i64>("n");
const status = makes<i32>("status");
const answered = makesOrNull<string>("answer");
const whose = makesOrNull<string>("of");

export function ask(): Request | null {
  if (what.isNull || n.value < least.value) return null;
  const word = what.value;
  if (word.startsWith("count ")) return post("words", "/count", word.slice("count ".length)).header("accept", "text/plain");
  return get("words", `/words/${encode(word)}`).query("n", n.value.toString());
}

export function answer(): Verdict {
  if (!reply.isThere) {
    status.value = 0;
    return KEEP;
  }
  if (reply.error !== null) return reject("nobody answers");
  if (reply.status == 202) return reply.again("not ready yet");
  if (reply.status == 404) return DROP;
  const text = reply.text;
  if (text === null) return reject(reply.why);
  status.value = reply.status;
  answered.value = text;
  const its = reply.header("X-Of");
  if (its !== null) whose.value = its;
  return KEEP;
}
