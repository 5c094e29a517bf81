"""Words of a line with their places; drops the line."""

from collections.abc import Iterator
from typing import NamedTuple

from pelton_guest import Reject, s32, transform


class Word(NamedTuple):
    word: str
    place: s32


@transform(drop=["line"])
def words(line: str) -> Iterator[Word]:
    yield from (Word(word, place) for place, word in enumerate(filter(None, line.split(" "))))
    if line.endswith("?"):
        raise Reject(f"`{line}` is a question")
