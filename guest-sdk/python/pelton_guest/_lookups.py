"""Side tables: whole tables that the engine hands to a transform before its rows, as something to look up in.

What is built of a table is a cache: the engine hands the table over again to every instance, and whenever it changes.
"""

from __future__ import annotations

import collections.abc
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import _rows
from ._answers import LISTS
from ._columns import Column, Wrong
from ._contract import Read, Unfit, read_format
from ._names import suggest
from ._types import column
from ._wire import Input, Table


@dataclass
class Offered:
    """A table as `open` agreed on it: where its columns stand among the nodes, with their formats; and what was built of it."""

    places: list[tuple[int, str]]
    built: Any = None
    is_there: bool = False


class Lookup:
    """A table that a transform asks for, and the author's function that makes of its rows what is looked up in."""

    def __init__(self, of: str, name: str, build: Callable) -> None:
        self.name, self.build = name, build
        #: The argument that takes it.
        self.argument = "".join(letter if letter.isalnum() else "_" for letter in name)
        function = build.__init__ if isinstance(build, type) else build  # type: ignore[misc]
        says = f"`tables` of {of} needs for `{name}` a function of the table's rows, as in `def by_carrier(rows: Iterable[Airline])`"
        try:
            parameters = list(inspect.signature(build).parameters)
            hints = typing.get_type_hints(function, include_extras=True)
        except TypeError:
            raise TypeError(says) from None
        annotation = hints.get(parameters[0]) if parameters else None
        args = typing.get_args(annotation)
        if typing.get_origin(annotation) not in LISTS or len(args) == 0 or not _rows.is_row(args[0]):
            raise TypeError(f"{says}; Airline is a NamedTuple or a dataclass")
        self.row = args[0]
        #: Whether rows may be made one after the other.
        self.is_lazy = typing.get_origin(annotation) in (collections.abc.Iterator, collections.abc.Generator)
        names, _ = _rows.fields_of(self.row)
        fields = typing.get_type_hints(self.row, include_extras=True)
        self.reads = [self._read(field, fields[field]) for field in names]

    def _read(self, field: str, annotation: Any) -> Read:
        of = f"{self.row.__name__}.{field}"
        return Read(of, *column(f"`{of}`", annotation, field))

    def open(self, inputs: list[Input]) -> Offered:
        """Fits what is read to the table on offer."""
        tables = {given.name: given for given in inputs if given.mode == "table"}
        if self.name not in tables:
            hint = suggest(self.name, tables)
            raise Unfit(f"this module looks up in the table `{self.name}`, which the operator is not offered: {hint}")
        fields = tables[self.name].fields
        # Children of lists and structs have nodes as well.
        columns, places, skip = {}, {}, 0
        for place, field in enumerate(fields):
            if skip:
                skip += field.children - 1
                continue
            columns[field.name], places[field.name], skip = field, place, field.children
        formats = [read_format(read, columns, f"the table `{self.name}`") for read in self.reads]
        return Offered([(places[read.column], format) for read, format in zip(self.reads, formats)])

    def load(self, offered: Offered, table: Table) -> None:
        """Builds what is looked up in, in the place of what was there."""
        # The old one goes first: both may not fit.
        offered.built, offered.is_there = None, False
        columns = [
            Column(table.nodes[place], format, read.type, table.rows)
            for read, (place, format) in zip(self.reads, offered.places)
        ]
        for read, of in zip(self.reads, columns):
            if not read.type.nullable and of.has_nulls:
                row = list(of.valid).index(False)
                raise Wrong(f"the table `{self.name}`: `{read.column}` of row {row} is null")
        rows = zip(*columns) if columns else (() for _ in range(table.rows))
        made = (self.row(*values) for values in rows)
        offered.built = self.build(made if self.is_lazy else list(made))
        offered.is_there = True

    def get(self, offered: Offered) -> Any:
        if not offered.is_there:
            raise Wrong(f"the table `{self.name}` did not come before the first rows")
        return offered.built


def lookups(name: str, tables: Mapping[str, Callable]) -> list[Lookup]:
    return [Lookup(f"`{name}`", table, build) for table, build in tables.items()]
