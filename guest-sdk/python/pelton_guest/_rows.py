"""Row classes: what a function returns, as the columns of an output.

A row class is a `NamedTuple` or a dataclass; its fields are the columns. Several of them in one return annotation are
several outputs, of which the first is the main one.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from ._names import kebab
from ._types import ColumnType, column


@dataclass(frozen=True)
class Passing:
    """Which columns of the input an output carries on."""

    #: All, or these.
    only: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    #: Only columns of the operator's key, of what is said above.
    only_key: bool = False
    #: Nothing is said of an output's passing but `drop` or `rename`: what its kind of operator passes then does.
    is_usual: bool = False

    def of(self, key: list[str]) -> Passing:
        """The same where the key is known."""
        return replace(self, only=tuple(key), only_key=False) if self.only_key else self

    def passes(self, name: str) -> bool:
        return (self.only is None or name in self.only) and name not in self.drop

    def name_of(self, name: str) -> str:
        return dict(self.rename).get(name, name)


def passing(
    passes: str | typing.Iterable[str], drop: typing.Iterable[str], rename: typing.Mapping[str, str]
) -> Passing:
    if passes == "all":
        only = None
    elif passes == "none":
        only = ()
    elif isinstance(passes, str):
        raise TypeError(f'`passes` is "all", "none" or a list of columns, not {passes!r}')
    else:
        only = tuple(passes)
    return Passing(only, tuple(drop), tuple(rename.items()))


@dataclass
class PortSpec:
    """An output: the class of its rows, and the columns that these make."""

    name: str
    row: type | None
    columns: list[tuple[str, ColumnType]]
    #: Its own rules; none takes the transform's.
    passing: Passing | None = None
    event_time: str | None = None
    #: Lists of values, one for each column, from a list of rows.
    split: Callable[[list], list] = list


def port(
    name: str | None = None,
    *,
    passes: str | typing.Iterable[str] | None = None,
    drop: typing.Iterable[str] = (),
    rename: typing.Mapping[str, str] | None = None,
    event_time: str | None = None,
) -> Callable[[type], type]:
    """Decorates a row class: the name of its output, and what passes there, if it is not what the transform says."""

    def decorate(row: type) -> type:
        said = passing("all" if passes is None else passes, drop, rename or {})
        own = replace(said, is_usual=passes is None) if passes is not None or drop or rename else None
        row.__pelton_port__ = (name, own, event_time)
        return row

    return decorate


def of_keys(ports: list[PortSpec]) -> list[PortSpec]:
    """The same of an operator that passes its key, where nothing is said."""
    for spec in ports:
        if spec.passing is not None and spec.passing.is_usual:
            spec.passing = replace(spec.passing, only_key=True)
    return ports


#: The main output of a transform that has one.
MAIN = "out"


def spec(row: type, index: int, alone: bool) -> PortSpec:
    """The output whose rows are `row`."""
    name, own, event_time = getattr(row, "__pelton_port__", (None, None, None))
    name = name or (MAIN if alone else kebab(row.__name__))
    fields, is_tuple = fields_of(row)
    split = _split_tuples(len(fields)) if is_tuple else _split_objects(fields)
    hints = typing.get_type_hints(row, include_extras=True)
    columns = [column(f"`{row.__name__}.{field}`", hints[field], field) for field in fields]
    names = [name for name, _ in columns]
    for twice in (name for at, name in enumerate(names) if name in names[:at]):
        raise TypeError(f"{row.__name__} makes column `{twice}` twice")
    return PortSpec(name, row, columns, own, event_time, split)


def fields_of(row: type) -> tuple[list[str], bool]:
    """The names of its fields, and whether it is a NamedTuple."""
    if issubclass(row, tuple) and hasattr(row, "_fields"):
        return list(row._fields), True
    if dataclasses.is_dataclass(row):
        return [field.name for field in dataclasses.fields(row)], False
    raise TypeError(f"a row is a NamedTuple or a dataclass, and {row.__name__} is neither")


def _split_tuples(fields: int) -> Callable[[list], list]:
    return lambda rows: [list(values) for values in zip(*rows)] if rows else [[] for _ in range(fields)]


def _split_objects(fields: list[str]) -> Callable[[list], list]:
    getters = [attrgetter(field) for field in fields]
    return lambda rows: [list(map(getter, rows)) for getter in getters]


def is_row(annotation: Any) -> bool:
    return isinstance(annotation, type) and (
        dataclasses.is_dataclass(annotation) or (issubclass(annotation, tuple) and hasattr(annotation, "_fields"))
    )
