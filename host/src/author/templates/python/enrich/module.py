"""Bids priced in euro, by the rate that the endpoint `rates` has for their currency. All other columns pass through untouched."""

from typing import NamedTuple

from pelton_guest import Reject, Reply, Request, encode, enrich


class Priced(NamedTuple):
    euro: float


@enrich
class {{pascal}}:
    @staticmethod
    def ask(currency: str) -> Request | None:
        """What a bid needs to know; bids in euro need nothing."""
        return None if currency == "EUR" else Request("rates", f"/latest/{encode(currency)}")

    @staticmethod
    def answer(price: float, reply: Reply | None) -> Priced:
        if reply is None:
            return Priced(price)
        try:
            return Priced(price * float(reply.text()))
        except ValueError:
            raise Reject("the rate is no number") from None
