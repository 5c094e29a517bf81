"""Cogroups: the rows of a key on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import pytest

from pelton_guest import Context, Key, Left, Out, Right, cogroup
from pelton_guest.testing import Refused, join


@dataclass
class Options:
    least: float = 0.0


class Item(NamedTuple):
    price: float


class Payment(NamedTuple):
    euro: float
    by: str | None


class Unpaid(NamedTuple):
    unpaid: float
    items: int


@cogroup
def unpaid(order: Key[int], items: Left[Item], payments: Right[Payment], out: Out[Unpaid], options: Options) -> None:
    if not items:
        for payment in payments:
            out.reject(payment, f"there is no order {order}, {payment.by}")
        return
    left = sum(item.price for item in items) - sum(payment.euro for payment in payments)
    if left > options.least:
        out.emit(Unpaid(left, len(items)))


SCHEMA = {"order": "s64?", "price": "f64?"}
RIGHT = {"order": "s64", "euro": "f64?", "by": "utf8?"}


def test_both_sides_of_a_key_meet():
    items = {"order": [1, 2, None, 1, 3], "price": [5.0, 8.0, 1.0, 6.0, None]}
    payments = {"order": [2, 1, 4, 1], "euro": [8.0, 4.0, 9.0, None], "by": ["a", None, "b", "c"]}
    out = join(unpaid, items, payments, key=["order"], schema=SCHEMA, right_schema=RIGHT)
    assert out.main == {"order": [1], "unpaid": [7.0], "items": [2]}
    assert out.rejected == [
        (2, "`order` is null"), (4, "`price` is null"), (7, "there is no order 4, b"), (8, "`euro` is null"),
    ]


class Seen(NamedTuple):
    row: int


@cogroup(rename={"order": "id"})
def rows(items: Left[Item], payments: Right[Payment], out: Out[Seen], ctx: Context) -> None:
    out.emit(Seen(ctx.row))
    for _ in items:
        out.emit(Seen(ctx.row))
    for _ in payments:
        out.emit(Seen(100 + ctx.row))


def test_numbers_are_those_of_both_sides():
    items, payments = {"order": [1, 2], "price": [1.0, 2.0]}, {"of": [3, 2], "euro": [1.0, 2.0], "by": ["a", "a"]}
    out = join(rows, items, payments, key=["order"], right_key=["of"])
    assert out.main == {"id": [1, 1, 2, 2, 2, 3, 3], "row": [0, 0, 1, 1, 102, 3, 103]}


def test_what_does_not_fit_is_refused_in_words():
    items, payments = {"order": [1], "price": [1.0]}, {"order": [1], "eur": [1.0], "by": ["a"]}
    with pytest.raises(Refused, match="the input has no column `euro`, which `Payment.euro` reads as f64: did you mean `eur`"):
        join(unpaid, items, payments, key=["order"])
    with pytest.raises(TypeError, match="says nothing to a cogroup"):
        @cogroup
        def wrong(items: list[Item]) -> None: ...
