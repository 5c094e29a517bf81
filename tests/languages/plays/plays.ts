// Lists and maps of state: read and changed in the call of the rows, and again, from the engine, in the calls of timers.
import { f64, keyed, list, map, s32, s64, timestamp, utf8 } from "pelton-guest";

const TELL = 0;

function first<T>(count: number, of: Iterable<T>): T[] {
  const taken: T[] = [];
  for (const one of of) {
    taken.push(one);
    if (taken.length === count) break;
  }
  return taken;
}

export const plays = keyed({
  key: { user: utf8 },
  reads: { song: utf8, at: timestamp },
  state: { round: s64 },
  tables: {
    recent: list({ song: utf8, at: timestamp.orNull }),
    songs: map(utf8, s64),
    places: map({ times: s32, song: utf8 }, f64),
  },
  makes: { what: utf8, text: utf8, n: s64 },
  process({ rows, state, tables: { recent, songs, places }, timers, out }) {
    const tell = () => {
      const say = (what: string, words: string[], n: bigint | number) => out.emit({ what, text: words.join(","), n: BigInt(n) });
      const dated = [...recent].filter(({ at }) => at !== null).length;
      say("recent", [...recent].map(({ song }) => song), recent.length);
      say("last", first(3, recent.reversed()).map(({ song }) => song), dated);
      say("some", recent.slice(5, 8).map(({ song }) => song), recent.at(30) === undefined ? 0 : 1);
      const all = [...songs];
      say("songs", all.map(([song, times]) => `${song}=${times}`), all.reduce((sum, [, times]) => sum + times, 0n));
      say("below", first(3, songs.entries({ to: "s12", reverse: true })).map(([song]) => song), songs.get("s01") ?? -1n);
      const twice = [...places.entries({ from: { times: 2, song: "" }, to: { times: 3, song: "" } })].map(([{ song }]) => song);
      say("twice", twice, [...places].reduce((sum, [, half]) => sum + Math.floor(half * 4), 0));
    };
    for (const play of rows) {
      const { song, at } = play;
      const times = (songs.get(song) ?? 0n) + 1n;
      songs.set(song, times);
      recent.push({ song, at: times > 1n ? at : null });
      places.set({ times: Number(times), song }, Number(times) / 2);
      if (times > 1n) places.delete({ times: Number(times) - 1, song });
      out.emit({ what: "play", text: song, n: times }, play);
      timers.set(TELL, at);
    }
    for (const _ of timers.due()) {
      const round = (state.value?.round ?? 0n) + 1n;
      state.value = { round };
      tell();
      const popped = [recent.shift(), recent.shift()].flatMap((played) => (played === undefined ? [] : [played.song]));
      out.emit({ what: "popped", text: popped.join(","), n: round });
      recent.keepLast(20);
      recent.push({ song: "last", at: null });
      songs.delete("s01");
      songs.set("zz", round);
      places.set({ times: -1, song: "ü" }, 0.25);
      tell();
      if (round === 2n) places.clear();
      if (round < 3n) timers.set(TELL, 0n);
    }
  },
});
