"""What a query must answer, and whether a program answered it.

The expected numbers come from the generator (tests/bench/peers/bids.py), one file of them beside each file of bids. A program
answers with as many of them as its types allow, but never without the rows and one number for each column.
"""

import json
import math
from pathlib import Path

WORD = 1 << 64
COLUMNS = ("auction", "bidder", "price", "ts")
# The sum of prices in floating point depends on the order; everything else is exact.
PRICE_TOLERANCE = 1e-9


class WrongAnswer(Exception):
    """A program that is wrong is not measured."""


def expected(bids: Path, files: int, query: str) -> dict[str, float]:
    """The answer over the first `files` files: sums of the files' answers, all but the price mod 2^64."""
    answers = [json.loads(bids.joinpath(f"bids-{index:03d}.answers.json").read_text())[query] for index in range(files)]
    total = {name: sum(answer[name] for answer in answers) % WORD for name in answers[0] if name != "price"}
    return total | {"price": math.fsum(answer["price"] for answer in answers)}


def check(program: str, answer: dict[str, float], right: dict[str, float]) -> None:
    for column in COLUMNS:
        if not {column, f"checksum_{column}"} & answer.keys():
            raise WrongAnswer(f"{program} says nothing about column `{column}`")
    for name, value in {"rows": None, **answer}.items():
        if not is_right(name, value, right[name]):
            raise WrongAnswer(f"{program} answers {name} = {value}; right is {right[name]}")


def is_right(name: str, value: float | None, right: float) -> bool:
    if value is None:
        return False
    if name == "price":
        return math.isclose(value, right, rel_tol=PRICE_TOLERANCE)
    return value % WORD == right
