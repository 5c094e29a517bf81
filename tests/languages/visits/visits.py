"""Visits of users: rows made from rows and by timers, rows refused, timers moved and cleared, state with text and nulls."""

from dataclasses import dataclass
from typing import NamedTuple

from pelton_guest import Key, Out, Rows, State, Timers, Timestamp, keyed

END = 7


@dataclass
class Options:
    gap: int = 30


class Click(NamedTuple):
    at: Timestamp
    page: str | None


class Visit(NamedTuple):
    clicks: int
    last: str | None


class Event(NamedTuple):
    event: str
    clicks: int
    page: str | None


@keyed
def visits(
    user: Key[str], visit: State[Visit], clicks: Rows[Click], timers: Timers, out: Out[Event], options: Options
) -> None:
    for click in clicks:
        if click.page == "bad":
            out.reject(click, f"{user} was on a bad page")
            continue
        if visit.value is None:
            out.emit(Event("begin", 1, click.page), of=click)
        visit.value = Visit((visit.value.clicks if visit.value else 0) + 1, click.page)
        timers.set(END, click.at + options.gap * 1_000_000)
        if click.page == "exit":
            out.emit(Event("exit", visit.value.clicks, None), of=click)
            visit.value = None
            timers.clear(END)
    for timer in timers.due():
        if visit.value is not None:
            out.emit(Event("end", visit.value.clicks, visit.value.last))
            visit.value = None
