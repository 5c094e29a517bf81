"""What a till took and gave back: rows that leave a window are taken back, one by one, and nothing of them is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pelton_guest import aggregate


@dataclass
class Options:
    scale: int = 1


class Made(NamedTuple):
    took: int
    gave: int
    tip: float | None


@aggregate
class Till:
    rows: int = 0
    took: int = 0
    gave: int = 0
    tips: int = 0

    def add(self, cents: int, tip: int | None, options: Options) -> None:
        self.count(cents, tip, options.scale)

    def retract(self, cents: int, tip: int | None, options: Options) -> None:
        self.count(cents, tip, -options.scale)

    def count(self, cents: int, tip: int | None, times: int) -> None:
        self.rows += times
        if cents < 0:
            self.gave += cents * times
        else:
            self.took += cents * times
        if tip is not None:
            self.took += tip * times
            self.tips += times

    def merge(self, later: Till) -> None:
        self.rows += later.rows
        self.took += later.took
        self.gave += later.gave
        self.tips += later.tips

    def finish(self) -> Made | None:
        tip = float(self.took) / self.tips if self.tips else None
        return Made(self.took, self.gave, tip) if self.rows else None
