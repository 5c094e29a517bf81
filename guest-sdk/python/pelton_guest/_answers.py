"""What a function answers for each row that it is called with (or for each group), and the rows that this comes to.

A row class is a map, `| None` leaves out, `bool` keeps or leaves out, a list or an iterator is any number of rows, several row
classes are several outputs. The return annotation says which.
"""

from __future__ import annotations

import collections.abc
import typing
from collections.abc import Callable, Iterable
from struct import pack
from typing import Any

from . import _rows
from ._columns import make_node
from ._rows import PortSpec
from ._types import union
from ._wire import Emitted, Rejection, Table

LISTS = (list, collections.abc.Iterable, collections.abc.Iterator, collections.abc.Generator, collections.abc.Sequence)

#: For each output, the rows that came from (numbers) and what was made.
Made = list[tuple[list[int], list]]


class Reject(Exception):
    """`raise Reject("no level")`: refuses the row, which goes to `operator.rejected` with the reason."""


class Answers:
    """The outputs of a function, from its return annotation."""

    def __init__(self, name: str, annotation: Any) -> None:
        members, optional = union(annotation)
        self.is_filter = members == [bool]
        self.many = len(members) == 1 and typing.get_origin(members[0]) in LISTS
        if self.many:
            members, _ = union(typing.get_args(members[0])[0])
        if annotation is None or members in ([type(None)], []):
            members = []
        self.keeps_all = False
        if self.is_filter or not members:
            self.ports = [PortSpec(_rows.MAIN, None, [])]
            self.keeps_all = not self.is_filter
            return
        self.keeps_all = not optional and not self.many
        self.ports = ports(name, members)

    def collect(self, function: Callable, numbers: Iterable[int], calls: Iterable, rejected: list[Rejection]) -> Made:
        """Calls `function` with each of `calls`, which stand for the rows `numbers`."""
        made: Made = [([], []) for _ in self.ports]
        before = len(rejected)
        loop = self._many if self.many else self._one
        loop(function, numbers, calls, made, rejected)
        if 0 < before < len(rejected):
            rejected.sort(key=lambda rejection: rejection.row)
        return made

    def _one(self, function: Any, numbers: Any, calls: Any, made: Made, rejected: list[Rejection]) -> None:
        if len(self.ports) > 1:
            by_class = {port.row: sink for port, sink in zip(self.ports, made)}
            for row, arguments in zip(numbers, calls):
                try:
                    answer = function(*arguments)
                except Reject as why:
                    rejected.append(Rejection(row, str(why)))
                    continue
                if answer is not None:
                    origin, rows = by_class[answer.__class__]
                    origin.append(row)
                    rows.append(answer)
            return
        origin, rows = made[0]
        keeps_none = self.keeps_all and self.ports[0].row is None
        keeps_true = self.is_filter
        for row, arguments in zip(numbers, calls):
            try:
                answer = function(*arguments)
            except Reject as why:
                rejected.append(Rejection(row, str(why)))
                continue
            if keeps_none or (answer if keeps_true else answer is not None):
                origin.append(row)
                rows.append(answer)

    def _many(self, function: Any, numbers: Any, calls: Any, made: Made, rejected: list[Rejection]) -> None:
        by_class = {port.row: sink for port, sink in zip(self.ports, made)}
        for row, arguments in zip(numbers, calls):
            try:
                # All of a row's output or none: a generator may reject after it has yielded.
                answers = list(function(*arguments) or ())
            except Reject as why:
                rejected.append(Rejection(row, str(why)))
                continue
            for answer in answers:
                origin, rows = by_class[answer.__class__]
                origin.append(row)
                rows.append(answer)

    def emitted(self, made: Made, orders: list[list[int]], of: int) -> list[Emitted]:
        """What was made of `of` rows, with the columns of each output in the contract's order."""
        return [
            self._emitted(index, spec, order, rows, origin, of)
            for index, (spec, order, (origin, rows)) in enumerate(zip(self.ports, orders, made))
            if len(self.ports) == 1 or origin
        ]

    def _emitted(
        self, index: int, spec: PortSpec, order: list[int], rows: list, origin: list[int], of: int
    ) -> Emitted:
        # Row i from row i, of all rows, is what no origin says.
        is_own = len(origin) == of and (not origin or (origin[0] == 0 and origin == list(range(of))))
        packed = None if is_own else pack(f"<{len(origin)}I", *origin)
        return Emitted(index, packed, table(spec, order, rows))


def ports(name: str, members: list[type]) -> list[PortSpec]:
    """The outputs of row classes; the first is the main one."""
    for member in members:
        if not _rows.is_row(member):
            raise TypeError(f"`{name}` returns {member!r}; a row is a NamedTuple or a dataclass")
    made = [_rows.spec(member, at, len(members) == 1) for at, member in enumerate(members)]
    names = [port.name for port in made]
    if len(set(names)) != len(names):
        raise TypeError(f"`{name}` has two outputs of one name: {', '.join(names)}")
    return made


def table(spec: PortSpec, order: list[int], rows: list) -> Table:
    """Rows of an output as columns."""
    split = spec.split(rows) if spec.row else []
    return Table(len(rows), [make_node(*spec.columns[at], split[at], len(rows)) for at in order])
