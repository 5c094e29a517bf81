"""Sums, means and the first word of each group: nulls, text and numbers that are kept; groups that are dropped and refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pelton_guest import Reject, aggregate


@dataclass
class Options:
    scale: int = 1


class Result(NamedTuple):
    sum: int
    mean: float | None
    total: float
    word: str | None


@aggregate
class Total:
    rows: int = 0
    sum: int = 0
    numbers: int = 0
    total: float = 0.0
    word: str | None = None

    def add(self, n: int | None, x: float, word: str | None, options: Options) -> None:
        self.rows += 1
        self.total += x
        if n is not None:
            self.sum += n * options.scale
            self.numbers += 1
        self.keep(word)

    def keep(self, word: str | None) -> None:
        if word is not None and (self.word is None or word < self.word):
            self.word = word

    def merge(self, later: Total) -> None:
        self.rows += later.rows
        self.sum += later.sum
        self.numbers += later.numbers
        self.total += later.total
        self.keep(later.word)

    def finish(self) -> Result | None:
        if self.sum < 0:
            raise Reject(f"{self.sum} is less than nothing")
        mean = float(self.sum) / self.numbers if self.numbers else None
        return Result(self.sum, mean, self.total, self.word) if self.rows else None
