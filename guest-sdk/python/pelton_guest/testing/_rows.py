"""Rows for a test: lists by column, with the types that their values have or that a schema gives, as the engine would hand them over."""

from __future__ import annotations

import datetime as dt
import decimal as dec
from typing import Any

from .._columns import Column, make_node
from .._types import NAMES, UNITS, ColumnType
from .._wire import Field, Input, Node, Table

FORMATS = {name: format for format, name in NAMES.items() if not format.isupper() or format in "CSIL"}
KINDS = {
    "b": "bool", "u": "str", "z": "bytes", "tdD": "date",
}


class Refused(Exception):
    """`open` said no: columns or options that do not fit."""


class Given:
    """Rows of a test."""

    def __init__(self, rows: dict[str, list], types: dict[str, ColumnType]) -> None:
        self.rows, self.types = rows, types
        self.count = max(map(len, rows.values()), default=0)
        if any(len(values) != self.count for values in rows.values()):
            raise ValueError("columns have different numbers of rows")

    @classmethod
    def of(cls, rows: dict[str, list], schema: dict[str, str] | None) -> Given:
        return cls(rows, {name: column_type(name, values, (schema or {}).get(name)) for name, values in rows.items()})

    def input(self, key: list[str] = [], event_time: str | None = None) -> Input:
        fields = [Field(name, type.format, type.nullable, 0) for name, type in self.types.items()]
        return Input("input", fields, list(key), event_time, "append", [])

    def table(self, columns: list[str], numbers: list[int] | range) -> Table:
        """These columns of the rows `numbers`."""
        nodes = []
        for name in columns:
            values = [self.rows[name][row] for row in numbers]
            nodes.append(make_node(name, self.types[name], values, len(values)))
        return Table(len(numbers), nodes)


def read(made: Field, node: Node | None, count: int) -> list[Any]:
    """The values of a column that was made."""
    if node is None:
        return []
    return list(Column(node, made.format, type_of_format(made.format), count))


def type_of_format(format: str) -> ColumnType:
    if format.startswith("ts"):
        return ColumnType("datetime", format)
    if format.startswith("d:"):
        return ColumnType("decimal", format)
    return ColumnType(KINDS.get(format, "number"), format)


def column_type(name: str, values: list, declared: str | None) -> ColumnType:
    if declared is not None:
        return declared_type(name, declared, values)
    there = [value for value in values if value is not None]
    nullable = len(there) < len(values)
    if not there:
        raise ValueError(f"column `{name}` has no value to tell its type by: give `schema={{\"{name}\": \"f64\"}}`")
    first = there[0]
    if isinstance(first, bool):
        format = "b"
    elif isinstance(first, float) or any(isinstance(value, float) for value in there):
        format = "g"
    elif isinstance(first, int):
        format = "l"
    elif isinstance(first, dec.Decimal):
        format = f"d:38,{max(-value.as_tuple().exponent for value in there)}"
    else:
        by_class = {str: "u", bytes: "z", dt.datetime: "tsu:", dt.date: "tdD"}
        if type(first) not in by_class:
            raise TypeError(f"no column holds {first!r} of `{name}`")
        format = by_class[type(first)]
    kind = type_of_format(format)
    return ColumnType(kind.kind, format, nullable)


def declared_type(name: str, declared: str, values: list) -> ColumnType:
    word = declared.rstrip("?").strip()
    if word in FORMATS:
        format = FORMATS[word]
    elif word.startswith("timestamp[") and word.endswith("]"):
        unit, _, zone = word[10:-1].partition(",")
        by_word = {word: unit for unit, word in UNITS.items()}
        format = f"ts{by_word[unit.strip()]}:{zone.strip()}"
    elif word.startswith("decimal(") and word.endswith(")"):
        format = f"d:{word[8:-1].replace(' ', '')}"
    else:
        raise ValueError(f"column `{name}`: `{declared}` is not a type; types are those of a job file's schema")
    kind = type_of_format(format).kind
    # Microseconds, where a test gives numbers.
    if kind == "datetime" and all(isinstance(value, int) for value in values if value is not None):
        kind = "timestamp"
    return ColumnType(kind, format, declared.endswith("?"))
