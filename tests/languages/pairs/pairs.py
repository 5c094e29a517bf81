"""Each row of a key on the left with each on the right: sides without rows, nulls, and rows of both sides that are refused."""

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from pelton_guest import Key, Left, Out, Right, cogroup


@dataclass
class Options:
    most: int = 100


class Number(NamedTuple):
    n: int | None


class Word(NamedTuple):
    word: str
    x: float | None


class Told(NamedTuple):
    n: int
    word: str
    x: float | None


@cogroup
def pairs(user: Key[str], numbers: Left[Number], words: Right[Word], out: Out[Told], options: Options) -> None:
    for word in words:
        if word.word == "bad":
            out.reject(word, f"{user} is bad")
    for number in numbers:
        if number.n is None:
            out.reject(number, f"{user} has no number")
    told = [number.n for number in numbers if number.n is not None]
    good = [word for word in words if word.word != "bad"]
    for n, word in list(product(told, good))[: options.most]:
        out.emit(Told(n, word.word, word.x))
    if not words or not numbers:
        out.emit(Told(sum(told), "right alone" if words else "left alone", None))
