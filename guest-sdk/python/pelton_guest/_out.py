"""What a keyed operator's function is shown of a key and what leaves it: `State`, `Rows` and `Out`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from struct import pack
from typing import Any, Generic, TypeVar

from ._answers import table
from ._context import Context
from ._rows import PortSpec
from ._wire import Rejection
from ._wire_keyed import KeyedEmitted

T = TypeVar("T")
#: The origin of rows that have none.
NO_ORIGIN = (1 << 32) - 1


class State(Generic[T]):
    """What is kept for a key: `value` is None if nothing is, and to keep nothing any more."""

    __slots__ = ("value",)

    def __init__(self, value: T | None = None) -> None:
        self.value = value


class Rows(Sequence[T]):
    """The rows of a key, in the order in which they came; it may have none."""

    def __init__(self, rows: list[T], numbers: Sequence[int], ctx: Context, start: int) -> None:
        self._rows, self._numbers, self._ctx = rows, numbers, ctx
        self._by_identity: dict[int, int] | None = None
        ctx.at(numbers[0] if rows else start)

    def __iter__(self) -> Iterator[T]:
        for row, number in zip(self._rows, self._numbers):
            self._ctx.at(number)
            yield row

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: Any) -> Any:
        return self._rows[at]

    def _find(self, row: object) -> int | None:
        if self._by_identity is None:
            self._by_identity = {id(row): number for row, number in zip(self._rows, self._numbers)}
        return self._by_identity.get(id(row))

    def _number(self, row: object) -> int:
        """Of a row, in the call."""
        number = self._find(row)
        if number is None:
            raise ValueError(f"{row!r} is not one of the rows that this call was given for the key")
        return number


def cut(ends: memoryview, kept: list[int] | None) -> list[int]:
    """Where each key's rows end among those that are shown."""
    return ends.tolist() if kept is None else [bisect_left(kept, end) for end in ends]


class Out(Generic[T]):
    """Takes the rows that a keyed operator makes. Their key columns are the engine's to fill in."""

    def __init__(self, ports: list[PortSpec]) -> None:
        self._ports = ports
        self._made: dict[type, list[tuple[int, int, Any]]] = {port.row: [] for port in ports if port.row is not None}
        self._rejected: dict[int, str] = {}
        self._key, self._rows = 0, Rows[Any]([], [], Context(None), 0)  # type: ignore[arg-type]

    def _enter(self, key: int, rows: Rows) -> None:
        self._key, self._rows = key, rows

    def emit(self, made: T, of: object = None) -> None:
        """Emits a row. With `of`, one of the key's rows, it has that row's event time and, if the output passes any, its columns;
        without, columns that pass beside the key and the event time are null."""
        origin = NO_ORIGIN if of is None else self._rows._number(of)
        self._made[made.__class__].append((self._key, origin, made))

    def reject(self, row: object, reason: str) -> None:
        """Rejects one of the key's rows: it goes to `operator.rejected` with the reason. The first reason counts."""
        self._rejected.setdefault(self._rows._number(row), reason)

    def _emitted(self, orders: list[list[int]]) -> list[KeyedEmitted]:
        emitted = []
        for index, (port, order) in enumerate(zip(self._ports, orders)):
            made = self._made.get(port.row, [])
            if not made:
                continue
            keys, origins, rows = zip(*made)
            has_origin = any(origin != NO_ORIGIN for origin in origins)
            packed = pack(f"<{len(origins)}I", *origins) if has_origin else None
            key = pack(f"<{len(keys)}I", *keys)
            emitted.append(KeyedEmitted(index, key, packed, None, table(port, order, list(rows))))
        return emitted

    def _rejections(self, nulls: list[Rejection]) -> list[Rejection]:
        made = [Rejection(row, reason) for row, reason in self._rejected.items()]
        return sorted([*nulls, *made], key=lambda rejection: rejection.row)
