"""The records of `wit/keyed.wit`: generated ones within a keyed operator's component, those below everywhere else."""

from __future__ import annotations

from dataclasses import dataclass

from ._wire import Rejection, Table

try:
    from wit_world.exports.keyed import Change, KeyedEmitted, KeyedOutput, TimerChanges
    from wit_world.exports.keyed import Timers as Due
except ImportError:

    @dataclass
    class Due:
        key: bytes
        ids: bytes
        at: bytes
        clock: bytes

    @dataclass
    class KeyedEmitted:
        port: int
        key: bytes
        origin: bytes | None
        time: bytes | None
        computed: Table

    @dataclass
    class Change:
        table: int
        kind: bytes
        key: bytes
        rows: Table

    @dataclass
    class TimerChanges:
        timers: Due
        cleared: bytes

    @dataclass
    class KeyedOutput:
        emitted: list[KeyedEmitted]
        changes: list[Change]
        timers: TimerChanges
        rejected: list[Rejection]
