"""The reference operator by columns: prices over 100, in euro."""

from typing import NamedTuple

from pelton_guest import Column, Emit, transform


class Priced(NamedTuple):
    euro: float


@transform(columns=True)
def reference(price: Column[float]) -> Priced:
    origin, euro = [], []
    for row, value in enumerate(price.values):
        if value > 100.0:
            origin.append(row)
            euro.append(value * 0.908)
    return Emit({"euro": euro}, origin)
