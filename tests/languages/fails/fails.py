"""Prints, and then fails: the log has the line, and the trap the place."""

from typing import NamedTuple

from pelton_guest import Rows, State, keyed


class Row(NamedTuple):
    n: int


@keyed
def fails(count: State[int], rows: Rows[Row]) -> None:
    print("said before")
    for row in rows:
        count.value = row.n // (row.n - 2)  # HERE
