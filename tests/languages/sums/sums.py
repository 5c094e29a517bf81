"""Sums by key in whole euros and cents beside them: version 2 of what keeps cents in tests/guests/versions."""

from dataclasses import dataclass
from typing import NamedTuple

from pelton_guest import List, Out, Reject, Rows, State, keyed


class Read(NamedTuple):
    n: int


class Made(NamedTuple):
    n: int
    cents: int
    last: int
    version: int


@dataclass
class InCents:
    cents: int


@dataclass
class Sum:
    euro: int
    cents: str
    rows: int


def from_cents(older: InCents) -> Sum | None:
    if older.cents == 404404:
        raise Reject("nobody pays so much")
    if older.cents == 0:
        return None
    return Sum(older.cents // 100, str(older.cents % 100), 0)


@keyed(migrate=from_cents)
def sums(total: State[Sum], rows: Rows[Read], last: List[int], out: Out[Made]) -> None:
    for row in rows:
        before = total.value or Sum(0, "0", 0)
        cents = before.euro * 100 + int(before.cents) + row.n
        total.value = Sum(cents // 100, str(cents % 100), before.rows + 1)
        last.append(row.n)
        last.keep_last(3)
        out.emit(Made(row.n, cents, sum(last), 2), row)
