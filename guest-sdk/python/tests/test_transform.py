"""Operators of every form, run as a module's own code runs."""

from __future__ import annotations

import datetime as dt
import decimal as dec
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import pytest

from pelton_guest import Column, Context, Emit, Name, Reject, Timestamp, Unit, decimal, f32, log, port, s32, transform
from pelton_guest._wire import BatchContext
from pelton_guest.testing import Refused, Wrong, run


@dataclass
class Options:
    rate: float
    min: float = 0.0


class Priced(NamedTuple):
    euro: float


@transform
def to_euro(price: float, options: Options) -> Priced | None:
    return Priced(price * options.rate) if price > options.min else None


def test_a_filter_and_map_keeps_the_other_columns():
    out = run(to_euro, {"auction": [1, 2], "price": [99.0, 300.0]}, options={"rate": 0.5, "min": 100})
    assert out.main == {"auction": [2], "price": [300.0], "euro": [150.0]}
    assert out.origins["out"] == [1]
    assert to_euro(300.0, Options(0.5)) == Priced(150.0), "the plain function can be called"


def test_rows_with_a_null_that_the_function_does_not_take_are_rejected():
    out = run(to_euro, {"price": [1.0, None, 3.0]}, options={"rate": 2})
    assert out.main["euro"] == [2.0, 6.0]
    assert out.rejected == [(1, "`price` is null")]


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"prize": [1.0]}, {"rate": 1}, "the input has no column `price`, which `to_euro.price` reads as f64: did you mean `prize`?"),
        ({"price": ["x"]}, {"rate": 1}, "column `price` is utf8, but `to_euro.price` reads it as f64"),
        ({"price": [1.0]}, {}, "option `rate` is missing: it must be a number"),
        ({"price": [1.0]}, {"rate": "fast"}, 'option `rate` must be a number, not "fast"'),
        ({"price": [1.0]}, {"rate": True}, "option `rate` must be a number, not true"),
        ({"price": [1.0]}, {"rat": 1}, "there is no option `rat`: did you mean `rate`?"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(columns, options, message):
    with pytest.raises(Refused) as refused:
        run(to_euro, columns, options=options)
    assert str(refused.value) == message


def test_narrower_numbers_are_read():
    assert run(to_euro, {"price": [1, 2]}, schema={"price": "s16"}, options={"rate": 2}).main["euro"] == [2.0, 4.0]
    with pytest.raises(Refused):
        run(to_euro, {"price": [1, 2]}, schema={"price": "s64"}, options={"rate": 2})


class Word(NamedTuple):
    word: str


@transform(drop=["line"])
def words(line: str) -> Iterator[Word]:
    if line == "?":
        yield Word("lost")
        raise Reject("a question")
    for word in line.split():
        yield Word(word)


def test_a_generator_is_a_flat_map_whose_row_is_rejected_as_a_whole():
    out = run(words, {"line": ["a b", "", "?", "ü"], "at": [1, 2, 3, 4]})
    assert out.main == {"at": [1, 1, 4], "word": ["a", "b", "ü"]}
    assert out.rejected == [(2, "a question")]


@dataclass
class Parsed:
    level: str
    text: str


@port("blank", passes="none")
@dataclass
class Blank:
    pass


@transform(drop=["line"])
def parse(line: str) -> Parsed | Blank:
    if not line:
        return Blank()
    level, colon, text = line.partition(": ")
    if not colon:
        raise Reject(f"no level in `{line}`")
    return Parsed(level, text)


def test_several_row_classes_are_several_outputs():
    out = run(parse, {"line": ["warn: hot", "", "?"], "at": [1, 2, 3]})
    assert out.main == {"at": [1], "level": ["warn"], "text": ["hot"]}
    assert out.port("blank") == {} and out.origins["blank"] == [1]
    assert out.rejected == [(2, "no level in `?`")]


@transform
def cheap(price: float | None) -> bool:
    return price is None or price < 10


def test_a_filter_sees_nulls_where_it_takes_them():
    assert run(cheap, {"price": [1.0, None, 30.0]}).main == {"price": [1.0, None]}


class Kinds(NamedTuple):
    flag: bool | None
    small: s32 | None
    half: f32
    text: str | None
    raw: bytes
    day: dt.date
    moment: dt.datetime
    at: Annotated[Timestamp, Unit("ms")]
    cost: decimal(10, 2)


@transform(passes="none")
def kinds(
    flag: bool | None, small: int | None, half: float, text: str | None, raw: bytes, day: dt.date, moment: dt.datetime,
    at: Timestamp, cost: decimal(38, 2),
) -> Kinds:
    return Kinds(flag, small, half, text, raw, day, moment, at, cost)


def test_every_type_goes_in_and_out_as_it_is():
    moment = dt.datetime(2026, 1, 31, 12, 0, 0, 250_000, dt.timezone.utc)
    rows = {
        "flag": [True, None] * 5, "small": [-5, None] * 5, "half": [0.5, -1.5] * 5, "text": ["ü", None] * 5,
        "raw": [b"\xff", b""] * 5, "day": [dt.date(1969, 12, 31), dt.date(2026, 1, 31)] * 5, "moment": [moment] * 10,
        "at": [moment] * 10, "cost": [dec.Decimal("12.30"), dec.Decimal("-0.01")] * 5,
    }
    assert run(kinds, rows).main == rows


class Small(NamedTuple):
    n: s32


@transform
def narrow(n: int) -> Small:
    return Small(n)


def test_a_value_that_does_not_fit_its_column_is_named():
    with pytest.raises(Wrong) as wrong:
        run(narrow, {"n": [1, 1 << 40]})
    assert str(wrong.value) == "column `n` is s32, and cannot hold 1099511627776"


class Moment(NamedTuple):
    moment: dt.datetime


@transform
def naive(n: int) -> Moment:
    return Moment(dt.datetime(2026, 1, n))


def test_a_moment_without_a_time_zone_is_told_to_take_one():
    with pytest.raises(Wrong, match="cannot hold .*, which has no time zone: give `tzinfo=timezone.utc`"):
        run(naive, {"n": [1]})


@transform(columns=True)
def by_column(price: Column[float], options: Options) -> Priced:
    keep = [value > options.min for value in price]
    origin = array("I", [row for row, kept in enumerate(keep) if kept])
    return Emit({"euro": array("d", [price.values[row] * options.rate for row in origin])}, origin)


def test_column_level_answers_as_row_level_does():
    rows = {"auction": [1, 2, 3, 4], "price": [5.0, None, 200.0, 100.5]}
    options = {"rate": 0.908, "min": 100.0}
    by_row, by_columns = run(to_euro, rows, options=options), run(by_column, rows, options=options)
    assert by_row == by_columns


def test_numbers_at_column_level_are_views_without_a_copy():
    seen = []

    @transform(columns=True)
    def look(price: Column[float]) -> Priced:
        seen.append(price.values)
        return Emit({"euro": price.values})

    assert run(look, {"price": [1.0, 2.0]}).main["euro"] == [1.0, 2.0]
    assert isinstance(seen[0], memoryview) and seen[0].format == "d"


class Drawn(NamedTuple):
    x: float


@transform
def sample(id: int, ctx: Context) -> Drawn:
    return Drawn(ctx.random())


def test_random_numbers_belong_to_the_row():
    whole = run(sample, {"id": list(range(10))}, seed=7).main["x"]
    assert len(set(whole)) == 10
    assert run(sample, {"id": [0]}, seed=7, first_row=3).main["x"] == [whole[3]]


# Pinned in the SDK of every language: (seed, row, draw) and the number.
VECTORS = [
    ((0, 0, 0), 0x568A9B0B1A2C05EC),
    ((0, 0, 1), 0x44E5B8B147EF718B),
    ((0, 1, 0), 0x6EC85F1F8547BC0C),
    ((42, 100, 0), 0xA5F1BDDF925239E2),
    (((1 << 64) - 1, (1 << 64) - 1, 0), 0x082EE7E0AF5462C6),
    ((42, (1 << 63) + 7, 3), 0x146CB91F5FA015E3),
]


@pytest.mark.parametrize(("of", "number"), VECTORS)
def test_random_numbers_are_those_of_the_other_languages(of, number):
    seed, row, draw = of
    ctx = Context(BatchContext(1, row, 0, 0, seed))
    assert [ctx.random_u64() for _ in range(draw + 1)][draw] == number


@transform
def counting(id: int) -> Drawn:
    counting.calls = getattr(counting, "calls", 0) + 1
    return Drawn(float(counting.calls))


def test_a_function_that_keeps_something_is_caught():
    with pytest.raises(AssertionError, match="depends on how rows are cut"):
        run(counting, {"id": [1, 2, 3]})


@transform
def talks(user: Annotated[str, Name("user-id")]) -> None:
    log.warn(f"saw {user}")
    if user == "bad":
        raise Reject("bad")


def test_a_function_that_returns_nothing_may_still_reject():
    out = run(talks, {"user-id": ["a", "bad"]})
    assert out.main == {"user-id": ["a"]} and out.rejected == [(1, "bad")]
    assert out.logs == [("warn", "saw a"), ("warn", "saw bad")]


def test_an_empty_batch_is_answered():
    out = run(to_euro, {"price": []}, schema={"price": "f64"}, options={"rate": 1})
    assert out.main == {"price": [], "euro": []}


def test_mistakes_in_annotations_are_told_at_import():
    with pytest.raises(TypeError, match="no annotation"):
        @transform
        def f(price) -> Priced: ...
    with pytest.raises(TypeError, match="say what `g` returns"):
        @transform
        def g(price: float): ...
    with pytest.raises(TypeError, match="no column is"):
        @transform
        def h(price: complex) -> Priced: ...
