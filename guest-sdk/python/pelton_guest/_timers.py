"""Timers: what a keyed operator's function takes as `timers`.

A timer is a number of the module's own and a time; a key has one of each number. Changes are collected for the whole call, in the
order in which they were made.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from struct import pack
from typing import NamedTuple

from ._columns import EPOCH, MICROSECOND
from ._types import Timestamp
from ._wire_keyed import Due, TimerChanges


class Timer(NamedTuple):
    """A timer that is due."""

    #: The number under which it was set.
    id: int
    #: What it was set for. The time now may be later.
    at: Timestamp
    #: Whether it waited for the epoch's processing time, not for the watermark.
    is_processing: bool


class Timers:
    """The timers of one key."""

    def __init__(self, due: Due) -> None:
        self._by_key: dict[int, list[Timer]] = {}
        moments = zip(memoryview(due.ids).cast("I"), memoryview(due.at).cast("q"), due.clock)
        for key, (id, at, clock) in zip(memoryview(due.key).cast("I"), moments):
            self._by_key.setdefault(key, []).append(Timer(id, Timestamp(at), clock == 1))
        self._key, self._changed = 0, set[int]()
        self._changes: list[tuple[int, int, int, int, int]] = []
        #: Whether the key's time to live has ended: this is its last call, and its state is dropped after it.
        self.expiring = False

    def _enter(self, key: int, expiring: bool) -> bool:
        """Goes on to a key. Whether a timer or its end brings it here."""
        self._key, self.expiring, self._changed = key, expiring, set()
        return expiring or key in self._by_key

    def due(self) -> Iterator[Timer]:
        """The timers that are due, in order of time. One that this call has set again or cleared is not: what rows do comes first."""
        for timer in self._by_key.get(self._key, ()):
            if timer.id not in self._changed:
                yield timer

    def set(self, id: int, at: Timestamp | dt.datetime) -> None:
        """Sets timer `id` to be due when the watermark reaches `at`; if that is past, in the next epoch. The key's timer of
        the same number is moved."""
        self._change(id, _micros(at), 0, 0)

    def set_processing(self, id: int, at: Timestamp | dt.datetime) -> None:
        """As `set`, for processing time: see `ctx.now`."""
        self._change(id, _micros(at), 1, 0)

    def clear(self, id: int) -> None:
        """Clears timer `id`, if the key has it."""
        self._change(id, 0, 0, 1)

    def _change(self, id: int, at: int, clock: int, cleared: int) -> None:
        self._changed.add(id)
        self._changes.append((self._key, id, at, clock, cleared))

    def _made(self) -> TimerChanges:
        keys, ids, at, clocks, cleared = zip(*self._changes) if self._changes else ((), (), (), (), ())
        count = len(keys)
        timers = Due(pack(f"<{count}I", *keys), pack(f"<{count}I", *ids), pack(f"<{count}q", *at), bytes(clocks))
        return TimerChanges(timers, bytes(cleared))


def _micros(at: int | dt.datetime) -> int:
    return (at - EPOCH) // MICROSECOND if isinstance(at, dt.datetime) else at
