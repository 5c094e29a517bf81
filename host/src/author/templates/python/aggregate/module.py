"""How far apart prices are, those under `min` left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pelton_guest import aggregate


@dataclass
class Options:
    min: float = 0.0


class Range(NamedTuple):
    range: float


@aggregate
class {{pascal}}:
    """What the engine keeps for each group; with its defaults, that of no rows."""

    least: float | None = None
    most: float | None = None

    def add(self, price: float, options: Options) -> None:
        if price >= options.min:
            self.merge({{pascal}}(price, price))

    def merge(self, later: {{pascal}}) -> None:
        self.least = min((x for x in (self.least, later.least) if x is not None), default=None)
        self.most = max((x for x in (self.most, later.most) if x is not None), default=None)

    def finish(self) -> Range | None:
        return None if self.least is None or self.most is None else Range(self.most - self.least)
