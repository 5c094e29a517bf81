/** The name that somebody meant, for messages. */

/** A sentence that names the nearest of `names`, or all of them. */
export function suggest(wanted: string, names: string[]): string {
  let best = i32.MAX_VALUE;
  let nearest = "";
  for (let i = 0; i < names.length; i++) {
    const edits = distance(wanted.toLowerCase(), names[i].toLowerCase());
    if (edits <= (max(wanted.length, names[i].length) + 2) / 3 && edits < best) {
      best = edits;
      nearest = names[i];
    }
  }
  if (best != i32.MAX_VALUE) return "did you mean `" + nearest + "`?";
  if (names.length == 0) return "there are none";
  const shown = names.slice(0, 20).map<string>((name) => "`" + name + "`");
  if (names.length > 20) return "there is " + shown.join(", ") + " and " + (names.length - 20).toString() + " more";
  const last = shown.pop();
  return "there is " + (shown.length > 0 ? shown.join(", ") + " and " : "") + last;
}

/** Levenshtein's distance: the letters to insert, delete or replace. */
function distance(left: string, right: string): i32 {
  const row = new Array<i32>(right.length + 1);
  for (let i = 0; i <= right.length; i++) row[i] = i;
  for (let line = 0; line < left.length; line++) {
    let diagonal = row[0];
    row[0] = line + 1;
    for (let i = 0; i < right.length; i++) {
      const replaced = diagonal + i32(left.charCodeAt(line) != right.charCodeAt(i));
      diagonal = row[i + 1];
      row[i + 1] = min(replaced, min(diagonal, row[i]) + 1);
    }
  }
  return row[right.length];
}
