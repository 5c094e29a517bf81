"""Bids priced in euro, by the rate that the endpoint `rates` has for their currency. All other columns pass through untouched."""

import re
from typing import NamedTuple

from pelton_guest import Reject, Reply, Request, enrich


class Priced(NamedTuple):
    euro: float


@enrich
class {{pascal}}:
    @staticmethod
    def ask(currency: str) -> Request | None:
        """What a bid needs to know; bids in euro need nothing, and a path is made of nothing but a currency."""
        is_foreign = currency != "EUR" and re.fullmatch("[A-Z]{3}", currency)
        return Request("rates", f"/latest/{currency}") if is_foreign else None

    @staticmethod
    def answer(price: float, currency: str, reply: Reply | None) -> Priced:
        if reply is None:
            if currency != "EUR":
                raise Reject("this is no currency")
            return Priced(price)
        try:
            return Priced(price * float(reply.text()))
        except ValueError:
            raise Reject("the rate is no number") from None
