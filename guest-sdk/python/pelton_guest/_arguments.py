"""The arguments of an author's function by their annotations: columns that it reads, and what it is given besides."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterable
from typing import Any

from ._columns import Column
from ._context import Context
from ._contract import Read
from ._types import column


class Arguments:
    """In order: a number is a column read, a text something that is given besides."""

    def __init__(
        self,
        name: str,
        function: Callable,
        *,
        skip: int = 0,
        reads: bool = True,
        by_column: bool = False,
        given: dict[Any, str] | None = None,
        names: dict[str, Any] | None = None,
        tables: dict[str, str] | None = None,
    ) -> None:
        """`skip` arguments come before these; `given` has the annotations of what is given besides the columns and options;
        `names` are known to annotations besides those of the function's module; `tables` has the arguments that side tables are looked up in."""
        self.name, self.by_column, self.takes_columns = name, by_column, reads
        self.given = {Context: "ctx"} if given is None else given
        self.tables = tables or {}
        self.hints = typing.get_type_hints(function, localns=names, include_extras=True)
        self.reads: list[Read] = []
        self.options_class: type | None = None
        self.order: list[int | str] = []
        for parameter in list(inspect.signature(function).parameters)[skip:]:
            self._add(parameter)

    def _add(self, name: str) -> None:
        of = f"`{self.name}.{name}`"
        if name in self.tables:
            self.order.append(self.tables[name])
            return
        if name not in self.hints:
            raise TypeError(f"{of} has no annotation: say which type the column `{name}` has, as in `{name}: float`")
        annotation = self.hints[name]
        given = self._given(annotation)
        if given is not None:
            self.order.append(given)
        elif dataclasses.is_dataclass(annotation):
            self.options_class = annotation
            self.order.append("options")
        elif not self.takes_columns:
            raise TypeError(f"{of} cannot be given {annotation!r}")
        else:
            if typing.get_origin(annotation) is Column:
                if not self.by_column:
                    raise TypeError(f"{of} is a whole column: write `@transform(columns=True)`")
                (annotation,) = typing.get_args(annotation)
            column_name, type_ = column(of, annotation, name)
            self.order.append(len(self.reads))
            self.reads.append(Read(f"{self.name}.{name}", column_name, type_))

    def _given(self, annotation: Any) -> str | None:
        try:
            return self.given.get(annotation)
        except TypeError:
            # What cannot be hashed is none of those.
            return None

    def of_rows(
        self, function: Callable, numbers: Iterable[int], values: list[Any], given: dict[str, Iterable]
    ) -> tuple[Callable, Iterable[tuple]]:
        """The function, and what it is called with for each of the rows `numbers`."""
        calls = self.calls(values, given)
        if values:
            return function, zip(*calls)
        # What repeats without end does not count the rows.
        return (lambda _row, *rest: function(*rest)), zip(numbers, *calls)

    def calls(self, values: list[Any], given: dict[str, Iterable]) -> list[Iterable]:
        """A sequence for each argument."""
        return [given[at] if isinstance(at, str) else values[at] for at in self.order]
