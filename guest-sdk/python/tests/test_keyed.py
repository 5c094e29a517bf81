"""Keyed operators over epochs, with state and timers kept between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import pytest

from pelton_guest import Context, Key, Out, Rows, State, Timers, Timestamp, keyed, port
from pelton_guest.testing import Refused, Wrong, start

SECOND = 1_000_000


class Click(NamedTuple):
    at: Timestamp


@dataclass
class Visit:
    clicks: int
    since: Timestamp | None = None


class Ended(NamedTuple):
    clicks: int


@dataclass
class Options:
    gap: int = 60


END = 0


@keyed
def visits(
    user: Key[str], visit: State[Visit], clicks: Rows[Click], timers: Timers, out: Out[Ended], options: Options
) -> None:
    for click in clicks:
        if visit.value is None:
            visit.value = Visit(0, click.at)
        visit.value.clicks += 1
        timers.set(END, click.at + options.gap * SECOND)
    for _ in timers.due():
        if visit.value is not None:
            out.emit(Ended(visit.value.clicks))
            visit.value = None


def test_state_and_timers_are_kept_between_epochs():
    run = start(visits, key=["user"], schema={"user": "utf8", "at": "timestamp[us]"})
    out = run.rows({"user": ["a", "b", "a"], "at": [0, SECOND, 2 * SECOND]})
    assert out.main == {"user": [], "clicks": []}
    assert run.state == {"user": ["a", "b"], "clicks": [2, 1], "since": [0, SECOND]}
    assert [timer.at for timer in run.timers] == [61 * SECOND, 62 * SECOND]
    assert run.watermark(61 * SECOND).main == {"user": ["b"], "clicks": [1]}
    assert run.state["user"] == ["a"] and len(run.timers) == 1


def test_rows_come_before_timers():
    run = start(visits, key=["user"], schema={"user": "utf8", "at": "timestamp[us]"}, options={"gap": 1})
    run.rows({"user": ["a"], "at": [0]})
    out = run.rows({"user": ["a"], "at": [2 * SECOND]}, until=2 * SECOND)
    assert out.main["clicks"] == [], "the row moved the timer that was due"
    assert run.watermark(3 * SECOND).main == {"user": ["a"], "clicks": [2]}


class Reading(NamedTuple):
    celsius: float


class Change(NamedTuple):
    by: float


@port("strange")
class Strange(NamedTuple):
    was: float


@keyed(passes="all")
def changes(last: State[float], readings: Rows[Reading], out: Out[Change | Strange], ctx: Context) -> None:
    for reading in readings:
        if reading.celsius < -273:
            out.reject(reading, f"{reading.celsius:g} is too cold")
            continue
        if reading.celsius > 1000:
            out.emit(Strange(reading.celsius), reading)
            continue
        if last.value is not None:
            out.emit(Change(reading.celsius - last.value), of=reading)
        last.value = reading.celsius


def test_a_row_that_came_from_a_row_has_its_columns():
    run = start(changes, key=["room"])
    out = run.rows({"room": ["a", "b", "a", "b"], "celsius": [20.0, -300.0, 21.5, 2000.0]})
    assert out.main == {"room": ["a"], "celsius": [21.5], "by": [1.5]}
    assert out.port("strange") == {"room": ["b"], "celsius": [2000.0], "was": [2000.0]}
    assert out.rejected == [(1, "-300 is too cold")] and out.origins["change"] == [2]
    assert run.state == {"room": ["a"], "value": [21.5]}
    assert run.rows({"room": ["a"], "celsius": [21.5]}).main["by"] == [0.0]


def test_nulls_are_rejected_with_their_rows():
    run = start(changes, key=["room"], schema={"room": "utf8", "celsius": "f64?"})
    out = run.rows({"room": ["a", "b", "a"], "celsius": [None, 1.0, 2.0]})
    assert out.rejected == [(0, "`celsius` is null")] and run.state["value"] == [2.0, 1.0]


class Gone(NamedTuple):
    count: int
    row: int


@keyed
def counts(count: State[int], rows: Rows[Reading], timers: Timers, out: Out[Gone], ctx: Context) -> None:
    count.value = (count.value or 0) + len(rows)
    if rows:
        timers.set_processing(7, ctx.now + 5)
    for timer in timers.due():
        assert timer.id == 7 and timer.is_processing
        out.emit(Gone(-1, ctx.row))
    if timers.expiring:
        out.emit(Gone(count.value, ctx.row))


def test_processing_time_and_the_end_of_life():
    run = start(counts, key=["room"])
    run.rows({"room": ["a", "a"], "celsius": [1.0, 2.0]})
    assert run.now(4).main["count"] == [] and run.now(5).main["count"] == [-1]
    assert run.expire().main["count"] == [2]
    assert run.state == {"room": [], "value": []} and run.timers == []


def test_what_does_not_fit_is_refused_in_words():
    def refused(**given):
        with pytest.raises(Refused) as why:
            start(visits, schema={"user": "utf8", "at": "timestamp[us]"}, **given).rows({"user": ["a"], "at": [0]})
        return str(why.value)

    assert refused(key=[]) == "this module keeps state for each key, but the operator has no `key`"
    assert refused(key=["at"]) == (
        "`visits.user` reads `user` of the key, but it is not in the operator's `key`: there is `at`"
    )


@keyed
def remembers(last: State[float], rows: Rows[Reading]) -> None:
    for row in rows:
        last.value = row.celsius


def test_a_function_may_emit_nothing():
    run = start(remembers, key=["room"])
    assert run.rows({"room": ["a"], "celsius": [1.0]}).main == {"room": []}
    assert run.state == {"room": ["a"], "value": [1.0]}


@keyed
def wrong(last: State[Visit], rows: Rows[Reading], out: Out[Ended]) -> None:
    last.value = Visit(None)  # type: ignore[arg-type]


def test_a_state_that_cannot_be_kept_is_named():
    with pytest.raises(Wrong, match="`Visit.clicks` is None, but its annotation does not say"):
        start(wrong, key=["room"]).rows({"room": ["a"], "celsius": [1.0]})


def test_mistakes_in_annotations_are_told_at_import():
    with pytest.raises(TypeError, match="says nothing to a keyed operator"):
        @keyed
        def f(user: str) -> None: ...
    with pytest.raises(TypeError, match="a row of nulls is no state"):
        @dataclass
        class Empty:
            n: int | None

        def g(state): ...
        g.__annotations__ = {"state": State[Empty]}
        keyed(g)


def test_an_output_that_says_only_what_it_drops_passes_the_key():
    @port("moved", drop=["shard"])
    class Moved(NamedTuple):
        clicks: int

    @port("nothing", passes=[])
    class Nothing(NamedTuple):
        pass

    def moves(user: Key[str], clicks: Rows[Click], out: Out[Moved | Nothing]) -> None:
        for click in clicks:
            out.emit(Moved(len(clicks)), of=click)
            out.emit(Nothing())

    moves.__annotations__["out"] = Out[Moved | Nothing]
    run = start(keyed(moves), key=["user", "shard"], schema={"user": "utf8", "shard": "s64", "at": "timestamp[us]", "page": "utf8"})
    out = run.rows({"user": ["a"], "shard": [1], "at": [5], "page": ["home"]})
    assert out.ports == {"moved": {"user": ["a"], "clicks": [1]}, "nothing": {}}
