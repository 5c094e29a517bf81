/** What a call may know about the world. Times are microseconds since 1970, UTC. */
import { rowRead } from "./columns";

let epochNow: u64 = 0;
let firstRow: u64 = 0;
let timeNow: i64 = 0;
let watermarkNow: i64 = 0;
let seed: u64 = 0;
/** The row whose random numbers are drawn, and how many were. */
let drawnRow: u64 = u64.MAX_VALUE;
let drawn: u64 = 0;

export function enterCall(epoch: u64, first: u64, now: i64, watermark: i64, its: u64): void {
  epochNow = epoch;
  firstRow = first;
  timeNow = now;
  watermarkNow = watermark;
  seed = its;
  drawnRow = u64.MAX_VALUE;
}

/** The same of a context that comes in memory. */
export function enterGiven(at: usize): void {
  enterCall(load<u64>(at), load<u64>(at, 8), load<i64>(at, 16), load<i64>(at, 24), load<u64>(at, 32));
}

export function epoch(): u64 {
  return epochNow;
}

/** The epoch's processing time. */
export function now(): i64 {
  return timeNow;
}

/** The input's watermark; `i64.MIN_VALUE` if there is none yet. */
export function watermark(): i64 {
  return watermarkNow;
}

/** The row's number: no other row of this operator's input has it, and a replay gives it again. */
export function rowNumber(): u64 {
  return firstRow + <u64>rowRead;
}

const GOLDEN: u64 = 0x9e3779b97f4a7c15;

/** The finaliser of SplitMix64 (Steele, Lea and Flood, 2014). */
function mix(bits: u64): u64 {
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
  return bits ^ (bits >> 31);
}

/** Random numbers: another with each call, the same ones for the same row. */
export function randomU64(): u64 {
  const row = rowNumber();
  if (drawnRow != row) {
    drawnRow = row;
    drawn = 0;
  }
  drawn++;
  return mix(mix(seed + mix(row + GOLDEN)) + drawn * GOLDEN);
}

/** 0 <= x < 1. */
export function random(): f64 {
  return <f64>(randomU64() >> 11) / 9007199254740992.0;
}
