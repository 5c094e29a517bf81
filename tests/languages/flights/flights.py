"""Flights with the names of their airlines, and prices in the currency of the last rate: looked up in two side tables."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from pelton_guest import Reject, s32, transform


class Airline(NamedTuple):
    carrier: str
    name: str | None
    founded: s32


class Rate(NamedTuple):
    rate: float


@dataclass
class Options:
    factor: float


class Named(NamedTuple):
    airline: str | None
    founded: s32
    price: float


def by_carrier(rows: Iterable[Airline]) -> dict[str, Airline]:
    return {row.carrier: row for row in rows}


def last(rows: list[Rate]) -> float:
    return rows[-1].rate


@transform(tables={"airlines": by_carrier, "fx-rates": last})
def flights(carrier: str, price: float, airlines: dict[str, Airline], fx_rates: float, options: Options) -> Named | None:
    if carrier == "private":
        return None
    if carrier not in airlines:
        raise Reject(f"no airline {carrier}")
    airline = airlines[carrier]
    return Named(airline.name, airline.founded, price * fx_rates * options.factor)
