"""The reference operator by columns: prices over 100, in euro."""

from itertools import compress
from typing import NamedTuple

from pelton_guest import Column, Emit, transform


class Priced(NamedTuple):
    euro: float


@transform(columns=True)
def reference(price: Column[float]) -> Priced:
    prices = price.values.tolist()
    keep = [value > 100.0 for value in prices]
    return Emit({"euro": [value * 0.908 for value in compress(prices, keep)]}, list(compress(range(len(keep)), keep)))
