"""The boundary benchmark's guest in Python: the same operators by every way to cross.

Column level: where a C loop inside `struct`, `itertools`, `bytes` or `int` can do the work, no bytecode runs for each
value. `struct.unpack` boxes a whole column once, list comprehensions beat `map` over a bound operator, and
`struct.pack` beats `array`, which parses an argument tuple for each value.
"""

import json
from array import array
from itertools import compress
from struct import pack, unpack

from wit_world import exports
from wit_world.exports import columns, rows
from wit_world.imports.types import Contract, Emitted, Node, Output, Table

RATE = 0.908


def euro(prices):
    rate = RATE
    return [price * rate for price in prices]


def keep(prices, above):
    """The positions of the prices over `above`, and what is computed from them."""
    over = [price > above for price in prices]
    return list(compress(range(len(prices)), over)), euro(compress(prices, over))


class Rows(exports.Rows):
    """Candidate (a): one record for each row."""

    def filter(self, above, batch):
        return [rows.Kept(i, row.price * RATE) for i, row in enumerate(batch) if row.price > above]

    def add(self, batch):
        return [
            rows.Eight(r.a + 1, r.b + 2, r.c + 3, r.d + 4, r.e + 5, r.f + 6, r.g + 7, r.h + 8) for r in batch
        ]

    def upper(self, batch):
        return [rows.Text(row.text.upper()) for row in batch]

    def scale(self, batch):
        return [rows.Maybe(None if row.value is None else row.value * RATE) for row in batch]


class Columns(exports.Columns):
    """Candidate (b): one typed list for each column; they arrive as Python lists of boxed numbers."""

    def filter(self, above, price):
        return columns.Kept(*keep(price, above))

    def add(self, all):
        values = [all.a, all.b, all.c, all.d, all.e, all.f, all.g, all.h]
        return columns.Eight(*(list(map(by.__add__, column)) for by, column in enumerate(values, 1)))

    def upper(self, text):
        return list(map(str.upper, text))

    def scale(self, values):
        return [None if value is None else value * RATE for value in values]

    def upper_flat(self, text):
        return columns.Text(text.offsets, text.bytes.upper())

    def scale_flat(self, values):
        return columns.Maybe(values.valid, euro(values.values))


class Transform(exports.Transform):
    """Candidate (c): Arrow's buffers as bytes, by Pelton's own contract."""

    def open(self, inputs, options):
        options = json.loads(options)
        self.above = options.get("above")
        Transform.operation = getattr(self, options["operation"])
        return Contract([], [], [], [], 0, [])

    def process(self, context, table):
        return Output([Transform.operation(table)], [])

    def filter(self, table):
        prices = unpack(f"<{table.rows}d", table.nodes[0].buffers[1])
        origin, kept = keep(prices, self.above)
        rows = len(origin)
        node = Node(rows, [b"", pack(f"<{rows}d", *kept)])
        return Emitted(0, pack(f"<{rows}I", *origin), Table(rows, [node]))

    def add(self, table):
        """Wrapping addition on all rows of a column at once, as one long integer.

        The sign bits are added apart, so that no carry leaves its 64 bits.
        """
        ones = int.from_bytes(b"\1\0\0\0\0\0\0\0" * table.rows, "little")
        signs = ones << 63
        rest = signs - ones
        nodes = []
        for by, node in enumerate(table.nodes, 1):
            values = int.from_bytes(node.buffers[1], "little")
            sums = ((values & rest) + ones * by) ^ (values & signs)
            nodes.append(Node(table.rows, [b"", sums.to_bytes(8 * table.rows, "little")]))
        return Emitted(0, None, Table(table.rows, nodes))

    def add_boxed(self, table):
        """The same with one boxed integer for each value; enough when nothing wraps."""
        nodes = []
        for by, node in enumerate(table.nodes, 1):
            sums = array("q", map(by.__add__, memoryview(node.buffers[1]).cast("q")))
            nodes.append(Node(table.rows, [b"", sums.tobytes()]))
        return Emitted(0, None, Table(table.rows, nodes))

    def upper(self, table):
        validity, offsets, text = table.nodes[0].buffers
        return Emitted(0, None, Table(table.rows, [Node(table.rows, [validity, offsets, text.upper()])]))

    def scale(self, table):
        validity, values = table.nodes[0].buffers
        scaled = pack(f"<{table.rows}d", *euro(unpack(f"<{table.rows}d", values)))
        return Emitted(0, None, Table(table.rows, [Node(table.rows, [validity, scaled])]))

    def echo(self, table):
        return Emitted(0, None, table)
