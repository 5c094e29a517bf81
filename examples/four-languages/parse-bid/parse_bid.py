"""Bids out of a log's lines: `2026-01-31T12:00:00 bid auction=1001 price=250.00 currency=USD`."""

import re
from datetime import datetime, timezone
from typing import NamedTuple

from pelton_guest import Reject, transform

LINE = re.compile(r"(?P<at>\S+) bid auction=(?P<auction>\d+) price=(?P<price>[0-9.]+) currency=(?P<currency>[A-Z]{3})$")


class Bid(NamedTuple):
    at: datetime
    auction: int
    price: float
    currency: str


@transform(passes="none")
def parse_bid(line: str) -> Bid:
    found = LINE.match(line)
    if found is None:
        raise Reject(f"no bid: `{line}`")
    try:
        at = datetime.fromisoformat(found["at"]).replace(tzinfo=timezone.utc)
    except ValueError:
        raise Reject(f"no time: `{found['at']}`") from None
    return Bid(at, int(found["auction"]), float(found["price"]), found["currency"])
