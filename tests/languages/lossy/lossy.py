"""A fold whose `merge` loses what later rows came to: `pelton check` must say so."""

from __future__ import annotations

from typing import NamedTuple

from pelton_guest import aggregate


class Count(NamedTuple):
    count: int


@aggregate
class Lossy:
    count: int = 0

    def add(self, n: int) -> None:
        self.count += 1

    def merge(self, later: Lossy) -> None:
        pass

    def finish(self) -> Count:
        return Count(self.count)
