"""`@transform`: a function of one row, or of whole columns, as an operator.

What the function reads is in its arguments, and what it is in its return annotation: a row class is a map, `| None` a
filter, `bool` a filter that computes nothing, a list or an iterator a flat-map, several row classes several outputs.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from array import array
from itertools import repeat
from struct import pack
from typing import Any

from . import _batch, _lookups, _options, _rows
from ._answers import Answers, Made
from ._arguments import Arguments
from ._columns import Column, Wrong, make_node
from ._context import Context
from ._contract import Plan, fit
from ._wire import BatchContext, Contract, Emitted, Input, Output, Rejection, Table


@dataclasses.dataclass
class Emit:
    """What a function at column level answers: rows of one output.

    `columns` are those of the row class, each a list, an `array` or a memoryview of numbers; `origin` has the input row of
    each row made, in order, and None says row for row.
    """

    columns: dict[str, Any] | tuple = dataclasses.field(default_factory=dict)
    origin: Any = None
    rejected: list[tuple[int, str]] = dataclasses.field(default_factory=list)
    #: How many rows, if no column says so.
    rows: int | None = None


@dataclasses.dataclass
class Opened:
    """What `open` agreed on."""

    plan: Plan
    options: Any
    #: By their places among the transform's.
    tables: list[_lookups.Offered] = dataclasses.field(default_factory=list)


class Transform:
    """A function that is an operator; calling it calls the function."""

    def __init__(
        self,
        function: typing.Callable,
        columns: bool,
        passing: _rows.Passing,
        event_time: str | None,
        tables: typing.Mapping[str, typing.Callable],
    ) -> None:
        functools.update_wrapper(self, function)
        self.function, self.by_column, self.passing, self.event_time = function, columns, passing, event_time
        self.lookups = _lookups.lookups(function.__name__, tables)
        by_argument = {of.argument: f"table {of.name}" for of in self.lookups}
        self.arguments = Arguments(function.__name__, function, by_column=columns, tables=by_argument)
        for of in self.lookups:
            if f"table {of.name}" not in self.arguments.order:
                raise TypeError(f"no argument of `{self.name}` takes the side table `{of.name}`: it is called `{of.argument}`")
        self.reads, self.options_class = self.arguments.reads, self.arguments.options_class
        hints = self.arguments.hints
        if "return" not in hints:
            raise TypeError(f"say what `{self.name}` returns: `-> Row`, `-> Row | None`, `-> bool`, `-> list[Row]` …")
        self.answers = Answers(self.name, hints["return"])
        self.ports = self.answers.ports

    @property
    def name(self) -> str:
        return self.function.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def open(self, inputs: list[Input], options: str) -> tuple[Contract, Opened]:
        """Raises `Unfit` or `BadOptions` with words for the job's owner."""
        read_options = _options.read(self.options_class, options)
        contract, plan = fit(inputs, self.reads, self.ports, self.passing, self.event_time)
        contract.tables = [of.name for of in self.lookups]
        return contract, Opened(plan, read_options, [of.open(inputs) for of in self.lookups])

    def load(self, opened: Opened, name: str, rows: Table) -> None:
        """Replaces a side table."""
        for of, offered in zip(self.lookups, opened.tables):
            if of.name == name:
                return of.load(offered, rows)
        raise Wrong(f"the table `{name}` came, but this module did not ask for it")

    def _tables(self, opened: Opened) -> dict[str, Any]:
        return {f"table {of.name}": of.get(offered) for of, offered in zip(self.lookups, opened.tables)}

    def process(self, opened: Opened, context: BatchContext, table: Table) -> Output:
        columns = _batch.views(table, opened.plan.formats, self.reads)
        rejected: list[Rejection] = []
        kept = _batch.refuse_nulls(columns, self.reads, table.rows, rejected)
        ctx = Context(context)
        if self.by_column:
            return self._columns(opened, ctx, columns, kept, table.rows, rejected)
        made = self._rows(opened, ctx, columns, kept, table.rows, rejected)
        return Output(self.answers.emitted(made, opened.plan.order, table.rows), rejected)

    def _rows(
        self,
        opened: Opened,
        ctx: Context,
        columns: list[Column],
        kept: list[int] | None,
        rows: int,
        rejected: list[Rejection],
    ) -> Made:
        """Origins and rows made, for each port."""
        numbers = range(rows) if kept is None else kept
        values = _batch.values(columns, self.reads, kept)
        tables = {name: repeat(built) for name, built in self._tables(opened).items()}
        given = {"ctx": map(ctx.at, numbers), "options": repeat(opened.options), **tables}
        function, arguments = self.arguments.of_rows(self.function, numbers, values, given)
        return self.answers.collect(function, numbers, arguments, rejected)

    def _columns(
        self,
        opened: Opened,
        ctx: Context,
        columns: list[Column],
        kept: list[int] | None,
        rows: int,
        rejected: list[Rejection],
    ) -> Output:
        if kept is not None:
            columns = [Taken(column, kept) for column in columns]  # type: ignore[misc]
        given = {"ctx": ctx, "options": opened.options, **self._tables(opened)}
        answer = self.function(*self.arguments.calls(columns, given))
        if not isinstance(answer, Emit):
            answer = Emit(answer)
        spec, order = self.ports[0], opened.plan.order[0]
        values = answer.columns
        if not isinstance(values, dict):
            values = dict(zip((name for name, _ in spec.columns), values))
        for name, _ in spec.columns:
            if name not in values:
                raise KeyError(f"`{self.name}` made no column `{name}`")
        origin = answer.origin
        shown = rows if kept is None else len(kept)
        count = len(origin) if origin is not None else shown
        if kept is not None:
            origin = kept if origin is None else [kept[row] for row in origin]
        for row, reason in answer.rejected:
            rejected.append(Rejection(row if kept is None else kept[row], reason))
        nodes = [make_node(*spec.columns[at], values[spec.columns[at][0]], count) for at in order]
        if isinstance(origin, array) and origin.typecode in "IL" and origin.itemsize == 4:
            packed = origin.tobytes()
        else:
            packed = None if origin is None else pack(f"<{count}I", *origin)
        return Output([Emitted(0, packed, Table(count, nodes))], rejected)


