"""What is still to be paid of each order, if it is `least` or more."""

from dataclasses import dataclass
from typing import NamedTuple

from pelton_guest import Key, Left, Out, Right, cogroup


@dataclass
class Options:
    least: float


class Item(NamedTuple):
    price: float


class Payment(NamedTuple):
    euro: float


class Unpaid(NamedTuple):
    unpaid: float


@cogroup
def {{id}}(order: Key[int], items: Left[Item], payments: Right[Payment], out: Out[Unpaid], options: Options) -> None:
    if not items:
        for payment in payments:
            out.reject(payment, f"there is no order {order}")
        return
    unpaid = sum(item.price for item in items) - sum(payment.euro for payment in payments)
    if unpaid >= options.least:
        out.emit(Unpaid(unpaid))
