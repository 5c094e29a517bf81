/**
 * Timers: what a keyed operator's function takes as `timers`. A timer is a number of the module's own and a time; a key has one of each
 * number. Changes are collected for the whole call, in the order in which they were made.
 */
import { bytesOf, typed } from "./columns.ts";
import type { Due, KeyedOutput } from "./wire.ts";

/** A timer that is due. */
export interface Timer {
  /** The number under which it was set. */
  readonly id: number;
  /** What it was set for, in microseconds since 1970. The time now may be later. */
  readonly at: bigint;
  /** Whether it waited for the epoch's processing time, not for the watermark. */
  readonly isProcessing: boolean;
}

interface Changed {
  key: number;
  id: number;
  at: bigint;
  clock: number;
  cleared: number;
}

/** The timers of one key. */
export class Timers {
  readonly #byKey = new Map<number, Timer[]>();
  readonly #changes: Changed[] = [];
  #changed = new Set<number>();
  #key = 0;
  /** Whether the key's time to live has ended: this is its last call, and its state is dropped after it. */
  expiring = false;

  constructor(due: Due) {
    const count = due.clock.length;
    const keys: Uint32Array = typed(Uint32Array, due.key, count);
    const ids: Uint32Array = typed(Uint32Array, due.ids, count);
    const at: BigInt64Array = typed(BigInt64Array, due.at, count);
    for (const [place, key] of keys.entries()) {
      const of = this.#byKey.get(key) ?? [];
      of.push({ id: ids[place]!, at: at[place]!, isProcessing: due.clock[place] === 1 });
      this.#byKey.set(key, of);
    }
  }

  /** Goes on to a key; the SDK's. Whether a timer or its end brings it here. */
  enter(key: number, expiring: boolean): boolean {
    this.#key = key;
    this.#changed = new Set();
    this.expiring = expiring;
    return expiring || this.#byKey.has(key);
  }

  /** The timers that are due, in order of time. One that this call has set again or cleared is not: what rows do comes first. */
  *due(): Generator<Timer> {
    for (const timer of this.#byKey.get(this.#key) ?? []) if (!this.#changed.has(timer.id)) yield timer;
  }

  /** Sets timer `id` to be due when the watermark reaches `at` (µs); if that is past, in the next epoch. The key's timer of the same number is moved. */
  set(id: number, at: bigint | number): void {
    this.#change(id, at, 0, 0);
  }

  /** As `set`, for processing time: see `ctx.now`. */
  setProcessing(id: number, at: bigint | number): void {
    this.#change(id, at, 1, 0);
  }

  /** Clears timer `id`, if the key has it. */
  clear(id: number): void {
    this.#change(id, 0n, 0, 1);
  }

  #change(id: number, at: bigint | number, clock: number, cleared: number): void {
    this.#changed.add(id);
    this.#changes.push({ key: this.#key, id, at: BigInt(at), clock, cleared });
  }

  /** All changes; the SDK's. */
  made(): KeyedOutput["timers"] {
    const all = this.#changes;
    const timers = {
      key: bytesOf(Uint32Array.from(all, ({ key }) => key)),
      ids: bytesOf(Uint32Array.from(all, ({ id }) => id)),
      at: bytesOf(BigInt64Array.from(all, ({ at }) => at)),
      clock: Uint8Array.from(all, ({ clock }) => clock),
    };
    return { timers, cleared: Uint8Array.from(all, ({ cleared }) => cleared) };
  }
}
