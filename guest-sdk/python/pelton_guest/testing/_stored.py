"""The lists and maps of a test's run: kept between its calls, read and changed as the engine does."""

from __future__ import annotations

from struct import unpack
from typing import Any

from .._columns import make_node
from .._tables import APPEND, PUT, Declared
from .._types import ColumnType
from .._wire import Table
from .._wire_keyed import Change

#: Of the column that says which key a row is of.
KEY = ColumnType("number", "I")


class Stored:
    """One list or map: by key, and by the order of its subkey, subkey and value of each row."""

    def __init__(self, declared: Declared) -> None:
        self.declared = declared
        self.by_key: dict[tuple, dict[Any, tuple[Any, Any]]] = {}

    def apply(self, called: list[tuple], change: Change) -> None:
        keys, values = self.declared.keys, self.declared.values
        cut = len(keys.columns)
        subkeys = keys.load(change.rows.nodes[:cut], change.rows.rows)
        elements = values.load(change.rows.nodes[cut:], change.rows.rows)
        for place, kind, subkey, element in zip(memoryview(change.key).cast("I"), change.kind, subkeys, elements):
            rows = self.by_key.setdefault(called[place], {})
            if kind == APPEND:
                subkey = max(rows, default=-1) + 1
            if kind in (PUT, APPEND):
                rows[keys.order(subkey)] = (subkey, element)
            else:
                rows.pop(keys.order(subkey), None)

    def read(self, key: tuple, place: bytes, low: Table | None, high: Table | None, limit: int, reverse: bool) -> Table:
        keys, values = self.declared.keys, self.declared.values
        rows = sorted(self.by_key.get(key, {}).items(), reverse=reverse)
        if low is not None:
            least = keys.order(keys.load(low.nodes, 1)[0])
            rows = [row for row in rows if not row[0] < least]
        if high is not None:
            end = keys.order(keys.load(high.nodes, 1)[0])
            rows = [row for row in rows if row[0] < end]
        rows = rows[:limit]
        subkeys, elements = [row[1][0] for row in rows], [row[1][1] for row in rows]
        of_key = make_node("key", KEY, [*unpack("<I", place)] * len(rows), len(rows))
        return Table(len(rows), [of_key, *keys.store(subkeys), *values.store(elements)])

    def columns(self) -> tuple[list[str], list[list]]:
        """Names of the subkey's columns and the values', and the rows of all keys behind each key's own columns."""
        keys, values = self.declared.keys, self.declared.values
        rows = []
        for key in self.by_key:
            for _, (subkey, element) in sorted(self.by_key[key].items()):
                rows.append([*key, *_cells(keys, subkey), *_cells(values, element)])
        return [name for name, _ in [*keys.columns, *values.columns]], rows


def _cells(layout: Any, value: Any) -> list[Any]:
    return list(layout.order(value)) if layout.row is not None else [value]


class Serving:
    """What reads of a call are answered by."""

    def __init__(self, stored: list[Stored], own: int, called: list[tuple]) -> None:
        """`own` is how many tables the contract has before these."""
        self.stored, self.own, self.called = stored, own, called

    def get(self, index: int, keys: bytes, low: Table | None, high: Table | None, limit: int, reverse: bool) -> Table:
        (place,) = unpack("<I", keys)
        return self.stored[index - self.own].read(self.called[place], keys, low, high, limit, reverse)
