// A list and a map that grow for many rounds, changed and read by numbers that look like chance: what is read must be the same everywhere.
import { Bound, emit, keeps, list, makes, map, nextRow, nextTimer, reads, setTimer } from "pelton-guest";

const start = reads<i64>("start");
const round = keeps<i64>("round");
const drawn = keeps<u64>("drawn");

const queue = list("queue");
const queued = queue.holds<i32>("n");
const share = queue.holdsOrNull<f64>("x");
const shelf = map("shelf");
const late = shelf.by<bool>("late");
const id = shelf.by<u32>("id");
const name = shelf.by<string>("name");
const stored = shelf.holds<i64>("n");
const note = shelf.holdsOrNull<string>("note");

const sum = makes<u64>("sum");
const length = makes<i64>("length");
const books = makes<i64>("books");

const NAMES = ["", "a", "a\0", "ü"];
const ROUNDS = 12;
const NEXT = 0;

let hash: u64 = 0;

export function process(): void {
  while (nextRow()) {
    drawn.value = <u64>start.value;
    round.value = 0;
    setTimer(NEXT, 0);
  }
  while (nextTimer()) {
    round.value += 1;
    hash = 0;
    for (let i = 0; i < 200; i++) step();
    let count = 0;
    const all = shelf.all();
    while (all.next()) {
      count++;
      mixBook();
    }
    sum.value = hash;
    length.value = queue.length;
    books.value = count;
    emit();
    if (round.value < ROUNDS) setTimer(NEXT, 0);
  }
}

function pick(below: u64): u64 {
  drawn.value = drawn.value * 6364136223846793005 + 1442695040888963407;
  return (drawn.value >> 33) % below;
}

function mix(value: u64): void {
  hash = hash * 31 + value;
}

function mixBook(): void {
  mix(u64(late.value) * 1000 + id.value);
  mix(NAMES.indexOf(name.value));
  mix(<u64>stored.value);
  mix(note.isNull ? 7 : note.value.length);
}

function subkey(): void {
  late.value = pick(2) == 1;
  id.value = u32(pick(60));
  name.value = NAMES[i32(pick(4))];
}

function bound(): Bound {
  subkey();
  return shelf.bound();
}

/** Changes what is gone through: each book comes once. */
function grow(): void {
  const all = shelf.all();
  while (all.next()) {
    stored.value += 1;
    shelf.set();
  }
}

function step(): void {
  const what = pick(16);
  if (what < 5) {
    subkey();
    stored.value = i64(pick(1000)) - 500;
    const number = pick(300);
    if (number < 100) note.setNull();
    else note.value = "n" + number.toString();
    shelf.set();
  } else if (what == 5) {
    subkey();
    shelf.delete();
  } else if (what == 6) {
    subkey();
    if (shelf.get()) mixBook();
    else mix(1);
  } else if (what < 9) {
    for (let left = pick(6) + 1; left > 0; left--) {
      queued.value = i32(pick(1000));
      if (queued.value % 2 == 0) share.setNull();
      else share.value = f64(queued.value) / 4;
      queue.push();
    }
  } else if (what == 9) {
    for (let left = pick(4); left > 0; left--) mix(queue.shift() ? queued.value : 3);
  } else if (what == 10) {
    mix(queue.at(i32(pick(60))) ? queued.value : 5);
  } else if (what == 11 || what == 12) {
    const from = bound();
    const to = bound();
    const through = what == 11 ? shelf.range(from, to) : shelf.rangeBackward(from, to);
    for (let left = pick(50); left > 0 && through.next(); left--) mixBook();
  } else if (what == 13) {
    const from = i32(pick(50));
    const through = queue.range(from, from + i32(pick(50)));
    while (through.next()) mix(share.isNull ? queued.value : u64(share.value * 4) + 9);
  } else if (what == 14) {
    const through = queue.backward();
    for (let left = pick(40); left > 0 && through.next(); left--) mix(queued.value);
  } else {
    const rare = pick(20);
    if (rare == 0) shelf.clear();
    else if (rare == 1) queue.keepLast(10);
    else if (rare == 2) queue.clear();
    else if (rare < 5) grow();
    else mix(queue.length);
  }
}
