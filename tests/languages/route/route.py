"""The words of a line, its numbers and empty lines, each by an output of its own; a line with `!` is refused as a whole."""

from collections.abc import Iterator
from typing import NamedTuple

from pelton_guest import Reject, port, s32, transform


@port("numbers")
class Number(NamedTuple):
    n: int


@port("words", passes=["id"], rename={"id": "row"})
class Word(NamedTuple):
    word: str
    place: s32


@port("blanks", passes="all")
class Blank(NamedTuple):
    pass


@transform(drop=["line"])
def route(line: str) -> Iterator[Number | Word | Blank]:
    if line == "":
        yield Blank()
    for place, token in enumerate(filter(None, line.split(" "))):
        if token == "!":
            raise Reject(f"`{line}` is a shout")
        is_number = all("0" <= letter <= "9" for letter in token)
        yield Number(int(token)) if is_number else Word(token, place)
