"""`@keyed`: a function of one key, what is kept for it, its rows and its timers, as an operator.

The engine keeps state and timers, groups rows by the key that the job names, and calls the function for each key that has rows, a
timer that is due, or has come to the end of its time to live.
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
from ._answers import ports
from ._columns import Column
from ._context import Context
from ._contract import Plan, Read, Unfit, fit, top_level
from ._kept import Kept, bits
from ._migrate import migrated, migrations
from ._names import suggest
from ._out import Out, Rows, State, cut
from ._tables import Declared, List, Map
from ._timers import Timers
from ._types import column, name, union
from ._wire import BatchContext, Contract, Field, Input, StateTable, Table
from ._wire_keyed import Change, Due, KeyedOutput

#: The version of the state of a module that migrates none; each version before this one makes it one more.
STATE_VERSION = 1
PUT, DELETE = 0, 1

T = TypeVar("T")
_KEY = object()
#: `user: Key[str]`: an argument that is a column of the operator's key.
Key = Annotated[T, _KEY]


@dataclasses.dataclass
class Opened:
    """What `open` agreed on."""

    plan: Plan
    options: Any
    #: For each column of the key that is read, its place in the key, and its format.
    keys: list[tuple[int, str]]


class Keyed:
    """A function that is an operator; calling it calls the function."""

    def __init__(self, function: Callable, passing: _rows.Passing, event_time: str | None, migrate: Any = None) -> None:
        functools.update_wrapper(self, function)
        self.function, self.name, self.passing, self.event_time = function, function.__name__, passing, event_time
        self.keys: list[Read] = []
        self.reads: list[Read] = []
        self.row_class: type | None = None
        self.kept: Kept | None = None
        self.state_class: type | None = None
        #: Lists and maps, in the order of their arguments; a call has them as `table 0` and so on.
        self.tables: list[Declared] = []
        #: A function without `Out` has an output as well, of which no row comes: the contract wants one.
        self.ports = [_rows.PortSpec(_rows.MAIN, None, [])]
        self.options_class: type | None = None
        #: The arguments in order: a number is a column of the key.
        self.arguments: list[int | str] = []
        hints = typing.get_type_hints(function, include_extras=True)
        for parameter in inspect.signature(function).parameters:
            self._argument(parameter, hints)
        #: For each version before this one.
        self.migrations = migrations(migrate)
        if self.migrations and self.kept is None:
            raise TypeError(f"`{self.name}` has `migrate`, but no `State` that could be migrated")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def _argument(self, argument: str, hints: dict[str, Any]) -> None:
        of = f"`{self.name}.{argument}`"
        known = "`Key[str]`, `State[Visit]`, `List[Played]`, `Map[str, int]`, `Rows[Click]`, `Timers`, `Out[Ended]`, `Context` or a dataclass of options"
        if argument not in hints:
            raise TypeError(f"{of} has no annotation: {known}")
        annotation = hints[argument]
        origin, args = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is Annotated and _KEY in args[1:]:
            column_name, type_ = column(of, annotation, argument)
            self.arguments.append(len(self.keys))
            self.keys.append(Read(f"{self.name}.{argument}", column_name, type_))
        elif origin is State:
            self._state(of, args[0])
            self.arguments.append("state")
        elif origin in (List, Map):
            self.arguments.append(f"table {len(self.tables)}")
            self.tables.append(Declared(of, argument, origin, args))
        elif origin is Rows:
            self.row_class = args[0]
            names, _ = _rows.fields_of(self.row_class)
            fields = typing.get_type_hints(self.row_class, include_extras=True)
            for field in names:
                read_of = f"{self.row_class.__name__}.{field}"
                self.reads.append(Read(read_of, *column(f"`{read_of}`", fields[field], field)))
            self.arguments.append("rows")
        elif origin is Out:
            self.ports = _rows.of_keys(ports(self.name, union(args[0])[0]))
            self.arguments.append("out")
        elif annotation is Timers or annotation is Context:
            self.arguments.append("timers" if annotation is Timers else "ctx")
        elif dataclasses.is_dataclass(annotation):
            self.options_class = annotation
            self.arguments.append("options")
        else:
            raise TypeError(f"{of} is annotated {annotation!r}, which says nothing to a keyed operator: {known}")

    def _state(self, of: str, annotation: Any) -> None:
        if _rows.is_row(annotation):
            self.state_class, self.kept = annotation, Kept(annotation)
            if all(self.kept.optional):
                raise TypeError(
                    f"a row of nulls is no state, so one field of `{annotation.__name__}` at least needs a type without `| None`"
                )
        else:
            _, type_ = column(of, annotation, "value")
            self.kept = Kept.value(self.name, type_)

    def open(self, inputs: list[Input], options: str) -> tuple[Contract, Opened]:
        """Raises `Unfit` or `BadOptions` with words for the job's owner."""
        read_options = _options.read(self.options_class, options)
        edges = [given for given in inputs if given.mode != "table"]
        if len(edges) == 1 and not edges[0].key:
            raise Unfit("this module keeps state for each key, but the operator has no `key`")
        contract, plan = fit(inputs, self.reads, self.ports, self.passing, self.event_time)
        keys = [key_of(edges[0], read) for read in self.keys]
        contract.state = [StateTable("state", [], self.kept.fields())] if self.kept else []
        contract.state.extend(declared.table() for declared in self.tables)
        contract.state_version = STATE_VERSION + len(self.migrations)
        return contract, Opened(plan, read_options, keys)

    def process(
        self,
        opened: Opened,
        context: BatchContext,
        table: Table,
        ends: bytes,
        keys: Table,
        state: list[Table],
        due: Due,
        expiring: bytes,
    ) -> KeyedOutput:
        columns = _batch.views(table, opened.plan.formats, self.reads)
        nulls: list = []
        kept = _batch.refuse_nulls(columns, self.reads, table.rows, nulls)
        numbers = range(table.rows) if kept is None else kept
        values = _batch.values(columns, self.reads, kept)
        rows = list(map(self.row_class, *values)) if values else [self.row_class() for _ in numbers] if self.row_class else []
        key_columns = [
            Column(keys.nodes[index], format, read.type, keys.rows) for (index, format), read in zip(opened.keys, self.keys)
        ]
        unkeyed: list = []
        _batch.refuse_nulls(key_columns, self.keys, keys.rows, unkeyed)
        refused = {rejection.row: rejection.reason for rejection in unkeyed}
        key_values = list(zip(*key_columns)) if key_columns else [()] * keys.rows
        states = list(zip(*self.kept.load(state[0]))) if self.kept else [()] * keys.rows
        changes: list[tuple[int, int, tuple]] = []
        timers, out, ctx, held = Timers(due), Out[Any](self.ports), Context(context), State[Any]()
        stored = [declared.begin(index) for index, declared in enumerate(self.tables, 1 if self.kept else 0)]
        given: dict[str, Any] = {f"table {at}": one for at, one in enumerate(stored)}
        given |= {"state": held, "timers": timers, "out": out, "ctx": ctx, "options": opened.options}
        all_ends = memoryview(ends).cast("I")
        start = shown_start = 0
        for key, (end, shown_end) in enumerate(zip(all_ends, cut(all_ends, kept))):
            is_called = timers._enter(key, expiring[key] != 0)
            of_key = Rows(rows[shown_start:shown_end], numbers[shown_start:shown_end], ctx, start)
            start, shown_start = end, shown_end
            out._enter(key, of_key)
            if not is_called and not of_key:
                continue
            if key in refused:
                for row in of_key:
                    out.reject(row, refused[key])
                continue
            given["rows"] = of_key
            held.value = self._restored(states[key])
            for one in stored:
                one._enter(key)
            self.function(*[key_values[key][at] if isinstance(at, int) else given[at] for at in self.arguments])
            self._note(changes, key, states[key], held.value)
            for one in stored:
                one._leave()
        made = self._changes(changes)
        for one in stored:
            made.extend(one._made())
        return KeyedOutput(out._emitted(opened.plan.order), made, timers._made(), out._rejections(nulls))

    def migrate(self, table: str, version: int, old: list[Field], rows: Table) -> Table:
        """Raises `Unmigrated` with words for the job's owner."""
        return migrated(self.migrations, self.kept, self.tables, table, version, old, rows)

    def _restored(self, values: tuple) -> Any:
        """A key's state from the row that came."""
        if all(value is None for value in values):
            return None
        if self.state_class is None:
            return values[0]
        self.kept.check([[value] for value in values])
        return self.state_class(*values)

    def _note(self, changes: list[tuple[int, int, tuple]], key: int, before: tuple, state: Any) -> None:
        """Only keys whose state differs cost a write."""
        if self.kept is None:
            return
        if state is None:
            if any(value is not None for value in before):
                changes.append((DELETE, key, (None,) * len(before)))
            return
        columns = self.kept.split([state])
        self.kept.check(columns)
        after = tuple(values[0] for values in columns)
        if tuple(map(bits, after)) != tuple(map(bits, before)):
            changes.append((PUT, key, after))

    def _changes(self, changes: list[tuple[int, int, tuple]]) -> list[Change]:
        if not changes:
            return []
        kinds, keys, rows = zip(*changes)
        columns = [list(values) for values in zip(*rows)]
        return [Change(0, bytes(kinds), pack(f"<{len(keys)}I", *keys), self.kept.store(columns, len(keys)))]


