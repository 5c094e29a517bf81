// A list and a map that grow for many rounds, changed and read by numbers that look like chance: what is read must be the same everywhere.
import type { ListState, MapState } from "pelton-guest";
import { bool, f64, keyed, list, map, s32, s64, u32, u64, utf8 } from "pelton-guest";

interface Queued { n: number; x: number | null }
interface Place { late: boolean; id: number; name: string }
interface Book { n: bigint; note: string | null }

const NAMES = ["", "a", "a\0", "ü"];
const ROUNDS = 12n;
const NEXT = 0;

class Round {
  sum = 0n;

  constructor(public drawn: bigint, readonly queue: ListState<Queued>, readonly shelf: MapState<Place, Book>) {}

  pick(below: number): number {
    this.drawn = BigInt.asUintN(64, this.drawn * 6364136223846793005n + 1442695040888963407n);
    return Number((this.drawn >> 33n) % BigInt(below));
  }

  mix(value: number | bigint): void {
    this.sum = BigInt.asUintN(64, this.sum * 31n + BigInt(value));
  }

  mixBook(place: Place, book: Book): void {
    this.mix(Number(place.late) * 1000 + place.id);
    this.mix(NAMES.indexOf(place.name));
    this.mix(book.n);
    this.mix(book.note === null ? 7 : book.note.length);
  }

  place(): Place {
    return { late: this.pick(2) === 1, id: this.pick(60), name: NAMES[this.pick(4)]! };
  }

  /** Changes what is gone through: each book comes once. */
  grow(): void {
    for (const [place, { n, note }] of this.shelf) this.shelf.set(place, { n: n + 1n, note });
  }

  step(): void {
    const { queue, shelf } = this;
    const what = this.pick(16);
    if (what < 5) {
      const [place, n, number] = [this.place(), BigInt(this.pick(1000) - 500), this.pick(300)];
      shelf.set(place, { n, note: number < 100 ? null : `n${number}` });
    } else if (what === 5) {
      shelf.delete(this.place());
    } else if (what === 6) {
      const place = this.place();
      const book = shelf.get(place);
      if (book === undefined) this.mix(1);
      else this.mixBook(place, book);
    } else if (what < 9) {
      for (let left = this.pick(6) + 1; left > 0; left--) {
        const n = this.pick(1000);
        queue.push({ n, x: n % 2 === 0 ? null : n / 4 });
      }
    } else if (what === 9) {
      for (let left = this.pick(4); left > 0; left--) this.mix(queue.shift()?.n ?? 3);
    } else if (what === 10) {
      this.mix(queue.at(this.pick(60))?.n ?? 5);
    } else if (what === 11 || what === 12) {
      const [from, to] = [this.place(), this.place()];
      let left = this.pick(50);
      if (left === 0) return;
      for (const [place, book] of shelf.entries({ from, to, reverse: what === 12 })) {
        this.mixBook(place, book);
        if (--left === 0) break;
      }
    } else if (what === 13) {
      const from = this.pick(50);
      for (const { n, x } of queue.slice(from, from + this.pick(50))) this.mix(x === null ? n : x * 4 + 9);
    } else if (what === 14) {
      let left = this.pick(40);
      if (left === 0) return;
      for (const { n } of queue.reversed()) {
        this.mix(n);
        if (--left === 0) break;
      }
    } else {
      const rare = this.pick(20);
      if (rare === 0) shelf.clear();
      else if (rare === 1) queue.keepLast(10);
      else if (rare === 2) queue.clear();
      else if (rare < 5) this.grow();
      else this.mix(queue.length);
    }
  }
}

export const shelves = keyed({
  reads: { start: s64 },
  state: { round: s64, drawn: u64 },
  tables: { queue: list({ n: s32, x: f64.orNull }), shelf: map({ late: bool, id: u32, name: utf8 }, { n: s64, note: utf8.orNull }) },
  makes: { sum: u64, length: s64, books: s64 },
  process({ rows, state, tables: { queue, shelf }, timers, out }) {
    for (const { start } of rows) {
      state.value = { round: 0n, drawn: BigInt.asUintN(64, start) };
      timers.set(NEXT, 0n);
    }
    for (const _ of timers.due()) {
      const round = new Round(state.value!.drawn, queue, shelf);
      for (let i = 0; i < 200; i++) round.step();
      let books = 0n;
      for (const [place, book] of shelf) {
        books += 1n;
        round.mixBook(place, book);
      }
      state.value = { round: state.value!.round + 1n, drawn: round.drawn };
      out.emit({ sum: round.sum, length: BigInt(queue.length), books });
      if (state.value.round < ROUNDS) timers.set(NEXT, 0n);
    }
  },
});
