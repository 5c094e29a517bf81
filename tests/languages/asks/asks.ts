// What an endpoint knows of words: asked by a path, or by a body; what it does not know is left out.
import { encode, enrich, get, post, reject, s32, s64, utf8 } from "pelton-guest";

export const asks = enrich({
  options: { least: s64 },
  reads: { what: utf8.orNull, n: s64 },
  makes: { status: s32, answer: utf8.orNull, of: utf8.orNull },
  ask({ what, n }, { options }) {
    if (what === null || n < options.least) return null;
    if (what.startsWith("count ")) return post("words", "/count", what.slice("count ".length), { headers: { accept: "text/plain" } });
    return get("words", `/words/${encode(what)}`, { query: { n } });
  },
  answer(_, reply) {
    if (reply === null) return { status: 0, answer: null, of: null };
    if (reply.error !== null) return reject("nobody answers");
    if (reply.status === 202) return reply.again("not ready yet");
    if (reply.status === 404) return null;
    return { status: reply.status, answer: reply.text(), of: reply.header("X-Of") };
  },
});
