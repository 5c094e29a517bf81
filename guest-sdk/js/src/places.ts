/**
 * Places in the author's sources, from those in the bundle: the build appends where the bundle's lines came from, which is read only when
 * something has failed.
 */

/** `lines` has `SOURCE:LINE` from 0 for each line of the bundle, or nothing. */
interface Lines { sources: string[]; lines: string }

/** A frame of a stack with the place in the source, and whether that is the author's. */
export function placed(frame: string): { text: string; isOwn: boolean } {
  const found = /\(?[^\s()]*bundle\.js:(\d+)(?::\d+)?\)?/.exec(frame);
  const text = (globalThis as any).peltonLines as string | undefined;
  if (found === null || text === undefined) return { text: frame, isOwn: false };
  const { sources, lines } = JSON.parse(text) as Lines;
  const [source, line] = (lines.split(",")[Number(found[1]) - 1] ?? "").split(":");
  const name = sources[Number(source || -1)]?.replace(/^(\.\.?\/)+/, "");
  if (name === undefined) return { text: frame, isOwn: false };
  // What TeaVM calls a function of Java's says little: others may be in it.
  if (name.endsWith(".java")) return { text: `at ${name}:${Number(line) + 1}`, isOwn: !/\bsdk\/java\//.test(name) };
  return { text: frame.replace(found[0], `(${name}:${Number(line) + 1})`), isOwn: !/\bsdk\/(js|java)\//.test(name) };
}
