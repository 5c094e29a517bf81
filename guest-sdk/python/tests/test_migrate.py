"""State of versions before, made into this one's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import pytest

from pelton_guest import Key, List, Reject, Rows, State, Timestamp, keyed
from pelton_guest._kept import Kept
from pelton_guest._migrate import Unmigrated
from pelton_guest._wire import Field, Input, Table


class Read(NamedTuple):
    n: int


@dataclass
class InCents:
    cents: int


@dataclass
class InParts:
    euro: int
    rest: int | None = None


@dataclass
class Sum:
    euro: int
    cents: str


def from_cents(older: InCents) -> Sum | None:
    if older.cents < 0:
        raise Reject(f"a debt of {older.cents}")
    return Sum(older.cents // 100, str(older.cents % 100)) if older.cents else None


def from_parts(older: InParts) -> Sum:
    return Sum(older.euro, str(older.rest or 0))


@keyed(migrate=[from_cents, from_parts])
def sums(k: Key[str], total: State[Sum], rows: Rows[Read], last: List[int], seen: List[Timestamp]) -> None: ...


@keyed
def plain(k: Key[str], total: State[int], rows: Rows[Read]) -> None: ...


def kept(row: type, *rows: object) -> tuple[list[Field], Table]:
    of = Kept(row)
    return of.fields(), of.store(of.split(list(rows)), len(rows))


def test_each_row_goes_through_the_function_of_its_version_and_none_drops_it():
    migrated = sums.migrate("state", 1, *kept(InCents, InCents(1_234), InCents(0)))
    assert Kept(Sum).load(migrated) == [[12, None], ["34", None]]
    migrated = sums.migrate("state", 2, *kept(InParts, InParts(5)))
    assert Kept(Sum).load(migrated) == [[5], ["0"]]
    assert sums.migrate("state", 1, Kept(InCents).fields(), Kept(InCents).store([[]], 0)).rows == 0


def test_a_state_may_be_a_single_value():
    def from_text(older: str) -> int:
        return int(older)

    @keyed(migrate=from_text)
    def counts(k: Key[str], total: State[int], rows: Rows[Read]) -> None: ...

    text = Kept.value("older", counts.migrations[0].kept.types[0])
    migrated = counts.migrate("state", 1, text.fields(), text.store([["17", "4"]], 2))
    assert counts.kept.load(migrated) == [[17, 4]]


def test_what_cannot_be_taken_over_says_why():
    debt = kept(InCents, InCents(-5))
    with pytest.raises(Reject, match="a debt of -5"):
        sums.migrate("state", 1, *debt)
    with pytest.raises(Unmigrated, match="no function that migrates state of version 3"):
        sums.migrate("state", 3, *debt)
    with pytest.raises(Unmigrated, match=r"expects of version 2 has the columns \(euro: l, rest: l\), but \(cents: l\) came"):
        sums.migrate("state", 2, *debt)
    of = Kept(InParts)
    with pytest.raises(Unmigrated, match="`euro` of a key's state is null in version 2"):
        sums.migrate("state", 2, of.fields(), of.store([[None], [1]], 1))


def test_lists_and_maps_go_on_as_they_are():
    def columns(format: str) -> list[Field]:
        return [Field("number", "l", False, 0), Field("value", format, False, 0)]

    rows = Table(0, [])
    assert sums.migrate("last", 1, columns("l"), rows) is rows
    with pytest.raises(Unmigrated, match="`last`, which goes on as it is, has the columns"):
        sums.migrate("last", 1, columns("g"), rows)
    with pytest.raises(Unmigrated, match="keeps no `first`"):
        sums.migrate("first", 1, [], rows)


def test_the_version_of_the_state_counts_those_before_it():
    fields = [Field("k", "u", False, 0), Field("n", "l", False, 0)]
    given = [Input("in", fields, ["k"], None, "append", [])]
    assert sums.open(given, "{}")[0].state_version == 3
    assert plain.open(given, "{}")[0].state_version == 1


def test_a_function_that_migrates_says_what_it_takes():
    def untold(older): ...

    def stateless(k: Key[str], rows: Rows[Read]) -> None: ...

    with pytest.raises(TypeError, match="`untold` migrates, so it has one argument, annotated"):
        keyed(migrate=untold)(stateless)
    with pytest.raises(TypeError, match="no `State` that could be migrated"):
        keyed(migrate=from_cents)(stateless)
