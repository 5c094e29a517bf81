"""The reference operator by rows: prices over 100, in euro."""

from typing import NamedTuple

from pelton_guest import transform


class Priced(NamedTuple):
    euro: float


@transform
def reference(price: float) -> Priced | None:
    return Priced(price * 0.908) if price > 100.0 else None
