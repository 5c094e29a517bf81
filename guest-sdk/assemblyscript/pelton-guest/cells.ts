/**
 * Cells: values as they lie in memory while a call runs, a value in its own size, or of text the address and the size of its bytes; and
 * columns of them as nodes of a table.
 */
import { bitsOfBytes, bytesOfBits, textAt } from "./columns";
import { alloc, putList, zeros } from "./memory";
import { Type, sizeOf } from "./types";

/** Bytes of a cell. */
@inline
export function cellSize(type: Type): usize {
  const size = sizeOf(type);
  return size == 0 ? 8 : size;
}

/** The place of a cell of `T` among others. */
@inline
export function cellAt<T>(cells: usize, at: i32): usize {
  if (isReference<T>()) return cells + (<usize>at << 3);
  else return cells + (<usize>at << alignof<T>());
}

@inline
export function getCell<T>(cell: usize): T {
  if (isReference<T>()) return textAt<T>(load<usize>(cell), load<usize>(cell, 4));
  else if (isBoolean<T>()) return <T>(load<u8>(cell) != 0);
  else return load<T>(cell);
}

@inline
export function putCell<T>(cell: usize, value: T): void {
  if (isString<T>()) {
    const text = changetype<string>(value);
    const size = <usize>String.UTF8.byteLength(text);
    const bytes = alloc(size);
    String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, bytes);
    putList(cell, bytes, size);
  } else if (isReference<T>()) {
    const given = changetype<Uint8Array>(value);
    const bytes = alloc(given.length);
    memory.copy(bytes, given.dataStart, given.length);
    putList(cell, bytes, given.length);
  } else {
    store<T>(cell, value);
  }
}

/** A byte for each row of a node, 0 where it is null. */
export function validOf(node: usize, rows: i32): usize {
  const buffers = load<usize>(node, 4);
  if (load<usize>(buffers, 4) != 0) return bytesOfBits(load<usize>(buffers), rows);
  const valid = alloc(rows);
  memory.fill(valid, 1, rows);
  return valid;
}

/** The cells of a node, zero where they are null. */
export function cellsOf(type: Type, node: usize, valid: usize, rows: i32): usize {
  const buffers = load<usize>(node, 4);
  const values = load<usize>(buffers, 8);
  const size = cellSize(type);
  let cells = values;
  if (sizeOf(type) == 0) {
    cells = alloc(<usize>rows * size);
    const bytes = load<usize>(buffers, 16);
    for (let row = 0; row < rows; row++) {
      const start = load<i32>(values + (<usize>row << 2));
      putList(cells + (<usize>row << 3), bytes + start, load<i32>(values + (<usize>row << 2), 4) - start);
    }
  } else if (type == Type.BOOL) {
    cells = bytesOfBits(values, rows);
  }
  for (let row = 0; row < rows; row++) {
    if (load<u8>(valid + row) == 0) memory.fill(cells + <usize>row * size, 0, size);
  }
  return cells;
}

/** Writes cells as a node of a table: the rows in `chosen` (u32), or if that is 0 the first `rows`; without nulls if `valid` is 0. */
export function writeCells(node: usize, type: Type, cells: usize, valid: usize, rows: i32, chosen: usize): void {
  const buffers = zeros(24);
  store<u32>(node, rows);
  store<usize>(node, buffers, 4);
  store<usize>(buffers, 16);
  if (valid != 0) writeNulls(buffers, valid, rows, chosen);
  const size = sizeOf(type);
  if (size == 0) {
    store<u32>(node, 3, 8);
    writeTexts(buffers, cells, rows, chosen);
    return;
  }
  let values = cells;
  if (chosen != 0) {
    values = alloc(<usize>rows * size);
    for (let i = 0; i < rows; i++) memory.copy(values + <usize>i * size, cells + rowOf(chosen, i) * size, size);
  }
  store<u32>(node, 2, 8);
  if (type == Type.BOOL) putList(buffers + 8, bitsOfBytes(values, rows), (<usize>rows + 7) >> 3);
  else putList(buffers + 8, values, <usize>rows * size);
}

function writeNulls(buffers: usize, given: usize, rows: i32, chosen: usize): void {
  let valid = given;
  if (chosen != 0) {
    valid = alloc(rows);
    for (let i = 0; i < rows; i++) store<u8>(valid + i, load<u8>(given + rowOf(chosen, i)));
  }
  putList(buffers, bitsOfBytes(valid, rows), (<usize>rows + 7) >> 3);
}

function writeTexts(buffers: usize, cells: usize, rows: i32, chosen: usize): void {
  const offsets = alloc((<usize>rows + 1) << 2);
  let total: usize = 0;
  for (let i = 0; i < rows; i++) {
    store<u32>(offsets + (<usize>i << 2), <u32>total);
    total += load<usize>(cells + (rowOf(chosen, i) << 3), 4);
    assert(total <= <usize>i32.MAX_VALUE, "a column of text is longer than 2 GiB");
  }
  store<u32>(offsets + (<usize>rows << 2), <u32>total);
  const bytes = alloc(total);
  for (let i = 0; i < rows; i++) {
    const cell = cells + (rowOf(chosen, i) << 3);
    memory.copy(bytes + load<u32>(offsets + (<usize>i << 2)), load<usize>(cell), load<usize>(cell, 4));
  }
  putList(buffers + 8, offsets, (<usize>rows + 1) << 2);
  putList(buffers + 16, bytes, total);
}

@inline
function rowOf(chosen: usize, at: i32): usize {
  return chosen == 0 ? <usize>at : <usize>load<u32>(chosen + (<usize>at << 2));
}
