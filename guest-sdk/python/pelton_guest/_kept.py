"""What the engine keeps: columns that are the fields of an accumulator or of a key's state.

A row of nulls stands for nothing: no row folded, no state. So every such column is nullable, whether its field is or not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from . import _rows
from ._columns import Column, Wrong, make_node
from ._types import ColumnType
from ._wire import Field, Table


class Kept:
    """The columns of a row class, kept."""

    def __init__(self, row: type) -> None:
        self.name = row.__name__
        spec = _rows.spec(row, 0, True)
        self.names = [name for name, _ in spec.columns]
        #: For each column, whether its field may be None itself.
        self.optional = [type.nullable for _, type in spec.columns]
        self.types = [dataclasses.replace(type, nullable=True) for _, type in spec.columns]
        self.split = spec.split

    @classmethod
    def value(cls, name: str, type: ColumnType) -> Kept:
        """A single value, in a column `value`."""
        kept = cls.__new__(cls)
        kept.name, kept.names, kept.optional = name, ["value"], [False]
        kept.types = [dataclasses.replace(type, nullable=True)]
        kept.split = lambda values: [list(values)]
        return kept

    def fields(self) -> list[Field]:
        return [Field(name, type.format, True, 0) for name, type in zip(self.names, self.types)]

    def load(self, table: Table) -> list[list[Any]]:
        """The values of each column, None where they are null."""
        return [
            list(Column(node, type.format, type, table.rows)) for node, type in zip(table.nodes, self.types, strict=True)
        ]

    def store(self, columns: Iterable[list[Any]], rows: int) -> Table:
        return Table(rows, [make_node(*named, values, rows) for *named, values in zip(self.names, self.types, columns)])

    def check(self, columns: list[list[Any]]) -> None:
        """None is no value of a field that does not say so: it would come back as something else."""
        for name, optional, values in zip(self.names, self.optional, columns):
            if not optional and None in values:
                raise Wrong(f"`{self.name}.{name}` is None, but its annotation does not say `| None`")


def bits(value: Any) -> Any:
    """Equal for values that are the same bit for bit."""
    return value.hex() if value.__class__ is float else value
