/** A way through a list or map, or a part of it: read part by part, as far as it is taken. What is changed meanwhile may be seen or not. */
import { FIRST_ROWS, Stored } from "./stored";

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
    const table = this.table;
    const asked = this.limit + i32(this.isAfter);
    const read = table.read(this.low, this.high, asked, this.backward);
    const isLast = read.length < asked;
    const last: usize = isLast ? 0 : read[read.length - 1];
    if (this.isAfter && read.length > 0 && table.compare(read[0], this.low) == 0) read.shift();
    let isWhole = true;
    this.rows = read;
    if (table.changed.length > 0) {
      let from = 0;
      if (this.backward && last != 0) from = table.placeOf(last, false);
      else if (this.low != 0) from = table.placeOf(this.low, this.isAfter);
      let to = table.changed.length;
      if (!this.backward && last != 0) to = table.placeOf(last, true);
      else if (this.high != 0) to = table.placeOf(this.high, false);
      if (from < to) isWhole = this.merge(read, from, to);
    }
    this.limit = table.larger(this.limit, read.length);
    this.next_ = 0;
    this.isDrained = isLast && isWhole;
    if (this.isDrained) return;
    const seen = isWhole ? last : this.rows[this.rows.length - 1];
    if (this.backward) {
      this.high = seen;
    } else {
      this.low = seen;
      this.isAfter = true;
    }
  }

  /** Takes the rows of a part and the changes within its range in order, but not many more than were asked for; whether that is all of them. */
  private merge(read: usize[], from: i32, to: i32): bool {
    const table = this.table;
    const merged: usize[] = [];
    let row = 0;
    while ((row < read.length || from < to) && merged.length < this.limit) {
      const change = this.backward ? to - 1 : from;
      let order = row == read.length ? -1 : from == to ? 1 : table.compare(table.changed[change], read[row]);
      if (this.backward && row < read.length && from < to) order = -order;
      if (order > 0) {
        merged.push(read[row++]);
        continue;
      }
      if (!table.isGone[change]) merged.push(table.changed[change]);
      if (this.backward) to--;
      else from++;
      row += i32(order == 0);
    }
    this.rows = merged;
    return row == read.length && from >= to;
  }
}
