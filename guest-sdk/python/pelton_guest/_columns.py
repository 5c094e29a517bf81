"""Columns between Arrow's buffers and Python: read as sequences of values, and made from lists of them.

Values are converted by the C loops of `memoryview`, `struct` and `str`, a column at a time, so that no bytecode runs for a
number or an ASCII text until the author's own does.
"""

from __future__ import annotations

import datetime as dt
import decimal as dec
from array import array
from collections.abc import Iterable, Iterator
from itertools import accumulate
from struct import error as StructError
from struct import pack
from typing import Any, Generic, TypeVar

from ._types import ColumnType
from ._wire import Node

#: Codes of `memoryview.cast` and `struct` by format.
CODES = {"c": "b", "s": "h", "i": "i", "l": "q", "C": "B", "S": "H", "I": "I", "L": "Q", "f": "f", "g": "d", "tdD": "i"}
SIZES = {"b": 1, "h": 2, "i": 4, "q": 8, "B": 1, "H": 2, "I": 4, "Q": 8, "f": 4, "d": 8}
#: Microseconds of a timestamp's unit; nanoseconds are divided instead.
SCALES = {"s": 1_000_000, "m": 1_000, "u": 1}
BITS = [tuple(bool(byte >> bit & 1) for bit in range(8)) for byte in range(256)]
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
EPOCH_DAY = dt.date(1970, 1, 1).toordinal()
MICROSECOND = dt.timedelta(microseconds=1)

T = TypeVar("T")


class Column(Generic[T]):
    """A column of a batch, at column level: an argument annotated `Column[float]`.

    `values` is a memoryview of the numbers without a copy (of text, `str` by row); what lies under a null is unspecified.
    Iterating gives every row's value, None where it is null.
    """

    __slots__ = ("_node", "_format", "_type", "_values", "rows")

    def __init__(self, node: Node, format: str, type: ColumnType, rows: int) -> None:
        self._node, self._format, self._type, self.rows = node, format, type, rows
        self._values: Any = None

    def __len__(self) -> int:
        return self.rows

    @property
    def has_nulls(self) -> bool:
        return bool(self._node.buffers[0])

    @property
    def valid(self) -> list[bool] | None:
        """Which rows have a value; None if all have one."""
        return read_bits(self._node.buffers[0], self.rows) if self.has_nulls else None

    @property
    def values(self) -> Any:
        """The values without regard to nulls: a memoryview of numbers, else a list."""
        if self._values is None:
            self._values = read_values(self._node, self._format, self._type, self.rows)
        return self._values

    def __iter__(self) -> Iterator[T | None]:
        valid = self.valid
        if valid is None:
            return iter(self.values)
        return (value if there else None for value, there in zip(self.values, valid))

    def __getitem__(self, row: int) -> T | None:
        if self.has_nulls and not self._node.buffers[0][row >> 3] >> (row & 7) & 1:
            return None
        return self.values[row]

    def take(self, rows: list[int]) -> Any:
        """The values of these rows, none of which is null."""
        values = self.values
        return [values[row] for row in rows]


