// Words of a line with their places; drops the line.
import { DROP, Verdict, drop, emit, makes, reads, reject } from "pelton-guest";

const line = reads<string>("line");
const word = makes<string>("word");
const place = makes<i32>("place");
drop("line");

export function row(): Verdict {
  const text = line.value;
  const words = text.split(" ");
  let count = 0;
  for (let i = 0; i < words.length; i++) {
    if (words[i] == "") continue;
    word.value = words[i];
    place.value = count++;
    emit();
  }
  return text.endsWith("?") ? reject("`" + text + "` is a question") : DROP;
}
