"""Epochs of a keyed operator: `start`, with the state and the timers kept between.

Each call is an epoch: rows are grouped by key, keys get their state and the timers that are due, and what the operator answers is
applied as the engine does. State and timers can be looked at after each.
"""

from __future__ import annotations

from struct import pack
from typing import Any

from .. import _log, _tables
from .._keyed import PUT, Keyed
from .._out import NO_ORIGIN
from .._timers import Timer
from .._types import Timestamp
from .._wire import BatchContext, Contract, OutputField_Pass, Table
from .._wire_keyed import Due, KeyedOutput
from ._batches import Out, opened
from ._rows import Given, read
from ._stored import Serving, Stored

NO_WATERMARK = -(1 << 63)


def start(
    operator: Keyed,
    *,
    key: list[str],
    options: dict[str, Any] | None = None,
    schema: dict[str, str] | None = None,
    event_time: str | None = None,
    seed: int = 0,
) -> Run:
    """A run without state and timers, before its first epoch. `key` and `event_time` are columns of the input."""
    return Run(operator, key, options, schema, event_time, seed)


class Run:
    """What the engine would keep between epochs."""

    def __init__(
        self, operator: Keyed, key: list[str], options: Any, schema: dict[str, str] | None, event_time: str | None, seed: int
    ) -> None:
        self._operator, self._key, self._options, self._schema = operator, key, options, schema
        self._event_time, self._seed = event_time, seed
        self._epoch, self._first_row, self._now, self._watermark = 0, 0, 0, NO_WATERMARK
        self._given: Given | None = None
        #: By key, what is kept.
        self._state: dict[tuple, tuple] = {}
        self._stored = [Stored(declared) for declared in operator.tables]
        #: By key and number.
        self._timers: dict[tuple[tuple, int], Timer] = {}

    def rows(self, rows: dict[str, list], *, until: int | None = None) -> Out:
        """An epoch with `rows`, after which the watermark is `until`: timers that it makes due are in the same call."""
        types = self._given.types if self._given else Given.of(rows, self._schema).types
        self._given = Given({name: [] for name in rows}, types)
        self._watermark = self._watermark if until is None else until
        return self._run(Given(rows, types))

    def watermark(self, watermark: int) -> Out:
        """An epoch without rows that only advances event time."""
        self._watermark = watermark
        return self._run(self._no_rows())

    def now(self, now: int) -> Out:
        """An epoch without rows at this processing time, which the next ones keep."""
        self._now = now
        return self._run(self._no_rows())

    def expire(self) -> Out:
        """An epoch in which the time to live of all keys with state ends."""
        keys = set(self._state).union(*(stored.by_key for stored in self._stored))
        return self._run(self._no_rows(), keys)

    @property
    def state(self) -> dict[str, list]:
        """The keys that have state, and their state."""
        names = [*self._key, *(self._operator.kept.names if self._operator.kept else ())]
        return _columns(names, [[*key, *values] for key, values in self._state.items()])

    def table(self, name: str) -> dict[str, list]:
        """The list or map of that argument: the key's columns, those of the subkey, and the values."""
        stored = next((stored for stored in self._stored if stored.declared.name == name), None)
        if stored is None:
            raise KeyError(name)
        names, rows = stored.columns()
        return _columns([*self._key, *names], rows)

    @property
    def timers(self) -> list[Timer]:
        """The timers that are set, in order of time."""
        return sorted(self._timers.values(), key=lambda timer: timer.at)

    def _no_rows(self) -> Given:
        if self._given is None:
            raise AssertionError("a test begins with rows, from which the columns are known")
        return self._given

    def _run(self, given: Given, expiring: set[tuple] = frozenset()) -> Out:  # type: ignore[assignment]
        self._epoch += 1
        contract, state = opened(self._operator, [given.input(self._key, self._event_time)], self._options)
        of_rows = list(zip(*(given.rows[name] for name in self._key))) if given.count else []
        due = self._take_due()
        called = list(dict.fromkeys([*of_rows, *(key for key, _ in due), *expiring]))
        places = {key: place for place, key in enumerate(called)}
        order = sorted(range(given.count), key=lambda row: places[of_rows[row]])
        ends = [sum(places[key] <= place for key in of_rows) for place in range(len(called))]
        context = BatchContext(self._epoch, self._first_row, self._now, self._watermark, self._seed)
        self._first_row += given.count
        keys = Given(_columns(self._key, called), {name: given.types[name] for name in self._key})
        recorded = _log.recorded = _log.Recorded()
        _tables.served = Serving(self._stored, 1 if self._operator.kept else 0, called)
        try:
            output = self._operator.process(
                state,
                context,
                given.table(contract.reads[0], order),
                pack(f"<{len(ends)}I", *ends),
                keys.table(self._key, range(len(called))),
                self._states(called),
                _due([(places[key], timer) for key, timer in due]),
                bytes(key in expiring for key in called),
            )
        finally:
            _log.recorded = _tables.served = None
        self._apply(called, output)
        for key in expiring:
            self._state.pop(key, None)
            for stored in self._stored:
                stored.by_key.pop(key, None)
            self._timers = {of: timer for of, timer in self._timers.items() if of[0] != key}
        out = self._assemble(contract, output, given, called, order)
        out.take(recorded)
        return out

    def _take_due(self) -> list[tuple[tuple, Timer]]:
        """Takes the timers that are due, in order of time."""
        due = [
            (key, timer)
            for (key, _), timer in self._timers.items()
            if timer.at <= (self._now if timer.is_processing else self._watermark)
        ]
        for key, timer in due:
            del self._timers[key, timer.id]
        return sorted(due, key=lambda of: of[1].at)

    def _states(self, called: list[tuple]) -> list[Table]:
        kept = self._operator.kept
        if kept is None:
            return []
        none = (None,) * len(kept.names)
        columns = [list(values) for values in zip(*(self._state.get(key, none) for key in called))]
        return [kept.store(columns or [[] for _ in kept.names], len(called))]

    def _apply(self, called: list[tuple], output: KeyedOutput) -> None:
        own = 1 if self._operator.kept else 0
        for change in output.changes:
            if change.table >= own:
                self._stored[change.table - own].apply(called, change)
                continue
            rows = zip(*self._operator.kept.load(change.rows))
            for key, kind, values in zip(memoryview(change.key).cast("I"), change.kind, rows):
                if kind == PUT:
                    self._state[called[key]] = values
                else:
                    self._state.pop(called[key], None)
        timers, cleared = output.timers.timers, output.timers.cleared
        moments = zip(memoryview(timers.ids).cast("I"), memoryview(timers.at).cast("q"), timers.clock, cleared)
        for key, (id, at, clock, is_cleared) in zip(memoryview(timers.key).cast("I"), moments):
            self._timers.pop((called[key], id), None)
            if not is_cleared:
                self._timers[called[key], id] = Timer(id, Timestamp(at), clock == 1)

    def _assemble(self, contract: Contract, output: KeyedOutput, given: Given, called: list[tuple], order: list[int]) -> Out:
        by_port = {emitted.port: emitted for emitted in output.emitted}
        out = Out({}, sorted((order[rejection.row], rejection.reason) for rejection in output.rejected), {})
        for index, port in enumerate(contract.ports):
            emitted = by_port.get(index)
            count = emitted.computed.rows if emitted else 0
            keys = memoryview(emitted.key).cast("I").tolist() if emitted else []
            origins: list[int | None] = [None] * count
            if emitted and emitted.origin is not None:
                rows = memoryview(emitted.origin).cast("I")
                origins = [None if row == NO_ORIGIN else order[row] for row in rows]
            columns, nodes = {}, iter(emitted.computed.nodes if emitted else ())
            for made in port.fields:
                if not isinstance(made, OutputField_Pass):
                    columns[made.value.name] = read(made.value, next(nodes, None), count)
                    continue
                column, name = made.value
                if column in self._key:
                    at = self._key.index(column)
                    columns[name] = [called[key][at] for key in keys]
                else:
                    columns[name] = [None if row is None else given.rows[column][row] for row in origins]
            out.ports[port.name], out.origins[port.name] = columns, origins
        return out


def _columns(names: list[str], rows: list) -> dict[str, list]:
    columns = list(zip(*rows)) or [()] * len(names)
    return {name: list(values) for name, values in zip(names, columns)}


def _due(timers: list[tuple[int, Timer]]) -> Due:
    count = len(timers)
    return Due(
        pack(f"<{count}I", *(key for key, _ in timers)),
        pack(f"<{count}I", *(timer.id for _, timer in timers)),
        pack(f"<{count}q", *(timer.at for _, timer in timers)),
        bytes(timer.is_processing for _, timer in timers),
    )