def key_of(edge: Input, read: Read) -> tuple[int, str]:
    """Where a column of the key is, and its format."""
    if read.column not in edge.key:
        hint = suggest(read.column, edge.key)
        raise Unfit(f"`{read.field}` reads `{read.column}` of the key, but it is not in the operator's `key`: {hint}")
    format = top_level(edge.fields)[read.column].format
    if not read.type.accepts(format):
        raise Unfit(f"column `{read.column}` is {name(format)}, but `{read.field}` reads it as {read.type.name}")
    return edge.key.index(read.column), format


def keyed(
    function: Callable | None = None,
    *,
    passes: str | Iterable[str] = "key",
    drop: Iterable[str] = (),
    rename: Mapping[str, str] | None = None,
    event_time: str | None = None,
    migrate: Callable | Iterable[Callable] | None = None,
) -> Any:
    """Makes a function an operator.

    `migrate` is a function of what the version before kept, which answers with the state now or None; or one for each version before this one,
    the first first. It raises `Reject` where state cannot be taken over.

    `passes` ("key", "all", "none" or names), `drop` and `rename` say which columns of the input leave besides the computed
    ones; those but the key's and the event time are null in rows that were emitted from no row, so they must be nullable if there are any.
    """

    def decorate(function: Callable) -> Keyed:
        is_key = passes == "key"
        passing = _rows.passing("all" if is_key else passes, drop, rename or {})
        return Keyed(function, dataclasses.replace(passing, only_key=is_key), event_time, migrate)

    return decorate(function) if function is not None else decorate
