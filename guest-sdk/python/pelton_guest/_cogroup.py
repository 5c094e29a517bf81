"""`@cogroup`: a function of one key and its rows on two inputs, the general join, as an operator.

The engine matches the rows by the key that the job names, and calls the function for each key that has rows on either side. Rows are
numbered over both sides, left ones first.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from struct import pack
from typing import Annotated, Any, TypeVar

from . import _batch, _options, _rows
from ._answers import ports, table
from ._columns import Column
from ._context import Context
from ._contract import Plan, Read, Unfit, fit, read_format, top_level
from ._keyed import _KEY, key_of
from ._out import Out, Rows, cut
from ._types import column, union
from ._wire import BatchContext, Contract, Emitted, Input, Output, Rejection, Table

T = TypeVar("T")


class Left(Rows[T]):
    """The rows of a key on the left, in the order in which they came; it may have none."""


class Right(Rows[T]):
    """The rows of a key on the right."""


@dataclasses.dataclass
class Side:
    """What the function reads of an input."""

    row_class: type | None = None
    reads: list[Read] = dataclasses.field(default_factory=list)

    def load(self, table: Table, formats: list[str], first: int, rejected: list[Rejection]) -> tuple[list[Any], list[int] | None]:
        """The rows that are shown, and which these are; None is all. `first` is the number of the first row that came."""
        columns = _batch.views(table, formats, self.reads)
        nulls: list[Rejection] = []
        kept = _batch.refuse_nulls(columns, self.reads, table.rows, nulls)
        rejected.extend(Rejection(first + null.row, null.reason) for null in nulls)
        values = _batch.values(columns, self.reads, kept)
        count = table.rows if kept is None else len(kept)
        if values:
            return list(map(self.row_class, *values)), kept  # type: ignore[arg-type]
        return [self.row_class() if self.row_class else None for _ in range(count)], kept


@dataclasses.dataclass
class Opened:
    """What `open` agreed on."""

    plan: Plan
    right_formats: list[str]
    options: Any
    keys: list[tuple[int, str]]


class _Both:
    """The rows of a key on both sides, for rejections."""

    def __init__(self, left: Rows, right: Rows) -> None:
        self._sides = (left, right)

    def _number(self, row: object) -> int:
        for side in self._sides:
            number = side._find(row)
            if number is not None:
                return number
        raise ValueError(f"{row!r} is not one of the rows that this call was given for the key")


class Cogroup:
    """A function that is an operator; calling it calls the function."""

    def __init__(self, function: Callable, passing: _rows.Passing, event_time: str | None) -> None:
        functools.update_wrapper(self, function)
        self.function, self.name, self.passing, self.event_time = function, function.__name__, passing, event_time
        self.keys: list[Read] = []
        self.left, self.right = Side(), Side()
        self.ports = [_rows.PortSpec(_rows.MAIN, None, [])]
        self.options_class: type | None = None
        #: The arguments in order: a number is a column of the key.
        self.arguments: list[int | str] = []
        hints = typing.get_type_hints(function, include_extras=True)
        for parameter in inspect.signature(function).parameters:
            self._argument(parameter, hints)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def _argument(self, argument: str, hints: dict[str, Any]) -> None:
        of = f"`{self.name}.{argument}`"
        known = "`Key[int]`, `Left[Item]`, `Right[Payment]`, `Out[Unpaid]`, `Context` or a dataclass of options"
        if argument not in hints:
            raise TypeError(f"{of} has no annotation: {known}")
        annotation = hints[argument]
        origin, args = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is Annotated and _KEY in args[1:]:
            column_name, type_ = column(of, annotation, argument)
            self.arguments.append(len(self.keys))
            self.keys.append(Read(f"{self.name}.{argument}", column_name, type_))
        elif origin in (Left, Right):
            side = self.left if origin is Left else self.right
            side.row_class = args[0]
            names, _ = _rows.fields_of(args[0])
            fields = typing.get_type_hints(args[0], include_extras=True)
            for field in names:
                read_of = f"{args[0].__name__}.{field}"
                side.reads.append(Read(read_of, *column(f"`{read_of}`", fields[field], field)))
            self.arguments.append("left" if origin is Left else "right")
        elif origin is Out:
            self.ports = _rows.of_keys(ports(self.name, union(args[0])[0]))
            self.arguments.append("out")
        elif annotation is Context:
            self.arguments.append("ctx")
        elif dataclasses.is_dataclass(annotation):
            self.options_class = annotation  # type: ignore[assignment]
            self.arguments.append("options")
        else:
            raise TypeError(f"{of} is annotated {annotation!r}, which says nothing to a cogroup: {known}")

    def open(self, inputs: list[Input], options: str) -> tuple[Contract, Opened]:
        """Raises `Unfit` or `BadOptions` with words for the job's owner."""
        read_options = _options.read(self.options_class, options)
        edges = [given for given in inputs if given.mode != "table"]
        if len(edges) != 2:
            raise Unfit(f"this module joins two inputs, but the operator has {len(edges)}")
        contract, plan = fit(edges[:1], self.left.reads, self.ports, self.passing, self.event_time)
        columns = top_level(edges[1].fields)
        right_formats = [read_format(read, columns) for read in self.right.reads]
        contract.reads.append([read.column for read in self.right.reads])
        return contract, Opened(plan, right_formats, read_options, [key_of(edges[0], read) for read in self.keys])

    def process(
        self, opened: Opened, context: BatchContext, left: Table, left_ends: bytes, right: Table, right_ends: bytes, keys: Table
    ) -> Output:
        nulls: list[Rejection] = []
        left_rows, left_kept = self.left.load(left, opened.plan.formats, 0, nulls)
        right_rows, right_kept = self.right.load(right, opened.right_formats, left.rows, nulls)
        left_numbers = range(left.rows) if left_kept is None else left_kept
        right_numbers = [left.rows + row for row in (range(right.rows) if right_kept is None else right_kept)]
        key_columns = [
            Column(keys.nodes[index], format, read.type, keys.rows) for (index, format), read in zip(opened.keys, self.keys)
        ]
        unkeyed: list[Rejection] = []
        _batch.refuse_nulls(key_columns, self.keys, keys.rows, unkeyed)
        refused = {rejection.row: rejection.reason for rejection in unkeyed}
        key_values = list(zip(*key_columns)) if key_columns else [()] * keys.rows
        out, ctx = Out[Any](self.ports), Context(context)
        given: dict[str, Any] = {"out": out, "ctx": ctx, "options": opened.options}
        lefts, rights = memoryview(left_ends).cast("I"), memoryview(right_ends).cast("I")
        start = right_start = 0
        for key, (end, right_end) in enumerate(zip(cut(lefts, left_kept), cut(rights, right_kept))):
            # The first that is made says which row `ctx` speaks of: that of the left, if there is one.
            given["right"] = Right(right_rows[right_start:right_end], right_numbers[right_start:right_end], ctx, left.rows)
            first = right_numbers[right_start] if right_start < right_end else 0
            given["left"] = Left(left_rows[start:end], left_numbers[start:end], ctx, first)
            is_called = start < end or right_start < right_end
            start, right_start = end, right_end
            if not is_called:
                continue
            out._enter(key, _Both(given["left"], given["right"]))  # type: ignore[arg-type]
            if key in refused:
                for row in [*given["left"], *given["right"]]:
                    out.reject(row, refused[key])
                continue
            self.function(*[key_values[key][at] if isinstance(at, int) else given[at] for at in self.arguments])
        return Output(self._emitted(opened, out), out._rejections(nulls))

    def _emitted(self, opened: Opened, out: Out) -> list[Emitted]:
        """The rows of each port, by the keys that they belong to."""
        emitted = []
        for index, (port, order) in enumerate(zip(self.ports, opened.plan.order)):
            made = out._made.get(port.row, [])  # type: ignore[arg-type]
            if made:
                keys, _, rows = zip(*made)
                emitted.append(Emitted(index, pack(f"<{len(keys)}I", *keys), table(port, order, list(rows))))
        return emitted


def cogroup(
    function: Callable | None = None,
    *,
    drop: Iterable[str] = (),
    rename: Mapping[str, str] | None = None,
    event_time: str | None = None,
) -> Any:
    """Makes a function an operator. Of the inputs the columns of the key leave, and no others can, by their names on the left; `drop` and
    `rename` change that. `event_time` is the column that is the output's event time, if it has one."""

    def decorate(function: Callable) -> Cogroup:
        passing = _rows.passing("all", drop, rename or {})
        return Cogroup(function, dataclasses.replace(passing, only_key=True), event_time)

    return decorate(function) if function is not None else decorate
