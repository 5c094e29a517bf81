/** Lists of state: appended to at their end, taken from at their front, read anywhere. */
import { slot } from "./columns";
import { Cursor } from "./cursor";
import { alloc } from "./memory";
import { APPEND, DELETE, FIRST_ROWS, Held, Stored } from "./stored";
import { Type } from "./types";

/** A list that the engine keeps for each key. Its rows are numbered by the engine, from the front on. */
export class ListState extends Stored {
  private readonly position: Held<i64> = new Held<i64>("position", Type.S64, false);
  /** The numbers that the engine had when the call began, the first and after the last, once they are known. */
  private isKnown: bool = false;
  private first: i64 = 0;
  private end: i64 = 0;
  /** What this call takes away of them, in order. */
  private gone: usize[] = [];
  /** Rows of the front, read to be looked at or taken away. */
  private ahead: usize[] = [];
  private aheadNext: i32 = 0;
  private aheadLimit: i32 = FIRST_ROWS;
  private isDrained: bool = false;
  pushed: usize[] = [];
  private pushedFirst: i32 = 0;

  constructor(name: string) {
    super(name);
    this.subkey.push(this.position);
  }

  isList(): bool {
    return true;
  }

  /** Appends a row of what the columns say. */
  push(): void {
    const row = this.here();
    // The engine numbers it.
    store<i64>(row, 0);
    this.pushed.push(row);
  }

  /** Takes the first row away, which the columns say then; false if there is none. */
  shift(): bool {
    const row = this.front();
    if (row == 0) return false;
    if (this.aheadNext < this.ahead.length) {
      this.aheadNext++;
      this.gone.push(row);
    } else {
      this.pushedFirst++;
    }
    this.show(row);
    return true;
  }

  /** Comes to the row at a position, from the end if it is negative; false if there is none. The first costs one. */
  at(position: i32): bool {
    let row: usize = 0;
    if (position == 0) {
      row = this.front();
    } else if (position == -1 && this.pushed.length > this.pushedFirst) {
      row = this.pushed[this.pushed.length - 1];
    } else {
      const at = position < 0 ? position + this.length : position;
      if (at >= 0) row = this.through(at, at + 1, false).nextRow();
    }
    if (row == 0) return false;
    this.show(row);
    return true;
  }

  get length(): i32 {
    this.know();
    return <i32>(this.end - this.start()) + this.pushed.length - this.pushedFirst;
  }

  /** Takes rows away from the front until at most so many are left. */
  keepLast(count: i32): void {
    for (let left = this.length; left > count; left--) this.drop();
  }

  clear(): void {
    this.keepLast(0);
  }

  /** All rows from the front on. */
  all(): Cursor {
    return this.through(0, i32.MAX_VALUE, false);
  }

  /** From the end. */
  backward(): Cursor {
    return this.through(0, i32.MAX_VALUE, true);
  }

  /** From a position to before another, from the end if they are negative. */
  range(from: i32, to: i32 = i32.MAX_VALUE): Cursor {
    const length = this.length;
    return this.through(from < 0 ? max(0, from + length) : from, to < 0 ? max(0, to + length) : to, false);
  }

  enter(): void {
    super.enter();
    this.isKnown = this.isDrained = false;
    this.first = this.end = 0;
    this.gone = [];
    this.ahead = [];
    this.aheadNext = 0;
    this.aheadLimit = FIRST_ROWS;
    this.pushed = [];
    this.pushedFirst = 0;
  }

  leave(): void {
    for (let i = 0; i < this.gone.length; i++) this.note(DELETE, this.gone[i]);
    for (let i = this.pushedFirst; i < this.pushed.length; i++) this.note(APPEND, this.pushed[i]);
  }

  private drop(): void {
    const row = this.front();
    if (row == 0) return;
    if (this.aheadNext == this.ahead.length) this.pushedFirst++;
    else this.gone.push(this.ahead[this.aheadNext++]);
  }

  /** The first row; 0 if there is none. */
  private front(): usize {
    if (this.aheadNext == this.ahead.length && !this.isDrained) {
      const from: usize = this.gone.length == 0 ? 0 : this.numbered(this.start());
      this.ahead = this.read(from, 0, this.aheadLimit, false);
      this.aheadNext = 0;
      this.isDrained = this.ahead.length == 0;
      this.aheadLimit = this.larger(this.aheadLimit, this.ahead.length);
    }
    if (this.aheadNext < this.ahead.length) return this.ahead[this.aheadNext];
    return this.pushedFirst < this.pushed.length ? this.pushed[this.pushedFirst] : 0;
  }

  /** Asks for the numbers of the rows that the engine has. */
  private know(): void {
    if (this.isKnown) return;
    this.isKnown = true;
    const front = this.read(0, 0, 1, false);
    if (front.length == 0) return;
    const back = this.read(0, 0, 1, true);
    this.first = load<i64>(front[0]);
    this.end = load<i64>(back[0]) + 1;
  }

  /** The number of the first row that the engine still has. */
  private start(): i64 {
    return this.gone.length == 0 ? this.first : load<i64>(this.gone[this.gone.length - 1]) + 1;
  }

  /** A row of nothing but a number, to read from it or up to it. */
  private numbered(number: i64): usize {
    const row = alloc(16);
    store<i64>(row, number);
    return row;
  }

  private through(from: i32, to: i32, backward: bool): ListCursor {
    this.know();
    const start = this.start();
    const held = <i32>(this.end - start);
    const last = min(to, held + this.pushed.length - this.pushedFirst);
    const first = min(from, last);
    const low = this.numbered(start + min(first, held));
    const high = this.numbered(start + min(last, held));
    return new ListCursor(
      this, low, high, backward, this.pushedFirst + max(0, first - held), this.pushedFirst + max(0, last - held),
    );
  }
}

/** Goes through what the call has pushed as well. */
class ListCursor extends Cursor {
  private pushed: usize[];

  constructor(table: ListState, low: usize, high: usize, backward: bool, private from: i32, private to: i32) {
    super(table, low, high, backward);
    this.pushed = table.pushed;
  }

  nextRow(): usize {
    if (this.backward && this.from < this.to) return this.pushed[--this.to];
    const row = super.nextRow();
    if (row != 0 || this.from == this.to) return row;
    return this.pushed[this.from++];
  }
}

/** A list that the engine keeps for each key; columns of its rows are declared by `holds`. */
export function list(name: string): ListState {
  return new ListState(name);
}
