// Words of a line with their places; drops the line.
import { Reject, s32, transform, utf8 } from "pelton-guest";

export const words = transform({
  reads: { line: utf8 },
  makes: { word: utf8, place: s32 },
  drop: ["line"],
  *row({ line }) {
    let place = 0;
    for (const word of line.split(" ")) if (word !== "") yield { word, place: place++ };
    if (line.endsWith("?")) throw new Reject(`\`${line}\` is a question`);
  },
});
