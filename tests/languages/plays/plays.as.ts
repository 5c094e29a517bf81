// Lists and maps of state: read and changed in the call of the rows, and again, from the engine, in the calls of timers.
import {
  Cursor, Held, emit, emitRow, keeps, list, makes, map, nextRow, nextTimer, reads, readsTimestamp, setTimer,
} from "pelton-guest";

const song = reads<string>("song");
const at = readsTimestamp("at");
const round = keeps<i64>("round");

const recent = list("recent");
const recentSong = recent.holds<string>("song");
const recentAt = recent.holdsTimestampOrNull("at");
const songs = map("songs");
const songsKey = songs.by<string>("key");
const songsTimes = songs.holds<i64>("value");
const places = map("places");
const placeTimes = places.by<i32>("times");
const placeSong = places.by<string>("song");
const placeHalf = places.holds<f64>("value");

const what = makes<string>("what");
const text = makes<string>("text");
const n = makes<i64>("n");

const TELL = 0;

export function process(): void {
  while (nextRow()) {
    songsKey.value = song.value;
    songs.get();
    const times = songsTimes.value + 1;
    songsTimes.value = times;
    songs.set();
    recentSong.value = song.value;
    if (times > 1) recentAt.value = at.value;
    else recentAt.setNull();
    recent.push();
    place(i32(times), song.value);
    placeHalf.value = f64(times) / 2;
    places.set();
    place(i32(times) - 1, song.value);
    if (times > 1) places.delete();
    what.value = "play";
    text.value = song.value;
    n.value = times;
    emitRow();
    setTimer(TELL, at.value);
  }
  while (nextTimer()) {
    round.value += 1;
    tell();
    const popped: string[] = [];
    for (let i = 0; i < 2; i++) if (recent.shift()) popped.push(recentSong.value);
    say("popped", popped, round.value);
    recent.keepLast(20);
    recentSong.value = "last";
    recentAt.setNull();
    recent.push();
    songsKey.value = "s01";
    songs.delete();
    songsKey.value = "zz";
    songsTimes.value = round.value;
    songs.set();
    place(-1, "ü");
    placeHalf.value = 0.25;
    places.set();
    tell();
    if (round.value == 2) places.clear();
    if (round.value < 3) setTimer(TELL, 0);
  }
}

function tell(): void {
  let dated = 0;
  const all = recent.all();
  const every: string[] = [];
  while (all.next()) {
    every.push(recentSong.value);
    dated += i32(!recentAt.isNull);
  }
  say("recent", every, recent.length);
  say("last", words(recent.backward(), recentSong, 3), dated);
  say("some", words(recent.range(5, 8), recentSong), i64(recent.at(30)));
  let sum: i64 = 0;
  const entries = songs.all();
  const counted: string[] = [];
  while (entries.next()) {
    counted.push(`${songsKey.value}=${songsTimes.value}`);
    sum += songsTimes.value;
  }
  say("songs", counted, sum);
  songsKey.value = "s12";
  const below = words(songs.rangeBackward(null, songs.bound()), songsKey, 3);
  songsKey.value = "s01";
  say("below", below, songs.get() ? songsTimes.value : -1);
  place(2, "");
  const from = places.bound();
  place(3, "");
  const twice = words(places.range(from, places.bound()), placeSong);
  let quarters: i64 = 0;
  const halves = places.all();
  while (halves.next()) quarters += i64(placeHalf.value * 4);
  say("twice", twice, quarters);
}

function place(times: i32, name: string): void {
  placeTimes.value = times;
  placeSong.value = name;
}

function words(through: Cursor, column: Held<string>, most: i32 = i32.MAX_VALUE): string[] {
  const words: string[] = [];
  while (words.length < most && through.next()) words.push(column.value);
  return words;
}

function say(told: string, words: string[], number: i64): void {
  what.value = told;
  text.value = words.join(",");
  n.value = number;
  emit();
}
