"""`@aggregate`: a class that folds rows, as an operator.

Its fields are what the engine keeps for each group, with their defaults for the group into which nothing was folded; `add` folds a
row, `retract` takes one back, `merge` folds what later rows came to, `finish` makes the result. Keys, windows and when results leave are
the engine's.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from itertools import repeat
from typing import Any

from . import _batch, _options, _rows
from ._answers import Answers
from ._arguments import Arguments
from ._context import Context
from ._contract import Plan, Read, fit
from ._kept import Kept
from ._types import Timestamp
from ._wire import BatchContext, Contract, Input, Output, Rejection, StateTable, Table

#: Accumulators have one version until a module says otherwise.
STATE_VERSION = 1
PANES = ("early", "on-time", "late")
NOTHING_PASSES = _rows.passing("none", (), {})


class Window(typing.NamedTuple):
    """The window of a result, as `finish` may take it. Without windows it is all of time."""

    #: The first moment inside.
    start: Timestamp
    #: The first moment after it.
    end: Timestamp
    #: "early": a later result replaces it; "on-time"; or "late": again, because late rows came.
    pane: str


@dataclasses.dataclass
class Opened:
    """What `open` agreed on."""

    plan: Plan
    options: Any


class Aggregate:
    """A class that is an operator."""

    def __init__(self, cls: type, ordered: bool) -> None:
        self.cls, self.name, self.ordered = cls, cls.__name__, ordered
        for method in ("add", "merge", "finish"):
            if not callable(getattr(cls, method, None)):
                raise TypeError(f"`{self.name}` has no method `{method}`: an aggregate has `add`, `merge` and `finish`")
        self.kept = Kept(cls)
        self.defaults = self._defaults()
        known = {self.name: cls}
        self.add = Arguments(f"{self.name}.add", cls.add, skip=1, names=known)
        self.retract_ = self._retract(known)
        self.merge_ = Arguments(f"{self.name}.merge", cls.merge, skip=2, reads=False, given={}, names=known)
        self.finish_ = Arguments(
            f"{self.name}.finish", cls.finish, skip=1, reads=False, given={Window: "window"}, names=known
        )
        self.options_class = self._options_class()
        answer = self.finish_.hints.get("return")
        self.answers = Answers(f"{self.name}.finish", answer)
        if self.answers.ports[0].row is None:
            raise TypeError(f"say what `{self.name}.finish` makes: `-> Row`, `-> Row | None` or `-> list[Row]`")

    def _retract(self, known: dict[str, type]) -> Arguments | None:
        """Of the method that takes rows back, if there is one."""
        if not callable(getattr(self.cls, "retract", None)):
            return None
        retract = Arguments(f"{self.name}.retract", self.cls.retract, skip=1, names=known)
        takes, folds = ([(read.column, read.type) for read in of.reads] for of in (retract, self.add))
        if _named(retract.reads, takes) != _named(self.add.reads, folds):
            raise TypeError(
                f"`{self.name}.retract` takes back the rows that `{self.name}.add` folded: both take the same columns"
            )
        return retract

    def _defaults(self) -> list[Any]:
        """Of each field."""
        try:
            nothing = self.cls()
        except TypeError:
            raise TypeError(
                f"every field of `{self.name}` needs a default: that of a group into which nothing was folded"
            ) from None
        defaults = [values[0] for values in self.kept.split([nothing])]
        for name, optional, default in zip(self.kept.names, self.kept.optional, defaults):
            if (default is not None) == optional:
                raise TypeError(
                    f"`{self.name}.{name}` is {default!r} by default, but nulls stand for the default: "
                    "make it None where the annotation says `| None`, and a value elsewhere"
                )
        return defaults

    def _options_class(self) -> type | None:
        classes = {of.options_class for of in self._methods()} - {None}
        if len(classes) > 1:
            raise TypeError(f"the methods of `{self.name}` take different options")
        return next(iter(classes), None)

    def _methods(self) -> list[Arguments]:
        return [self.add, self.merge_, self.finish_, *([self.retract_] if self.retract_ else [])]

    def open(self, inputs: list[Input], options: str) -> tuple[Contract, Opened]:
        """Raises `Unfit` or `BadOptions` with words for the job's owner."""
        read_options = _options.read(self.options_class, options)
        contract, plan = fit(inputs, self.add.reads, self.answers.ports, NOTHING_PASSES, None)
        contract.state = [StateTable("accumulator", [], self.kept.fields())]
        contract.state_version = STATE_VERSION
        contract.properties = [("ordered", "true")] if self.ordered else []
        if self.retract_:
            contract.properties.append(("accepts", "append,retract"))
        return contract, Opened(plan, read_options)

    def accumulate(
        self, opened: Opened, context: BatchContext, table: Table, slots: bytes, accumulators: Table
    ) -> Table:
        return self._apply(self.add, self.cls.add, opened, context, table, slots, accumulators)

    def retract(
        self, opened: Opened, context: BatchContext, table: Table, slots: bytes, accumulators: Table
    ) -> Table:
        """The engine asks only what the contract says that it accepts."""
        assert self.retract_ is not None
        return self._apply(self.retract_, self.cls.retract, opened, context, table, slots, accumulators)

    def _apply(
        self,
        arguments: Arguments,
        change: Callable[..., None],
        opened: Opened,
        context: BatchContext,
        table: Table,
        slots: bytes,
        accumulators: Table,
    ) -> Table:
        folded = self._load(accumulators)
        columns = _batch.views(table, opened.plan.formats, self.add.reads)
        # A null is no value and is left out, as SQL's aggregates do.
        kept = _batch.refuse_nulls(columns, self.add.reads, table.rows, [])
        numbers = range(table.rows) if kept is None else kept
        of_rows = memoryview(slots).cast("I")
        chosen = of_rows[: table.rows].tolist() if kept is None else [of_rows[row] for row in kept]
        given = {"ctx": map(Context(context).at, numbers), "options": repeat(opened.options)}
        values = _named(self.add.reads, _batch.values(columns, self.add.reads, kept))
        calls = arguments.calls([values[name] for name in _named(arguments.reads, arguments.reads)], given)
        for slot, *of_row in zip(chosen, *calls):
            change(folded[slot], *of_row)
        return self._store(folded)

    def merge(self, opened: Opened, left: Table, right: Table) -> Table:
        merged = self._load(left)
        calls = self.merge_.calls([], {"options": repeat(opened.options)})
        merge = self.cls.merge
        for earlier, *arguments in zip(merged, self._load(right), *calls):
            merge(earlier, *arguments)
        return self._store(merged)

    def finish(self, opened: Opened, starts: bytes, ends: bytes, pane: bytes, accumulators: Table) -> Output:
        moments = zip(memoryview(starts).cast("q"), memoryview(ends).cast("q"), (PANES[at] for at in pane))
        given = {"window": (Window(*window) for window in moments), "options": repeat(opened.options)}
        calls = zip(self._load(accumulators), *self.finish_.calls([], given))
        rejected: list[Rejection] = []
        made = self.answers.collect(self.cls.finish, range(accumulators.rows), calls, rejected)
        return Output(self.answers.emitted(made, opened.plan.order, accumulators.rows), rejected)

    def _load(self, table: Table) -> list[Any]:
        columns = [
            values if optional else [default if value is None else value for value in values]
            for values, optional, default in zip(self.kept.load(table), self.kept.optional, self.defaults)
        ]
        return [self.cls(*values) for values in zip(*columns)]

    def _store(self, folded: list[Any]) -> Table:
        columns = self.kept.split(folded)
        self.kept.check(columns)
        return self.kept.store(columns, len(folded))


def _named(reads: list[Read], values: list[Any]) -> dict[str, Any]:
    """By the names of the arguments."""
    return {read.field.rpartition(".")[2]: value for read, value in zip(reads, values)}


@typing.dataclass_transform()
def aggregate(cls: type | None = None, *, ordered: bool = False) -> Any:
    """Makes a class an operator, and a dataclass if it is none. `ordered` says that `merge` needs to know which side is earlier."""

    def decorate(cls: type) -> type:
        if "__dataclass_fields__" not in vars(cls):
            cls = dataclasses.dataclass(cls)
        cls.__pelton_operator__ = Aggregate(cls, ordered)  # type: ignore[attr-defined]
        return cls

    return decorate(cls) if cls is not None else decorate
