"""`@transform`: a function of one row, or of whole columns, as an operator.

What the function reads is in its arguments, and what it is in its return annotation: a row class is a map, `| None` a
filter, `bool` a filter that computes nothing, a list or an iterator a flat-map, several row classes several outputs.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import inspect
import typing
from array import array
from itertools import repeat
from struct import pack
from typing import Any

from . import _options, _rows
from ._columns import Column, make_node
from ._context import Context
from ._contract import Plan, Read, fit
from ._rows import PortSpec
from ._types import column, union
from ._wire import BatchContext, Contract, Emitted, Input, Output, Rejection, Table

LISTS = (list, collections.abc.Iterable, collections.abc.Iterator, collections.abc.Generator, collections.abc.Sequence)


class Reject(Exception):
    """`raise Reject("no level")`: refuses the row, which goes to `operator.rejected` with the reason."""


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


class Transform:
    """A function that is an operator; calling it calls the function."""

    def __init__(self, function: typing.Callable, columns: bool, passing: _rows.Passing, event_time: str | None) -> None:
        functools.update_wrapper(self, function)
        self.function, self.by_column, self.passing, self.event_time = function, columns, passing, event_time
        hints = typing.get_type_hints(function, include_extras=True)
        self.reads: list[Read] = []
        self.options_class: type | None = None
        #: The arguments in order: a number is a column read, else "options" or "ctx".
        self.arguments: list[int | str] = []
        for parameter in inspect.signature(function).parameters.values():
            self._argument(parameter.name, hints)
        if "return" not in hints:
            raise TypeError(f"say what `{self.name}` returns: `-> Row`, `-> Row | None`, `-> bool`, `-> list[Row]` …")
        self._returned(hints["return"])

    @property
    def name(self) -> str:
        return self.function.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def _argument(self, name: str, hints: dict[str, Any]) -> None:
        of = f"`{self.name}.{name}`"
        if name not in hints:
            raise TypeError(f"{of} has no annotation: say which type the column `{name}` has, as in `{name}: float`")
        annotation = hints[name]
        if annotation is Context:
            self.arguments.append("ctx")
        elif dataclasses.is_dataclass(annotation):
            self.options_class = annotation
            self.arguments.append("options")
        else:
            if typing.get_origin(annotation) is Column:
                if not self.by_column:
                    raise TypeError(f"{of} is a whole column: write `@transform(columns=True)`")
                (annotation,) = typing.get_args(annotation)
            column_name, type = column(of, annotation, name)
            self.arguments.append(len(self.reads))
            self.reads.append(Read(f"{self.name}.{name}", column_name, type))

    def _returned(self, annotation: Any) -> None:
        members, optional = union(annotation)
        self.is_filter = members == [bool]
        self.many = len(members) == 1 and typing.get_origin(members[0]) in LISTS
        if self.many:
            members, _ = union(typing.get_args(members[0])[0])
        if annotation is None or members in ([type(None)], []):
            members = []
        if self.is_filter or not members:
            self.ports = [PortSpec(_rows.MAIN, None, [])]
            self.keeps_all = not self.is_filter
            return
        self.keeps_all = not optional and not self.many
        for member in members:
            if not _rows.is_row(member):
                raise TypeError(f"`{self.name}` returns {member!r}; a row is a NamedTuple or a dataclass")
        self.ports = [_rows.spec(member, at, len(members) == 1) for at, member in enumerate(members)]
        names = [port.name for port in self.ports]
        if len(set(names)) != len(names):
            raise TypeError(f"`{self.name}` has two outputs of one name: {', '.join(names)}")

    def open(self, inputs: list[Input], options: str) -> tuple[Contract, Opened]:
        """Raises `Unfit` or `BadOptions` with words for the job's owner."""
        read_options = _options.read(self.options_class, options)
        contract, plan = fit(inputs, self.reads, self.ports, self.passing, self.event_time)
        return contract, Opened(plan, read_options)

    def process(self, opened: Opened, context: BatchContext, table: Table) -> Output:
        columns = [
            Column(node, format, read.type, table.rows)
            for node, format, read in zip(table.nodes, opened.plan.formats, self.reads)
        ]
        rejected: list[Rejection] = []
        kept = self._without_nulls(columns, table.rows, rejected)
        ctx = Context(context)
        if self.by_column:
            return self._columns(opened, ctx, columns, kept, table.rows, rejected)
        made = self._rows(opened, ctx, columns, kept, table.rows, rejected)
        emitted = [
            self._emitted(index, spec, order, rows, origin, table.rows)
            for index, (spec, order, (origin, rows)) in enumerate(zip(self.ports, opened.plan.order, made))
            if len(self.ports) == 1 or origin
        ]
        return Output(emitted, rejected)

    def _without_nulls(self, columns: list[Column], rows: int, rejected: list[Rejection]) -> list[int] | None:
        """The rows without a null where the function takes none; None if that is all of them. The others are rejected."""
        reasons: dict[int, str] = {}
        for column, read in zip(columns, self.reads):
            if read.type.nullable or not column.has_nulls:
                continue
            for row, there in enumerate(column.valid):
                if not there:
                    reasons.setdefault(row, f"`{read.column}` is null")
        if not reasons:
            return None
        rejected.extend(Rejection(row, reasons[row]) for row in sorted(reasons))
        return [row for row in range(rows) if row not in reasons]

    def _rows(
        self,
        opened: Opened,
        ctx: Context,
        columns: list[Column],
        kept: list[int] | None,
        rows: int,
        rejected: list[Rejection],
    ) -> list[tuple[list[int], list]]:
        """Origins and rows made, for each port."""
        numbers = range(rows) if kept is None else kept
        values = [column if kept is None else column.take(kept) if not column.has_nulls or not read.type.nullable
                  else [column[row] for row in kept] for column, read in zip(columns, self.reads)]
        arguments: list[Any] = []
        for argument in self.arguments:
            if argument == "ctx":
                arguments.append(map(ctx.at, numbers))
            elif argument == "options":
                arguments.append(repeat(opened.options))
            else:
                arguments.append(values[argument])
        if not values:
            arguments.append(numbers)
            function: Any = lambda *given: self.function(*given[:-1])  # noqa: E731
        else:
            function = self.function
        made: list[tuple[list[int], list]] = [([], []) for _ in self.ports]
        loop = self._many if self.many else self._one
        before = len(rejected)
        loop(function, numbers, zip(*arguments), made, rejected)
        if 0 < before < len(rejected):
            rejected.sort(key=lambda rejection: rejection.row)
        return made

    def _one(self, function: Any, numbers: Any, calls: Any, made: list, rejected: list[Rejection]) -> None:
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

    def _many(self, function: Any, numbers: Any, calls: Any, made: list, rejected: list[Rejection]) -> None:
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

    def _emitted(
        self, index: int, spec: PortSpec, order: list[int], rows: list, origin: list[int], of: int
    ) -> Emitted:
        split = spec.split(rows) if spec.row else []
        nodes = [make_node(*spec.columns[at], split[at], len(rows)) for at in order]
        # Row i from row i, of all rows, is what no origin says.
        is_own = len(origin) == of and (not origin or (origin[0] == 0 and origin == list(range(of))))
        packed = None if is_own else pack(f"<{len(origin)}I", *origin)
        return Emitted(index, packed, Table(len(rows), nodes))

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
        given = {"ctx": ctx, "options": opened.options}
        answer = self.function(*(given[at] if isinstance(at, str) else columns[at] for at in self.arguments))
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
) -> Any:
    """Makes a function an operator.

    `passes` ("all", "none" or names), `drop` and `rename` say which columns of the input leave besides the computed ones,
    of which one takes the place of a passed one of its name. `event_time` names the main output's event time. With
    `columns` the function is called once for a batch, with `Column`s, and answers with an `Emit`.
    """

    def decorate(function: typing.Callable) -> Transform:
        return Transform(function, columns, _rows.passing(passes, drop, rename or {}), event_time)

    return decorate(function) if function is not None else decorate
