"""The bids of each bidder, as long as they are less than `gap` seconds apart."""

from dataclasses import dataclass
from typing import NamedTuple

from pelton_guest import Out, Rows, State, Timers, Timestamp, keyed

#: The number of the timer: a bidder has one.
END = 0


@dataclass
class Options:
    gap: int


class Bid(NamedTuple):
    price: float
    at: Timestamp


class Ended(NamedTuple):
    bids: int
    spent: float


@dataclass
class Session:
    """What is kept for each bidder."""

    bids: int
    spent: float
    ends: Timestamp


@keyed
def {{id}}(session: State[Session], bids: Rows[Bid], timers: Timers, out: Out[Ended], options: Options) -> None:
    def end() -> None:
        if session.value is not None:
            out.emit(Ended(session.value.bids, session.value.spent))
            session.value = None

    for bid in bids:
        if bid.price < 0:
            out.reject(bid, f"{bid.price:g} is no price")
            continue
        # The gap may be over, though the timer has not told yet.
        if session.value is not None and bid.at >= session.value.ends:
            end()
        so_far = session.value or Session(0, 0.0, bid.at)
        ends = Timestamp(bid.at + options.gap * 1_000_000)
        session.value = Session(so_far.bids + 1, so_far.spent + bid.price, ends)
        timers.set(END, ends)
    for _ in timers.due():
        end()
