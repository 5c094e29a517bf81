"""Aggregates, folded as the engine folds them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from pelton_guest import Context, Reject, Window, aggregate, log, s32
from pelton_guest.testing import Refused, Wrong, fold
from pelton_guest.testing._rows import Given


class Range(NamedTuple):
    range: float


@aggregate
class Spread:
    """How far apart prices are."""

    least: float | None = None
    most: float | None = None

    def add(self, price: float) -> None:
        self.merge(Spread(price, price))

    def merge(self, later: Spread) -> None:
        self.least = min((x for x in (self.least, later.least) if x is not None), default=None)
        self.most = max((x for x in (self.most, later.most) if x is not None), default=None)

    def finish(self) -> Range | None:
        return None if self.most is None else Range(self.most - self.least)


def test_rows_are_folded_by_key():
    out = fold(Spread, {"auction": [1, 2, 1, 3], "price": [3.0, 5.0, 10.5, None]}, key=["auction"])
    assert out.main == {"auction": [1, 2], "range": [7.5, 0.0]}, "and nulls are left out"
    assert fold(Spread, {"price": []}, schema={"price": "f64"}).main == {"range": []}


@dataclass
class Options:
    per: int = 1


class Result(NamedTuple):
    total: int
    mean: float | None
    ends: dt.datetime


@aggregate
class Total:
    sum: int = 0
    count: int = 0

    def add(self, n: int | None, options: Options) -> None:
        if n is not None:
            self.sum += n // options.per
            self.count += 1

    def merge(self, later: Total) -> None:
        self.sum += later.sum
        self.count += later.count

    def finish(self, window: Window, options: Options) -> Result:
        if self.sum < 0:
            raise Reject(f"{self.sum} in {options.per}")
        moment = dt.datetime.fromtimestamp(window.end / 1_000_000, dt.timezone.utc)
        return Result(self.sum, self.sum / self.count if self.count else None, moment)


def test_options_windows_and_rejections():
    rows = {"key": ["a", "b", "a", "c"], "n": [10, -7, None, None]}
    window = Window(0, 60_000_000, "late")
    out = fold(Total, rows, key=["key"], schema={"key": "utf8", "n": "s64?"}, options={"per": 5}, window=window)
    moment = dt.datetime(1970, 1, 1, 0, 1, tzinfo=dt.timezone.utc)
    assert out.main == {"key": ["a", "c"], "total": [2, 0], "mean": [2.0, None], "ends": [moment, moment]}
    assert out.rejected == [(1, "-2 in 5")]


def test_what_does_not_fit_is_refused_in_words():
    with pytest.raises(Refused, match="the input has no column `n`, which `Total.add.n` reads as s64"):
        fold(Total, {"m": [1]})


class First(NamedTuple):
    first: int


@aggregate(ordered=True)
class OfFirst:
    first: int | None = None

    def add(self, n: int) -> None:
        self.first = n if self.first is None else self.first

    def merge(self, later: OfFirst) -> None:
        self.first = later.first if self.first is None else self.first

    def finish(self) -> list[First]:
        return [First(self.first), First(-self.first)] if self.first is not None else []


def test_a_merge_that_needs_its_order_says_so():
    assert fold(OfFirst, {"n": [3, 1, 2]}).main == {"first": [3, -3]}
    OfFirst.__pelton_operator__.ordered = False
    with pytest.raises(AssertionError, match="opposite order"):
        fold(OfFirst, {"n": [3, 1, 2]})
    OfFirst.__pelton_operator__.ordered = True


@aggregate
class Loses:
    n: s32 = 0

    def add(self, n: int, ctx: Context) -> None:
        log.info(f"row {ctx.row}")
        self.n += n

    def merge(self, later: Loses) -> None:
        pass

    def finish(self) -> First:
        return First(self.n)


def test_a_merge_that_loses_rows_is_caught():
    with pytest.raises(AssertionError, match="folding all rows at once differs from merging three parts"):
        fold(Loses, {"n": [1, 2, 3]})
    with pytest.raises(Wrong, match="column `n` is s32., and cannot hold 2147483648"):
        fold(Loses, {"n": [1 << 31]})


def test_mistakes_in_the_class_are_told_at_import():
    def made(**members):
        return type("Fold", (), {"__annotations__": {"n": int}, **members})

    methods = {"add": Loses.add, "merge": Loses.merge, "finish": Loses.finish}
    with pytest.raises(TypeError, match="has no method `merge`"):
        aggregate(made(n=0, add=Loses.add))
    with pytest.raises(TypeError, match="every field of `Fold` needs a default"):
        aggregate(made(**methods))
    with pytest.raises(TypeError, match="is None by default, but nulls stand for the default"):
        aggregate(made(n=None, **methods))
    with pytest.raises(TypeError, match="say what `Fold.finish` makes"):
        aggregate(made(**methods | {"n": 0, "finish": lambda self: None}))


@aggregate
class Spent:
    cents: int = 0

    def add(self, cents: int, options: Options) -> None:
        self.cents += cents * options.per

    def retract(self, options: Options, cents: int) -> None:
        self.cents -= cents * options.per

    def merge(self, later: Spent) -> None:
        self.cents += later.cents

    def finish(self) -> Result | None:
        return Result(self.cents, None, dt.datetime.fromtimestamp(0, dt.timezone.utc))


def test_rows_are_taken_back():
    out = fold(Spent, {"user": ["a", "b", "a"], "cents": [1200, 500, None]}, key=["user"], options={"per": 2})
    assert out.main["total"] == [2400, 1000]
    properties = Spent.__pelton_operator__.open([Given.of({"cents": [1]}, None).input([])], "{}")[0].properties
    assert properties == [("accepts", "append,retract")]


def test_an_inverse_that_is_not_exact_is_caught():
    @aggregate
    class Floats:
        sum: float = 0.0

        def add(self, x: float) -> None:
            self.sum += x

        def retract(self, x: float) -> None:
            self.sum -= x

        def merge(self, later: Floats) -> None:
            self.sum += later.sum

        def finish(self) -> Range:
            return Range(self.sum)

    with pytest.raises(AssertionError, match="taking the first of each back"):
        fold(Floats, {"x": [0.1, 1e9, 0.7]})


def test_a_maximum_that_does_not_come_down_is_caught():
    @aggregate
    class Most:
        most: int | None = None

        def add(self, n: int) -> None:
            self.most = n if self.most is None else max(self.most, n)

        def retract(self, n: int) -> None: ...

        def merge(self, later: Most) -> None:
            self.most = max((x for x in (self.most, later.most) if x is not None), default=None)

        def finish(self) -> Range | None:
            return None if self.most is None else Range(self.most)

    with pytest.raises(AssertionError, match="taking every other row back"):
        fold(Most, {"n": [1, 7, 3]})


def test_what_is_taken_back_is_what_was_folded():
    with pytest.raises(TypeError, match="both take the same columns"):

        @aggregate
        class Uneven:
            sum: int = 0

            def add(self, n: int) -> None: ...
            def retract(self, n: s32) -> None: ...
            def merge(self, later: Uneven) -> None: ...
            def finish(self) -> Range: ...
