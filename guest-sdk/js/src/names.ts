/** The name that someone probably meant, for messages about columns and options. */

const SHOWN_MAX = 20;

/** A sentence that names the nearest of `names`, or lists them when none is near. */
export function suggest(wanted: string, names: readonly string[]): string {
  let best: string | undefined;
  let least = Infinity;
  for (const name of names) {
    const edits = distance(wanted, name);
    if (edits < least && edits <= Math.ceil(Math.max(wanted.length, name.length) / 3)) [best, least] = [name, edits];
  }
  if (best !== undefined) return `did you mean \`${best}\`?`;
  if (names.length === 0) return "there are none";
  const quoted = names.slice(0, SHOWN_MAX).map((name) => `\`${name}\``);
  if (names.length > SHOWN_MAX) return `there is ${quoted.join(", ")} and ${names.length - SHOWN_MAX} more`;
  const last = quoted.pop();
  return quoted.length === 0 ? `there is ${last}` : `there is ${quoted.join(", ")} and ${last}`;
}

/** Levenshtein's distance, blind to case: the letters to insert, delete or replace. */
function distance(left: string, right: string): number {
  const other = right.toLowerCase();
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [line, letter] of [...left.toLowerCase()].entries()) {
    const next = [line + 1];
    for (let at = 0; at < other.length; at++) {
      next.push(Math.min(row[at]! + (letter === other[at] ? 0 : 1), row[at + 1]! + 1, next[at]! + 1));
    }
    row = next;
  }
  return row[other.length]!;
}
