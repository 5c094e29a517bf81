/**
 * Several outputs. The main one has what `makes` declares at the top of the source; the others are declared by `port`, with columns and
 * rules of their own, and a job reads them as `operator.name`.
 */
import { Made, Making, slot } from "./columns";
import { rowAt } from "./keyed";
import { alloc, grown, putList, zeros } from "./memory";
import { NO_ORIGIN, usualOrigin } from "./out";
import { Rules } from "./rules";
import { Type, typeOf } from "./types";

/** Rows that there is room for at first. */
const ROOM: i32 = 16;

/** An output besides the main one. */
export class Port {
  readonly makings: Making[] = [];
  /** The computed columns in the contract's order. */
  readonly order: Making[] = [];
  readonly rules: Rules = new Rules();
  eventTimeColumn: string = "";
  /** Rows of this call. */
  rows: i32 = 0;
  private capacity: i32 = 0;
  /** For each row the row that it came from, and the key that it belongs to (u32). */
  private origins: usize = 0;
  private keys: usize = 0;

  constructor(readonly name: string) {}

  /** A column that is computed for this output. */
  makes<T>(name: string): PortColumn<T> {
    return this.make<T>(name, typeOf<T>(), false);
  }

  makesOrNull<T>(name: string): PortColumn<T> {
    return this.make<T>(name, typeOf<T>(), true);
  }

  makesTimestamp(name: string): PortColumn<i64> {
    return this.make<i64>(name, Type.TIMESTAMP, false);
  }

  makesTimestampOrNull(name: string): PortColumn<i64> {
    return this.make<i64>(name, Type.TIMESTAMP, true);
  }

  makesDate(name: string): PortColumn<i32> {
    return this.make<i32>(name, Type.DATE, false);
  }

  makesDateOrNull(name: string): PortColumn<i32> {
    return this.make<i32>(name, Type.DATE, true);
  }

  /** Only these columns of the input leave here. */
  passOnly(columns: string[]): void {
    this.rules.passOnly(columns);
  }

  passNone(): void {
    this.rules.passOnly([]);
  }

  passAll(): void {
    this.rules.passAll();
  }

  drop(column: string): void {
    this.rules.drop(column);
  }

  rename(column: string, name: string): void {
    this.rules.rename(column, name);
  }

  /** The column that is this output's event time, if it is not the input's. */
  eventTime(column: string): void {
    this.eventTimeColumn = column;
  }

  /**
   * Makes a row of what was set: of the row that is looked at in a transform, that came from no row in a keyed operator, of the key in a
   * cogroup.
   */
  emit(): void {
    this.append(usualOrigin());
  }

  /** In a keyed operator: makes a row that has the event time and the columns of the row that is looked at. */
  emitRow(): void {
    this.append(rowAt());
  }

  /** Begins a call. */
  begin(): void {
    this.rows = 0;
    this.origins = this.keys = 0;
    for (let i = 0; i < this.makings.length; i++) this.makings[i].begin();
    this.makeRoom(ROOM);
    this.prepare();
  }

  /** Forgets what was made of the row: it is rejected. */
  forget(row: u32): void {
    while (this.rows > 0 && load<u32>(this.origins + (<usize>(this.rows - 1) << 2)) == row) this.rows--;
    this.prepare();
  }

  get hasOrigins(): bool {
    for (let row = 0; row < this.rows; row++) if (load<u32>(this.origins + (<usize>row << 2)) != NO_ORIGIN) return true;
    return false;
  }

  putOrigins(at: usize): void {
    putList(at, this.origins, <usize>this.rows << 2);
  }

  putKeys(at: usize): void {
    putList(at, this.keys, <usize>this.rows << 2);
  }

  /** Writes what was made as a table. */
  putMade(at: usize): void {
    const nodes = zeros(this.order.length * 12);
    for (let i = 0; i < this.order.length; i++) this.order[i].write(nodes + i * 12, this.rows);
    store<u32>(at, this.rows);
    putList(at + 4, nodes, this.order.length);
  }

  private append(from: u32): void {
    store<u32>(this.origins + (<usize>this.rows << 2), from);
    store<u32>(this.keys + (<usize>this.rows << 2), slot);
    this.rows++;
    if (this.rows == this.capacity) this.makeRoom(this.capacity * 2);
    this.prepare();
  }

  /** Makes the next row ready to be set. */
  private prepare(): void {
    for (let i = 0; i < this.makings.length; i++) if (this.makings[i].needsClear) this.makings[i].clear(this.rows);
  }

  private makeRoom(capacity: i32): void {
    const used = <usize>this.rows << 2;
    this.origins = grown(this.origins, used, <usize>capacity << 2);
    this.keys = grown(this.keys, used, <usize>capacity << 2);
    for (let i = 0; i < this.makings.length; i++) this.makings[i].grow(this.rows, capacity);
    this.capacity = capacity;
  }

  private make<T>(name: string, type: Type, nullable: bool): PortColumn<T> {
    const column = new Made<T>(name, type, nullable);
    this.makings.push(column);
    return new PortColumn<T>(column, this);
  }
}

/** A column of `T` of an output. One that may be null is, unless the row sets it. */
export class PortColumn<T> {
  constructor(private column: Made<T>, private port: Port) {}

  /** Sets the value in the row that the output's next `emit` makes. */
  set value(value: T) {
    this.column.put(this.port.rows, value);
  }
}

/** All outputs but the main one. */
export const ports: Port[] = [];

/** An output besides the main one, which a job reads as `operator.name`. */
export function port(name: string): Port {
  const made = new Port(name);
  ports.push(made);
  return made;
}

/** Writes what each output has that got rows, after those in `emitted`: records of so many bytes; how many there are then. */
export function putPorts(emitted: usize, count: usize, size: usize, origin: usize, isKeyed: bool): usize {
  for (let i = 0; i < ports.length; i++) {
    const made = ports[i];
    if (made.rows == 0) continue;
    const record = emitted + count++ * size;
    store<u32>(record, i + 1);
    if (isKeyed) made.putKeys(record + 4);
    if (!isKeyed || made.hasOrigins) {
      store<u8>(record + origin, 1);
      made.putOrigins(record + origin + 4);
    }
    made.putMade(record + size - 12);
  }
  return count;
}

/** Begins a call. */
export function beginPorts(): void {
  for (let i = 0; i < ports.length; i++) ports[i].begin();
}

export function forgetRow(row: u32): void {
  for (let i = 0; i < ports.length; i++) ports[i].forget(row);
}
