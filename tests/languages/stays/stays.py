"""Stays of users: rows made from rows by one output, rows made by timers by another, and a third that nothing is computed for."""

from typing import NamedTuple

from pelton_guest import Key, Out, Rows, State, Timers, Timestamp, keyed, port

END = 1


class Click(NamedTuple):
    at: Timestamp
    page: str


class Stay(NamedTuple):
    clicks: int


@port("ended")
class Ended(NamedTuple):
    clicks: int


@port("begun", passes=["user", "at"], rename={"at": "since"})
class Begun(NamedTuple):
    page: str


@port("again", passes="all")
class Again(NamedTuple):
    pass


@keyed
def stays(
    user: Key[str], stay: State[Stay], clicks: Rows[Click], timers: Timers, out: Out[Ended | Begun | Again]
) -> None:
    for click in clicks:
        if click.page == "bad":
            out.reject(click, f"{user} was on a bad page")
            continue
        out.emit(Begun(click.page) if stay.value is None else Again(), of=click)
        stay.value = Stay((stay.value.clicks if stay.value else 0) + 1)
        timers.set(END, click.at + 60_000_000)
    for _ in timers.due():
        if stay.value is not None:
            out.emit(Ended(stay.value.clicks))
            stay.value = None
