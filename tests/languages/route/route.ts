/** The words of a line, its numbers and empty lines, each by an output of its own; a line with `!` is refused as a whole. */
import { Reject, s32, s64, transform, utf8 } from "pelton-guest";

export const route = transform({
  reads: { line: utf8 },
  ports: {
    numbers: { makes: { n: s64 } },
    words: { makes: { word: utf8, place: s32 }, passes: ["id"], rename: { id: "row" } },
    blanks: { passes: "all" },
  },
  drop: ["line"],
  *row({ line }) {
    if (line === "") yield { blanks: {} };
    for (const [place, token] of line.split(" ").filter((token) => token !== "").entries()) {
      if (token === "!") throw new Reject(`\`${line}\` is a shout`);
      yield /^[0-9]+$/.test(token) ? { numbers: { n: BigInt(token) } } : { words: { word: token, place } };
    }
  },
});
