"""Narrower numbers and coarser times, read as wider ones."""

from typing import NamedTuple

from pelton_guest import Timestamp, transform


class Made(NamedTuple):
    double: float
    next: int
    micros: int


@transform
def widen(small: float, count: int, at: Timestamp) -> Made:
    return Made(small * 2.0, count + 1, at)
