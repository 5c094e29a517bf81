/**
 * Memory that lives until a call ends, and texts in it.
 *
 * The engine lowers arguments through `cabi_realloc` into this arena, calls, reads the answer, and calls `cabi_post_…`, which empties it.
 * What AssemblyScript itself allocates (strings, arrays) is collected then, when nothing of the module's is running.
 */

/** Before the room of a chunk: the chunk before it, the room's size, and how much of it is taken. */
const HEAD: usize = 16;
const CHUNK_BYTES: usize = 256 << 10;

let chunk: usize = 0;

/** 16-byte aligned. Traps when there is none left. */
export function alloc(size: usize): usize {
  size = (size + 15) & ~15;
  if (chunk == 0 || load<usize>(chunk, 4) - load<usize>(chunk, 8) < size) {
    const room = max(size, CHUNK_BYTES);
    const next = heap.alloc(HEAD + room);
    store<usize>(next, chunk);
    store<usize>(next, room, 4);
    store<usize>(next, 0, 8);
    chunk = next;
  }
  const used = load<usize>(chunk, 8);
  store<usize>(chunk, used + size, 8);
  return chunk + HEAD + used;
}

/** Memory of zeros. */
export function zeros(size: usize): usize {
  const at = alloc(size);
  memory.fill(at, 0, size);
  return at;
}

/** Larger memory that begins with `used` bytes of the old. */
export function grown(old: usize, used: usize, size: usize): usize {
  const at = alloc(size);
  if (used > 0) memory.copy(at, old, used);
  return at;
}

/** Keeps one chunk, large enough for another call like this one. */
export function empty(): void {
  let total: usize = 0;
  for (let at = chunk; at != 0; at = load<usize>(at)) total += load<usize>(at, 8);
  if (chunk != 0 && load<usize>(chunk) == 0) {
    store<usize>(chunk, 0, 8);
  } else {
    while (chunk != 0) {
      const before = load<usize>(chunk);
      heap.free(chunk);
      chunk = before;
    }
    alloc(total);
    store<usize>(chunk, 0, 8);
  }
  __collect();
}

export function cabi_realloc(old: usize, oldSize: usize, align: usize, size: usize): usize {
  const at = alloc(size);
  if (old != 0) memory.copy(at, old, min(oldSize, size));
  return at;
}

/** The string at `at`: a pointer to UTF-8, and its size. */
export function getText(at: usize): string {
  return String.UTF8.decodeUnsafe(load<usize>(at), load<usize>(at, 4));
}

/** Writes a string to `at`: a pointer to UTF-8 in the arena, and its size. */
export function putText(at: usize, text: string): void {
  const size = <usize>String.UTF8.byteLength(text);
  const bytes = alloc(size);
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, bytes);
  putList(at, bytes, size);
}

/** Writes a list to `at`. */
export function putList(at: usize, items: usize, count: usize): void {
  store<usize>(at, items);
  store<usize>(at, count, 4);
}
