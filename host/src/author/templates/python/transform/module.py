"""Bids over `min`, priced in euro. All other columns pass through untouched."""

from dataclasses import dataclass
from typing import NamedTuple

from pelton_guest import Reject, transform


@dataclass
class Options:
    rate: float
    min: float = 0.0


class Priced(NamedTuple):
    euro: float


@transform
def {{id}}(price: float, options: Options) -> Priced | None:
    if price < 0:
        raise Reject(f"{price:g} is no price")
    return Priced(price * options.rate) if price > options.min else None
