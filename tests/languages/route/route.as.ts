/** The words of a line, its numbers and empty lines, each by an output of its own; a line with `!` is refused as a whole. */
import { DROP, Verdict, drop, emit, makes, port, reads, reject } from "pelton-guest";

const line = reads<string>("line");
const n = makes<i64>("n");

const words = port("words");
const word = words.makes<string>("word");
const place = words.makes<i32>("place");
words.passOnly(["id"]);
words.rename("id", "row");

const blanks = port("blanks");
blanks.passAll();

drop("line");

function isNumber(token: string): bool {
  for (let at = 0; at < token.length; at++) {
    const digit = token.charCodeAt(at);
    if (digit < 0x30 || digit > 0x39) return false;
  }
  return true;
}

export function row(): Verdict {
  const text = line.value;
  if (text == "") blanks.emit();
  const tokens = text.split(" ");
  let count = 0;
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (token == "") continue;
    if (token == "!") return reject(`\`${text}\` is a shout`);
    if (isNumber(token)) {
      n.value = I64.parseInt(token);
      emit();
    } else {
      word.value = token;
      place.value = count;
      words.emit();
    }
    count++;
  }
  return DROP;
}
