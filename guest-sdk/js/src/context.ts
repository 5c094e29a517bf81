/** What a function may know about the world besides its row: `ctx`. */
import type { BatchContext } from "./wire.ts";

const MASK = (1n << 64n) - 1n;
const GOLDEN = 0x9e3779b97f4a7c15n;

/** Which row of a batch is spoken of. */
export interface Place {
  row: number;
}

/** The batch's times, and the row's number and random numbers. Times are microseconds since 1970. */
export class Context {
  #batch: BatchContext;
  readonly #place: Place;
  #drawn = 0n;
  /** The row that they were drawn for. */
  #drawnOf = 0;
  #numbers: ReadonlyMap<object, number> | null = null;

  /** Who has the place moves it with less than a call. */
  constructor(batch: BatchContext, place: Place = { row: 0 }) {
    this.#batch = batch;
    this.#place = place;
  }

  /** The epoch that the row belongs to. */
  get epoch(): number {
    return Number(this.#batch.epoch);
  }

  /** The epoch's processing time: the only clock there is. */
  get now(): number {
    return Number(this.#batch.now);
  }

  /** No older event time is expected; null until there is one. */
  get watermark(): number | null {
    const watermark = Number(this.#batch.watermark);
    return watermark <= -(2 ** 63) ? null : watermark;
  }

  /** The row's number: no other row of this operator's input has it, and a replay gives it again. */
  get row(): number {
    return Number(this.#batch.firstRow) + this.#place.row;
  }

  /** In a keyed operator: makes `row` and `random` speak of this one of the key's rows. */
  of(row: object): this {
    const number = this.#numbers?.get(row);
    if (number === undefined) throw new Error("the row is not one of those that this call was given for the key");
    return this.at(number);
  }

  /** Says which rows there are to speak of; the SDK's. */
  among(numbers: ReadonlyMap<object, number>): this {
    this.#numbers = numbers;
    return this;
  }

  /** At column level: makes `row` and `random` speak of this row of the batch. */
  at(row: number): this {
    this.#place.row = row;
    this.#drawn = 0n;
    return this;
  }

  /** A random number, 0 <= x < 1; another with each call, the same ones for the same row. */
  random(): number {
    const { row } = this.#place;
    if (row !== this.#drawnOf) [this.#drawn, this.#drawnOf] = [0n, row];
    this.#drawn += 1n;
    const ofRow = mix(BigInt(this.#batch.seed) + mix(BigInt(this.row) + GOLDEN));
    return Number(mix(ofRow + this.#drawn * GOLDEN) >> 11n) / 2 ** 53;
  }
}

/** The finaliser of SplitMix64 (Steele, Lea and Flood, 2014). */
function mix(bits: bigint): bigint {
  bits &= MASK;
  bits = ((bits ^ (bits >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  bits = ((bits ^ (bits >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return bits ^ (bits >> 31n);
}
