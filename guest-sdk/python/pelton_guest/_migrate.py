"""State of older versions of a module, made into this version's: what `@keyed(migrate=from_cents)` names.

Each function is given what a version kept for a key, and answers with the state now, or with None to drop it. Lists and maps go on as they
are, and must have the columns that they had.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable
from typing import Any

from . import _rows
from ._columns import Wrong
from ._kept import Kept
from ._tables import Declared, List
from ._types import column
from ._wire import Field, Table


class Unmigrated(Exception):
    """Why state cannot be taken over, in words for the job's owner."""


class Migration:
    """A function of what one version kept."""

    def __init__(self, function: Callable) -> None:
        self.function = function
        name = getattr(function, "__name__", "migrate")
        hints = typing.get_type_hints(function, include_extras=True)
        arguments = [argument for argument in inspect.signature(function).parameters]
        if len(arguments) != 1 or arguments[0] not in hints:
            raise TypeError(f"`{name}` migrates, so it has one argument, annotated by what the version before kept")
        annotation = hints[arguments[0]]
        self.row: type | None = annotation if _rows.is_row(annotation) else None
        if self.row is not None:
            self.kept = Kept(self.row)
        else:
            self.kept = Kept.value(name, column(f"`{name}.{arguments[0]}`", annotation, "value")[1])

    def states(self, version: int, table: Table) -> Iterable[Any]:
        """What the function makes of each row, None where there is nothing."""
        columns = self.kept.load(table)
        for values in zip(*columns):
            if all(value is None for value in values):
                yield None
                continue
            try:
                self.kept.check([[value] for value in values])
            except Wrong:
                null = next(name for name, value, may in zip(self.kept.names, values, self.kept.optional) if value is None and not may)
                raise Unmigrated(
                    f"`{null}` of a key's state is null in version {version}, though other fields have values and it says no `| None`"
                ) from None
            yield self.function(values[0] if self.row is None else self.row(*values))


def migrations(functions: Any) -> list[Migration]:
    """One function, or one for each version before this one, the first first."""
    if functions is None:
        return []
    return [Migration(function) for function in ([functions] if callable(functions) else functions)]


def migrated(
    of_versions: list[Migration], kept: Kept | None, tables: list[Declared], table: str, version: int, old: list[Field], rows: Table
) -> Table:
    """The rows of a table that a version kept, as this one keeps them. Raises `Unmigrated`."""
    if table != "state" or kept is None:
        return as_it_is(tables, table, old, rows)
    if not 1 <= version <= len(of_versions):
        raise Unmigrated(f"this module has no function that migrates state of version {version}")
    migration = of_versions[version - 1]
    check(f"what `migrate` expects of version {version}", old, migration.kept.fields())
    nothing = [None] * len(kept.names)
    after = []
    for state in migration.states(version, rows):
        if state is None:
            after.append(nothing)
            continue
        columns = kept.split([state])
        kept.check(columns)
        after.append([values[0] for values in columns])
    return kept.store([list(values) for values in zip(*after)] if after else [[] for _ in nothing], rows.rows)


def as_it_is(tables: list[Declared], table: str, old: list[Field], rows: Table) -> Table:
    declared = next((declared for declared in tables if declared.name == table), None)
    if declared is None:
        raise Unmigrated(f"this module keeps no `{table}`")
    known = declared.table()
    wanted = [*known.subkey, *known.values]
    if declared.kind is List and old:
        # How a list calls its positions is the SDK's.
        wanted[0] = Field(old[0].name, wanted[0].format, wanted[0].nullable, 0)
    check(f"`{table}`, which goes on as it is,", old, wanted)
    return rows


def check(what: str, came: list[Field], wanted: list[Field]) -> None:
    """The columns that came are those that are expected, in their order."""

    def shown(fields: list[Field]) -> list[str]:
        return [f"{field.name}: {field.format}" for field in fields]

    if shown(came) != shown(wanted):
        raise Unmigrated(f"{what} has the columns ({', '.join(shown(wanted))}), but ({', '.join(shown(came))}) came")
