"""Orders and what was paid for them, each by an output of its own: what is owed, what is paid, and the payments of what is paid twice."""

from typing import NamedTuple

from pelton_guest import Key, Left, Out, Right, cogroup, port


class Item(NamedTuple):
    price: float


class Payment(NamedTuple):
    euro: float


@port("owed")
class Owed(NamedTuple):
    rest: float


@port("paid")
class Paid(NamedTuple):
    pass


@port("over", rename={"order": "bill"})
class Over(NamedTuple):
    euro: float


@cogroup
def bills(order: Key[int], items: Left[Item], payments: Right[Payment], out: Out[Owed | Paid | Over]) -> None:
    rest = sum(item.price for item in items) - sum(payment.euro for payment in payments)
    for payment in payments:
        if not items:
            out.reject(payment, f"there is no order {order}")
        elif rest < 0:
            out.emit(Over(payment.euro))
    if items and rest >= 0:
        out.emit(Owed(rest) if rest > 0 else Paid())
