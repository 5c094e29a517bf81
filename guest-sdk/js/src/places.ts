/**
 * Places in the author's sources, from those in the bundle: the build appends the bundler's source map, which is read only when something
 * has failed.
 */

interface SourceMap { sources: string[]; mappings: string }

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** A frame of a stack with the place in the source, and whether that is the author's. */
export function placed(frame: string): { text: string; isOwn: boolean } {
  const found = /\(?[^\s()]*bundle\.js:(\d+)(?::(\d+))?\)?/.exec(frame);
  const text = (globalThis as any).peltonSourceMap as string | undefined;
  if (found === null || text === undefined) return { text: frame, isOwn: false };
  const map = JSON.parse(text) as SourceMap;
  const place = lookUp(map, Number(found[1]) - 1, Number(found[2] ?? 1) - 1);
  if (place === null) return { text: frame, isOwn: false };
  const source = map.sources[place.source]!.replace(/^(\.\.?\/)+/, "");
  return { text: frame.replace(found[0], `(${source}:${place.line + 1})`), isOwn: !source.includes("sdk/js/src/") };
}

/** The place of the last mapping at or before a column of a line; the first of the line, if all are behind it. */
function lookUp(map: SourceMap, line: number, column: number): { source: number; line: number } | null {
  let [source, at, from] = [0, 0, 0];
  let found: { source: number; line: number } | null = null;
  for (const [number, segments] of map.mappings.split(";").entries()) {
    if (number > line) break;
    let made = 0;
    for (const segment of segments === "" ? [] : segments.split(",")) {
      const [columns, sources, lines, columnsFrom] = decoded(segment);
      made += columns!;
      if (sources === undefined) continue;
      [source, at, from] = [source + sources, at + lines!, from + columnsFrom!];
      if (number === line && (found === null || made <= column)) found = { source, line: at };
    }
  }
  return found;
}

/** The numbers of a segment, in base 64 with a sign in the last bit and a bit for "more". */
function decoded(segment: string): number[] {
  const numbers: number[] = [];
  let [value, shift] = [0, 0];
  for (const letter of segment) {
    const digit = DIGITS.indexOf(letter);
    value |= (digit & 31) << shift;
    shift += 5;
    if ((digit & 32) !== 0) continue;
    numbers.push((value & 1) === 1 ? -(value >> 1) : value >> 1);
    [value, shift] = [0, 0];
  }
  return numbers;
}
