/** The timers of a keyed operator: those that are due, by key, and those that a call sets and clears. */
import { slot } from "./columns";
import { alloc, putList, zeros } from "./memory";

/** A timer that is due. The time now may be later than what it was set for. */
export class Timer {
  id: u32 = 0;
  /** Microseconds since 1970, UTC. */
  at: i64 = 0;
  isProcessing: bool = false;
}

/** The timer that `nextTimer` has come to. */
@lazy
export const timer: Timer = new Timer();

/** The record of timers that are due: four lists, of keys, ids, times and clocks. */
let due: usize = 0;
/** Their places by key, in order of time within one (u32), and where those of each key begin in that list (u32), and one more. */
let places: usize = 0;
let firsts: usize = 0;
/** The place that comes next, in the list of the key. */
let next: u32 = 0;

/** Changes, in order. */
@lazy
const keys: u32[] = [];
@lazy
const ids: u32[] = [];
@lazy
const times: i64[] = [];
@lazy
const clocks: u8[] = [];
@lazy
const cleared: u8[] = [];
/** Where those of the key begin. */
let since: i32 = 0;

/** Comes to the next timer that is due, in order of time. One that this call has set again or cleared is not: what rows do comes first. */
export function nextTimer(): bool {
  const end = first(slot + 1);
  while (next < end) {
    const at = <usize>load<u32>(places + (<usize>next << 2));
    next++;
    timer.id = load<u32>(load<usize>(due, 8) + (at << 2));
    if (isChanged(timer.id)) continue;
    timer.at = load<i64>(load<usize>(due, 16) + (at << 3));
    timer.isProcessing = load<u8>(load<usize>(due, 24) + at) == 1;
    return true;
  }
  return false;
}

/** Timer `id` is due when the watermark reaches `at`; if that is past, in the next epoch. The key's timer of the same number is moved. */
export function setTimer(id: u32, at: i64): void {
  change(id, at, 0, 0);
}

/** The same for processing time: `now()`. */
export function setProcessingTimer(id: u32, at: i64): void {
  change(id, at, 1, 0);
}

export function clearTimer(id: u32): void {
  change(id, 0, 0, 1);
}

function change(id: u32, at: i64, clock: u8, clears: u8): void {
  keys.push(slot);
  ids.push(id);
  times.push(at);
  clocks.push(clock);
  cleared.push(clears);
}

function isChanged(id: u32): bool {
  for (let i = since; i < ids.length; i++) if (ids[i] == id) return true;
  return false;
}

@inline
function first(key: i32): u32 {
  return load<u32>(firsts + (<usize>key << 2));
}

export function beginTimers(record: usize, count: i32): void {
  due = record;
  keys.length = 0;
  ids.length = 0;
  times.length = 0;
  clocks.length = 0;
  cleared.length = 0;
  const timers = load<u32>(record, 28);
  const keyOf = load<usize>(record);
  // Where each key's begin, first moved by one.
  firsts = zeros((<usize>count + 2) << 2);
  for (let i: u32 = 0; i < timers; i++) {
    const at = firsts + ((<usize>load<u32>(keyOf + (<usize>i << 2)) + 2) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  for (let key = 2; key < count + 2; key++) store<u32>(firsts + (<usize>key << 2), first(key) + first(key - 1));
  places = alloc(<usize>timers << 2);
  for (let i: u32 = 0; i < timers; i++) {
    const at = firsts + ((<usize>load<u32>(keyOf + (<usize>i << 2)) + 1) << 2);
    store<u32>(places + (<usize>load<u32>(at) << 2), i);
    store<u32>(at, load<u32>(at) + 1);
  }
}

export function enterTimers(): void {
  next = first(slot);
  since = ids.length;
}

/** How many of the key's are due. */
export function dueOf(key: i32): u32 {
  return first(key + 1) - first(key);
}

/** Writes the changes: four lists, and which of them clear. */
export function putTimers(at: usize): void {
  putList(at, keys.dataStart, <usize>keys.length << 2);
  putList(at + 8, ids.dataStart, <usize>ids.length << 2);
  putList(at + 16, times.dataStart, <usize>times.length << 3);
  putList(at + 24, clocks.dataStart, clocks.length);
  putList(at + 32, cleared.dataStart, cleared.length);
}