def read_bits(bits: bytes, rows: int) -> list[bool]:
    return [bit for byte in bits[: (rows + 7) // 8] for bit in BITS[byte]][:rows]


def read_values(node: Node, format: str, type: ColumnType, rows: int) -> Any:
    """All values of a column, those under nulls unspecified."""
    data = node.buffers[1]
    if type.kind == "number":
        return numbers(data, CODES[format], rows)
    if type.kind == "bool":
        return read_bits(data, rows)
    if type.kind in ("str", "bytes"):
        offsets = numbers(data, "q" if format.isupper() else "i", rows + 1).tolist()
        return read_texts(node.buffers[2], offsets, type.kind == "str")
    if type.kind == "date":
        return [dt.date.fromordinal(EPOCH_DAY + days) for days in known(node, numbers(data, "i", rows), rows)]
    if type.kind == "decimal":
        return read_decimals(data, int(format.split(",")[1]), rows)
    micros = read_micros(numbers(data, "q", rows), format)
    if type.kind == "timestamp":
        return micros
    return [EPOCH + dt.timedelta(microseconds=value) for value in known(node, micros, rows)]


def known(node: Node, values: Iterable[int], rows: int) -> Iterable[int]:
    """Zero for what lies under nulls, which may be nothing that has a date."""
    if not node.buffers[0]:
        return values
    return (value if there else 0 for value, there in zip(values, read_bits(node.buffers[0], rows)))


def numbers(data: bytes, code: str, rows: int) -> memoryview:
    return memoryview(data)[: rows * SIZES[code]].cast(code)


def read_texts(data: bytes, offsets: list[int], is_text: bool) -> list:
    if is_text and data.isascii():
        text = data.decode("ascii")
        return [text[start:end] for start, end in zip(offsets, offsets[1:])]
    parts = [data[start:end] for start, end in zip(offsets, offsets[1:])]
    return [part.decode() for part in parts] if is_text else parts


def read_micros(values: memoryview, format: str) -> Any:
    unit = format[2]
    if unit == "u":
        return values
    if unit == "n":
        return [value // 1_000 for value in values]
    scale = SCALES[unit]
    return [value * scale for value in values]


def read_decimals(data: bytes, scale: int, rows: int) -> list[dec.Decimal]:
    unscaled = (int.from_bytes(data[at : at + 16], "little", signed=True) for at in range(0, rows * 16, 16))
    return [dec.Decimal(value).scaleb(-scale, WIDE) for value in unscaled]


#: Enough for all decimals of 38 digits.
WIDE = dec.Context(prec=40)


class Wrong(Exception):
    """A value that does not fit its column."""


def make_node(name: str, type: ColumnType, values: Any, rows: int) -> Node:
    """A column from its values: a list, or at column level an `array` or memoryview of numbers too."""
    if len(values) != rows:
        raise Wrong(f"column `{name}` has {len(values)} values, but {rows} rows were made")
    validity = b""
    if not isinstance(values, (array, memoryview)):
        there = [value is not None for value in values]
        if not all(there):
            if not type.nullable:
                raise Wrong(f"column `{name}` is {type.name}, but row {there.index(False)} of what was made has None in it")
            validity = make_bits(there)
    return Node(rows, [validity, *_buffers(name, type, values, rows)])


def _buffers(name: str, type: ColumnType, values: Any, rows: int) -> list[bytes]:
    try:
        if type.kind == "number":
            return [make_numbers(CODES[type.format], values, rows)]
        if type.kind == "bool":
            return [make_bits(values)]
        if type.kind == "str":
            return make_texts([(value or "") for value in values])
        if type.kind == "bytes":
            return join([(value or b"") for value in values])
        if type.kind == "date":
            days = [0 if value is None else value.toordinal() - EPOCH_DAY for value in values]
            return [make_numbers("i", days, rows)]
        if type.kind == "decimal":
            return [b"".join(unscaled(value, int(type.format.split(",")[1])) for value in values)]
        return [make_numbers("q", make_units(type, values), rows)]
    except (StructError, OverflowError, TypeError, AttributeError, ArithmeticError) as error:
        bad = next((value for value in values if not _fits(name, type, value)), None)
        shown = repr(bad) if bad is not None else str(error)
        is_naive = isinstance(bad, dt.datetime) and bad.tzinfo is None
        why = ", which has no time zone: give `tzinfo=timezone.utc`" if is_naive else ""
        raise Wrong(f"column `{name}` is {type.name}, and cannot hold {shown[:200]}{why}") from error


def _fits(name: str, type: ColumnType, value: Any) -> bool:
    if value is None:
        return True
    try:
        _buffers(name, type, [value], 1)
    except (Wrong, RecursionError):
        return False
    return True


def make_numbers(code: str, values: Any, rows: int) -> bytes:
    if isinstance(values, array) and values.typecode == code:
        return values.tobytes()
    if isinstance(values, memoryview) and values.format == code:
        return values.tobytes()
    try:
        return pack(f"<{rows}{code}", *values)
    except StructError:
        if None not in values:
            raise
        return pack(f"<{rows}{code}", *(0 if value is None else value for value in values))


def make_bits(values: Any) -> bytes:
    bits = bytearray((len(values) + 7) // 8)
    for at, value in enumerate(values):
        if value:
            bits[at >> 3] |= 1 << (at & 7)
    return bytes(bits)


def make_texts(values: list[str]) -> list[bytes]:
    text = "".join(values)
    if text.isascii():
        return [offsets(values), text.encode("ascii")]
    return join([value.encode() for value in values])


def join(values: list[bytes]) -> list[bytes]:
    return [offsets(values), b"".join(values)]


def offsets(values: list) -> bytes:
    return pack(f"<{len(values) + 1}i", *accumulate(map(len, values), initial=0))


def make_units(type: ColumnType, values: Any) -> list[int]:
    """Numbers of the column's unit, earlier ones rounded down."""
    if type.kind == "datetime":
        values = [0 if value is None else (value - EPOCH) // MICROSECOND for value in values]
    scale = SCALES[type.format[2]]
    return [0 if value is None else value // scale for value in values]


def unscaled(value: dec.Decimal | None, scale: int) -> bytes:
    if value is None:
        return bytes(16)
    exact = value.scaleb(scale, WIDE)
    if exact != exact.to_integral_value():
        raise ArithmeticError(f"{value} has more than {scale} digits after the point")
    return int(exact).to_bytes(16, "little", signed=True)
