/** A way through a list or map, or a part of it: read part by part, as far as it is taken. What is changed meanwhile may be seen or not. */
import { Stored } from "./stored";

/** Rows of the first part. */
const FIRST_ROWS: i32 = 16;

export class Cursor {
  private isAfter: bool = false;
  private isDrained: bool = false;
  private limit: i32 = FIRST_ROWS;
  private rows: usize[] = [];
  private next_: i32 = 0;

  /** From the subkey of `low` (included) to that of `high` (excluded), rows both; 0 is no bound. */
  constructor(protected table: Stored, private low: usize, private high: usize, protected backward: bool) {
    if (low != 0 && high != 0 && table.compare(low, high) >= 0) this.isDrained = true;
  }

  /** Comes to the next row, whose columns say what is in it; false if there is none. */
  next(): bool {
    const row = this.nextRow();
    if (row == 0) return false;
    this.table.show(row);
    return true;
  }

  /** The next row; 0 if there is none. */
  nextRow(): usize {
    while (this.next_ == this.rows.length) {
      if (this.isDrained) return 0;
      this.readPart();
    }
    const place = this.next_++;
    return this.rows[place];
  }

  private readPart(): void {
    // A range goes on from the last row that was seen, which is read again: so subkeys need no successor.
    const asked = this.limit + i32(this.isAfter);
    const table = this.table;
    const read = table.read(this.low, this.high, asked, this.backward);
    const isLast = read.length < asked;
    const last: usize = isLast ? 0 : read[read.length - 1];
    let from = 0;
    let to = table.changed.length;
    if (to > 0) {
      if (this.backward && last != 0) from = table.placeOf(last, false);
      else if (this.low != 0) from = table.placeOf(this.low, this.isAfter);
      if (!this.backward && last != 0) to = table.placeOf(last, true);
      else if (this.high != 0) to = table.placeOf(this.high, false);
    }
    this.limit = table.larger(this.limit, read.length);
    if (this.isAfter) read.shift();
    this.isDrained = isLast;
    if (last != 0 && this.backward) this.high = last;
    if (last != 0 && !this.backward) {
      this.low = last;
      this.isAfter = true;
    }
    this.rows = to > from ? this.merged(read, from, to) : read;
    this.next_ = 0;
  }

  /** The rows of a part with the changes within its range. */
  private merged(rows: usize[], from: i32, to: i32): usize[] {
    const table = this.table;
    const merged: usize[] = [];
    if (this.backward) rows.reverse();
    let row = 0;
    while (row < rows.length || from < to) {
      const order = row == rows.length ? -1 : from == to ? 1 : table.compare(table.changed[from], rows[row]);
      if (order > 0) {
        merged.push(rows[row++]);
        continue;
      }
      if (!table.isGone[from]) merged.push(table.changed[from]);
      from++;
      row += i32(order == 0);
    }
    if (this.backward) merged.reverse();
    return merged;
  }
}