class Taken:
    """Some rows of a column, where others had nulls that the function does not take."""

    def __init__(self, column: Column, rows: list[int]) -> None:
        self._column, self._kept, self.rows = column, rows, len(rows)
        self._values: Any = None

    def __len__(self) -> int:
        return self.rows

    @property
    def has_nulls(self) -> bool:
        return self._column.has_nulls and any(self._column[row] is None for row in self._kept)

    @property
    def valid(self) -> list[bool] | None:
        return [self._column[row] is not None for row in self._kept] if self.has_nulls else None

    @property
    def values(self) -> Any:
        if self._values is None:
            values = self._column.values
            taken = [values[row] for row in self._kept]
            self._values = memoryview(array(values.format, taken)) if isinstance(values, memoryview) else taken
        return self._values

    def __iter__(self) -> Any:
        return (self._column[row] for row in self._kept)

    def __getitem__(self, row: int) -> Any:
        return self._column[self._kept[row]]


def transform(
    function: typing.Callable | None = None,
    *,
    columns: bool = False,
    passes: str | typing.Iterable[str] = "all",
    drop: typing.Iterable[str] = (),
    rename: typing.Mapping[str, str] | None = None,
    event_time: str | None = None,
    tables: typing.Mapping[str, typing.Callable] | None = None,
) -> Any:
    """Makes a function an operator.

    `passes` ("all", "none" or names), `drop` and `rename` say which columns of the input leave besides the computed ones,
    of which one takes the place of a passed one of its name. `event_time` names the main output's event time. With
    `columns` the function is called once for a batch, with `Column`s, and answers with an `Emit`.

    `tables` names tables of the job, each with a function of its rows that makes what is looked up in: the argument of the
    table's name is given that.
    """

    def decorate(function: typing.Callable) -> Transform:
        return Transform(function, columns, _rows.passing(passes, drop, rename or {}), event_time, tables or {})

    return decorate(function) if function is not None else decorate
