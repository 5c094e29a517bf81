/** Maps of state: rows found by a subkey, and gone through in its order. */
import { Cursor } from "./cursor";
import { DELETE, Held, PUT, Stored } from "./stored";
import { Type, typeOf } from "./types";

/** An end of a range of a map; within the call in which it was made. */
export class Bound {
  constructor(public row: usize) {}
}

/** A map that the engine keeps for each key. */
export class MapState extends Stored {
  /** A column of the subkey. `T` is an integer, `bool`, `string` or `Uint8Array`. */
  by<T>(name: string): Held<T> {
    if (isFloat<T>()) ERROR("a subkey has no floats");
    return this.byAs<T>(name, typeOf<T>());
  }

  /** Microseconds since 1970, UTC. */
  byTimestamp(name: string): Held<i64> {
    return this.byAs<i64>(name, Type.TIMESTAMP);
  }

  /** Days since 1970. */
  byDate(name: string): Held<i32> {
    return this.byAs<i32>(name, Type.DATE);
  }

  private byAs<T>(name: string, type: Type): Held<T> {
    const column = new Held<T>(name, type, false);
    this.subkey.push(column);
    return column;
  }

  /** Comes to the row of the subkey that the columns say; false if there is none, and the other columns are zero, empty or null. */
  get(): bool {
    const row = this.found();
    if (row != 0) {
      this.showValues(row);
      return true;
    }
    for (let i = 0; i < this.values.length; i++) this.values[i].empty();
    return false;
  }

  /** Whether there is a row of the subkey; the other columns stay as they are. */
  has(): bool {
    return this.found() != 0;
  }

  /** Puts what the columns say in the place of the row that may be there, which is not read. */
  set(): void {
    this.change(false);
  }

  /** Takes away the row that may be there, which is not read. */
  delete(): void {
    this.change(true);
  }

  get isEmpty(): bool {
    return this.all().nextRow() == 0;
  }

  clear(): void {
    // What was put in this call and was not there before needs no change.
    this.changed = [];
    this.isGone = [];
    const held: usize[] = [];
    const all = this.all();
    for (let row = all.nextRow(); row != 0; row = all.nextRow()) held.push(row);
    this.changed = held;
    this.isGone = held.map<bool>((_) => true);
  }

  /** The subkey that the columns say, as an end of a range. */
  bound(): Bound {
    return new Bound(this.here());
  }

  /** All rows in order of subkey. */
  all(): Cursor {
    return new Cursor(this, 0, 0, false);
  }

  /** From the last one. */
  backward(): Cursor {
    return new Cursor(this, 0, 0, true);
  }

  /** From a subkey to before another; null is no bound. */
  range(from: Bound | null, to: Bound | null): Cursor {
    return new Cursor(this, rowOf(from), rowOf(to), false);
  }

  /** The same from its end. */
  rangeBackward(from: Bound | null, to: Bound | null): Cursor {
    return new Cursor(this, rowOf(from), rowOf(to), true);
  }

  leave(): void {
    for (let i = 0; i < this.changed.length; i++) this.note(this.isGone[i] ? DELETE : PUT, this.changed[i]);
  }

  /** The row of the subkey that the columns say; 0 if there is none. */
  private found(): usize {
    const here = this.here();
    const at = this.placeOf(here, false);
    if (at < this.changed.length && this.compare(this.changed[at], here) == 0) return this.isGone[at] ? 0 : this.changed[at];
    const read = this.read(here, 0, 1, false);
    return read.length > 0 && this.compare(read[0], here) == 0 ? read[0] : 0;
  }

  private change(isGone: bool): void {
    const here = this.here();
    const at = this.placeOf(here, false);
    if (at == this.changed.length || this.compare(this.changed[at], here) != 0) {
      const after = <usize>(this.changed.length - at);
      this.changed.push(0);
      this.isGone.push(false);
      const changed = this.changed.dataStart + (<usize>at << 2);
      const gone = this.isGone.dataStart + at;
      memory.copy(changed + 4, changed, after << 2);
      memory.copy(gone + 1, gone, after);
    }
    this.changed[at] = here;
    this.isGone[at] = isGone;
  }
}

function rowOf(bound: Bound | null): usize {
  return bound === null ? 0 : bound.row;
}

/** A map that the engine keeps for each key; columns of its subkey are declared by `by`, the others by `holds`. */
export function map(name: string): MapState {
  return new MapState(name);
}
