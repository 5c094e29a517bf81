"""Side tables: what is offered, what is looked up, and what a table may not be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from pelton_guest import Column, Emit, transform
from pelton_guest.testing import Refused, Wrong, run


class Airline(NamedTuple):
    carrier: str
    name: str | None


@dataclass
class Rate:
    rate: float


class Named(NamedTuple):
    airline: str | None
    euro: float


@dataclass
class Options:
    factor: float = 1.0


def by_carrier(rows: Iterable[Airline]) -> dict[str, str | None]:
    return {row.carrier: row.name for row in rows}


class Last:
    def __init__(self, rows: list[Rate]) -> None:
        if not rows:
            raise ValueError("there is no rate")
        self.rate = rows[-1].rate


@transform(tables={"airlines": by_carrier, "fx-rates": Last}, drop=["price"])
def named(carrier: str, airlines: dict[str, str | None], price: float, options: Options, fx_rates: Last) -> Named | None:
    if carrier not in airlines:
        return None
    return Named(airlines[carrier], price * fx_rates.rate * options.factor)


AIRLINES = {"name": ["British Airways", None], "country": ["GB", "DE"], "carrier": ["BA", "LH"]}
FLIGHTS = {"carrier": ["LH", "ZZ", "BA"], "price": [1.0, 2.0, 3.0]}


def test_a_transform_looks_up_in_its_tables():
    out = run(named, FLIGHTS, tables={"airlines": AIRLINES, "fx-rates": {"rate": [9.0, 0.5]}}, options={"factor": 2.0})
    assert out.main == {"carrier": ["LH", "BA"], "airline": [None, "British Airways"], "euro": [1.0, 3.0]}
    assert named("BA", {"BA": "x"}, 2.0, Options(), Last([Rate(3.0)])) == Named("x", 6.0), "it is a function"


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        (
            {"airline": AIRLINES, "fx-rates": {"rate": [1.0]}},
            "this module looks up in the table `airlines`, which the operator is not offered: did you mean `airline`?",
        ),
        (
            {"airlines": AIRLINES},
            "this module looks up in the table `fx-rates`, which the operator is not offered: there is `airlines`",
        ),
        (
            {"airlines": AIRLINES, "fx-rates": {"rates": [1.0]}},
            "the table `fx-rates` has no column `rate`, which `Rate.rate` reads as f64: did you mean `rates`?",
        ),
        (
            {"airlines": AIRLINES, "fx-rates": {"rate": ["1.0"]}},
            "column `rate` is utf8, but `Rate.rate` reads it as f64",
        ),
    ],
)
def test_tables_that_are_missing_or_of_another_shape_are_refused(tables, why):
    with pytest.raises(Refused) as refused:
        run(named, FLIGHTS, tables=tables)
    assert str(refused.value) == why


def test_rows_that_cannot_be_loaded_stop_the_job():
    broken = {"carrier": ["BA", None], "name": ["a", None]}
    with pytest.raises(Wrong, match="the table `airlines`: `carrier` of row 1 is null"):
        run(named, FLIGHTS, tables={"airlines": broken, "fx-rates": {"rate": [1.0]}})
    with pytest.raises(ValueError, match="there is no rate"):
        run(named, FLIGHTS, tables={"airlines": AIRLINES, "fx-rates": {"rate": []}}, table_schemas={"fx-rates": {"rate": "f64"}})


def test_a_table_comes_before_rows_and_may_come_again():
    contract, opened = named.open(*inputs())
    assert contract.tables == ["airlines", "fx-rates"] and contract.reads == [["carrier", "price"]]
    with pytest.raises(Wrong, match="the table `airlines` did not come before the first rows"):
        named._tables(opened)
    with pytest.raises(Wrong, match="the table `planes` came, but this module did not ask for it"):
        named.load(opened, "planes", None)


def inputs():
    from dataclasses import replace

    from pelton_guest.testing._rows import Given

    flights, airlines, rates = (Given.of(of, None) for of in (FLIGHTS, AIRLINES, {"rate": [1.0]}))
    tables = [replace(of.input(), name=name, mode="table") for name, of in (("airlines", airlines), ("fx-rates", rates))]
    return [flights.input(), *tables], "{}"


def test_whole_columns_look_up_too():
    def places(rows: Iterator[Airline]) -> list[str]:
        return sorted(row.carrier for row in rows)

    class Known(NamedTuple):
        is_known: bool

    def known(carrier: Column[str], airlines: list[str]) -> Known:
        return Emit({"is_known": [value in airlines for value in carrier]})

    known.__annotations__["return"] = Known
    operator = transform(known, columns=True, tables={"airlines": places})
    out = run(operator, {"carrier": ["ZZ", "BA"]}, tables={"airlines": AIRLINES})
    assert out.main == {"carrier": ["ZZ", "BA"], "is_known": [False, True]}


def test_mistakes_are_told_at_import():
    def flights(carrier: str) -> bool:
        return True

    with pytest.raises(TypeError, match="no argument of `flights` takes the side table `fx-rates`: it is called `fx_rates`"):
        transform(flights, tables={"fx-rates": Last})

    def bare(rows):
        return rows

    with pytest.raises(TypeError, match="needs for `airlines` a function of the table's rows"):
        transform(flights, tables={"airlines": bare})


def test_tables_that_nobody_asked_for_are_no_inputs():
    @transform
    def cheap(price: float) -> bool:
        return price < 2.0

    assert run(cheap, {"price": [1.0, 3.0]}, tables={"airlines": AIRLINES}).main == {"price": [1.0]}
