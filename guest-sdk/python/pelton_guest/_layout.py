"""Rows of lists and maps of state: subkeys and values as columns, and back.

A list or map may have a single value in a row, in a column of its own name, or the fields of a row class.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from . import _rows
from ._columns import EPOCH, Column, Wrong, make_node
from ._types import ColumnType, column
from ._wire import Field, Node


class Layout:
    """The columns of a row class, or of a single value."""

    def __init__(self, of: str, annotation: Any, name: str) -> None:
        self.of = of
        self.row: type | None = annotation if _rows.is_row(annotation) else None
        if self.row is not None:
            spec = _rows.spec(self.row, 0, True)
            self.columns: list[tuple[str, ColumnType]] = spec.columns
            self._split = spec.split
        else:
            self.columns = [(name, column(of, annotation, name)[1])]
            self._split = lambda values: [list(values)]

    def fields(self) -> list[Field]:
        return [Field(name, type.format, type.nullable, 0) for name, type in self.columns]

    def store(self, values: Sequence[Any]) -> list[Node]:
        columns = self._split(values)
        for (name, type), given in zip(self.columns, columns):
            if not type.nullable and None in given:
                raise Wrong(f"{self.of} has None in `{name}`, but its annotation does not say `| None`")
        return [make_node(name, type, given, len(values)) for (name, type), given in zip(self.columns, columns)]

    def load(self, nodes: Iterable[Node], rows: int) -> list[Any]:
        columns = [Column(node, type.format, type, rows) for node, (_, type) in zip(nodes, self.columns)]
        if self.row is None:
            return list(columns[0])
        return [self.row(*values) for values in zip(*columns)]

    def blank(self) -> Any:
        """A row that stands where none is looked at."""
        values = [None if type.nullable else _BLANKS[type.kind] for _, type in self.columns]
        return values[0] if self.row is None else self.row(*values)

    def order(self, value: Any) -> Any:
        """Of subkeys: less is earlier, in the engine's order."""
        return value if self.row is None else tuple(getattr(value, field) for field in _rows.fields_of(self.row)[0])


def subkey(of: str, annotation: Any) -> Layout:
    """The columns of a subkey, which have an order that all rows agree on."""
    layout = Layout(of, annotation, "key")
    for name, type in layout.columns:
        if type.nullable or type.format in ("f", "g"):
            raise TypeError(f"{of} cannot be `{type.name}` in `{name}`: a subkey has no floats and no `| None`")
    return layout


#: What stands in a row that nobody looks at.
_BLANKS = {
    "number": 0, "bool": False, "str": "", "bytes": b"", "date": EPOCH.date(), "datetime": EPOCH, "timestamp": 0, "decimal": Decimal(0),
}
