// The boundary benchmark's guest in JavaScript: the same operators by every way to cross.
//
// QuickJS interprets: what counts is the number of bytecodes for each value. Lists of numbers and bytes arrive as typed
// arrays. A buffer's bytes become numbers through a typed view, never through DataView, whose every read is a call.

const RATE = 0.908;

/** Candidate (a): one record for each row. */
export const rows = {
  filter(above, batch) {
    const kept = [];
    for (let i = 0; i < batch.length; i++) {
      const price = batch[i].price;
      if (price > above) kept.push({ origin: i, euro: price * RATE });
    }
    return kept;
  },
  add(batch) {
    return batch.map((r) => ({
      a: r.a + 1n, b: r.b + 2n, c: r.c + 3n, d: r.d + 4n, e: r.e + 5n, f: r.f + 6n, g: r.g + 7n, h: r.h + 8n,
    }));
  },
  upper: (batch) => batch.map((row) => ({ text: row.text.toUpperCase() })),
  scale: (batch) => batch.map((row) => ({ value: row.value == null ? row.value : row.value * RATE })),
};

/** Candidate (b): one typed list for each column. */
export const columns = {
  filter: (above, price) => keep(price, above),
  add(all) {
    const out = {};
    let by = 0n;
    for (const name of ["a", "b", "c", "d", "e", "f", "g", "h"]) {
      by += 1n;
      const column = all[name];
      const sums = new BigInt64Array(column.length);
      for (let i = 0; i < sums.length; i++) sums[i] = column[i] + by;
      out[name] = sums;
    }
    return out;
  },
  upper: (text) => text.map((value) => value.toUpperCase()),
  scale: (values) => values.map((value) => (value == null ? value : value * RATE)),
  upperFlat: (text) => ({ offsets: text.offsets, bytes: upperBytes(text.bytes) }),
  scaleFlat: (values) => ({ valid: values.valid, values: scaled(values.values) }),
};

let operation;

/** Candidate (c): Arrow's buffers as bytes, by Pelton's own contract. */
export const transform = {
  open(inputs, options) {
    const { operation: name, above } = JSON.parse(options);
    operation = { filter: (table) => filterTable(table, above), add, upper, scale, echo }[name];
    return { reads: [], ports: [], tables: [], state: [], stateVersion: 0, properties: [] };
  },
  process: (context, table) => ({ emitted: [operation(table)], rejected: [] }),
};

function filterTable(table, above) {
  const { origin, euro } = keep(view(Float64Array, table.nodes[0].buffers[1]), above);
  const computed = { rows: origin.length, nodes: [{ rows: origin.length, buffers: [NONE, bytesOf(euro)] }] };
  return { port: 0, origin: bytesOf(origin), computed };
}

// Wrapping addition of a small positive number by 32-bit halves: BigInts are allocated one by one.
function add(table) {
  const nodes = table.nodes.map((node, index) => {
    const by = index + 1;
    const values = view(Int32Array, node.buffers[1]).slice();
    for (let i = 0, n = values.length; i < n; i += 2) {
      const low = values[i];
      const sum = (low + by) | 0;
      values[i] = sum;
      if (low < 0 && sum >= 0) values[i + 1]++; // the low half went from 2³²-1 to 0
    }
    return { rows: table.rows, buffers: [NONE, bytesOf(values)] };
  });
  return rowForRow(table.rows, nodes);
}

function upper(table) {
  const [validity, offsets, text] = table.nodes[0].buffers;
  return rowForRow(table.rows, [{ rows: table.rows, buffers: [validity, offsets, upperBytes(text)] }]);
}

function scale(table) {
  const [validity, values] = table.nodes[0].buffers;
  const euro = bytesOf(scaled(view(Float64Array, values)));
  return rowForRow(table.rows, [{ rows: table.rows, buffers: [validity, euro] }]);
}

const echo = (table) => rowForRow(table.rows, table.nodes);

const NONE = new Uint8Array(0);

function rowForRow(rows, nodes) {
  return { port: 0, computed: { rows, nodes } };
}

// Unrolled by hand: the loop's own counting is a third of what a row costs.
function keep(price, above) {
  const n = price.length;
  const origin = new Uint32Array(n);
  const euro = new Float64Array(n);
  const rate = RATE;
  let kept = 0;
  let i = 0;
  let value;
  for (const whole = n - 3; i < whole; i += 4) {
    if ((value = price[i]) > above) { origin[kept] = i; euro[kept++] = value * rate; }
    if ((value = price[i + 1]) > above) { origin[kept] = i + 1; euro[kept++] = value * rate; }
    if ((value = price[i + 2]) > above) { origin[kept] = i + 2; euro[kept++] = value * rate; }
    if ((value = price[i + 3]) > above) { origin[kept] = i + 3; euro[kept++] = value * rate; }
  }
  for (; i < n; i++) {
    if ((value = price[i]) > above) { origin[kept] = i; euro[kept++] = value * rate; }
  }
  return { origin: origin.subarray(0, kept), euro: euro.subarray(0, kept) };
}

// The built-in's loop and a call cost less than a loop in bytecode.
function scaled(values) {
  const rate = RATE;
  return values.map((value) => value * rate);
}

// Two bytes at a time through a table of all pairs.
const PAIRS = new Uint16Array(65536).map((_, pair) => upperByte(pair & 255) | (upperByte(pair >> 8) << 8));

function upperByte(byte) {
  return byte >= 97 && byte <= 122 ? byte - 32 : byte;
}

function upperBytes(bytes) {
  const out = bytes.slice();
  const n = out.length >> 1;
  const pairs = new Uint16Array(out.buffer, 0, n);
  const table = PAIRS;
  for (let i = 0; i < n; i++) pairs[i] = table[pairs[i]];
  if (out.length & 1) out[2 * n] = upperByte(out[2 * n]);
  return out;
}

/** A typed view of a buffer; a view needs its type's alignment, which a part of a larger ArrayBuffer may not have. */
function view(type, bytes) {
  const whole = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  return new type(whole.buffer, whole.byteOffset, whole.byteLength / type.BYTES_PER_ELEMENT);
}

function bytesOf(values) {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
