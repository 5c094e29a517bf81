"""The name that someone probably meant, for messages about columns, options and ports."""

from __future__ import annotations

from collections.abc import Iterable

SHOWN_MAX = 20


def suggest(wanted: str, names: Iterable[str]) -> str:
    """A sentence that names the nearest of `names`, or lists them when none is near."""
    names = list(names)
    near = [
        (edits, name)
        for name in names
        if (edits := distance(wanted, name)) <= -(-max(len(wanted), len(name)) // 3)
    ]
    if near:
        return f"did you mean `{min(near, key=lambda found: found[0])[1]}`?"
    if not names:
        return "there are none"
    quoted = [f"`{name}`" for name in names[:SHOWN_MAX]]
    if len(names) > SHOWN_MAX:
        return f"there is {', '.join(quoted)} and {len(names) - SHOWN_MAX} more"
    if len(quoted) == 1:
        return f"there is {quoted[0]}"
    return f"there is {', '.join(quoted[:-1])} and {quoted[-1]}"


def distance(left: str, right: str) -> int:
    """Levenshtein's distance, blind to case: the letters to insert, delete or replace."""
    left, right = left.lower(), right.lower()
    row = list(range(len(right) + 1))
    for line, letter in enumerate(left, 1):
        before = [line]
        for at, other in enumerate(right, 1):
            before.append(min(row[at - 1] + (letter != other), row[at] + 1, before[-1] + 1))
        row = before
    return row[-1]


def kebab(name: str) -> str:
    """`LateRows` as the name of a port: `late-rows`."""
    return "".join(f"-{c.lower()}" if c.isupper() and at else c.lower() for at, c in enumerate(name))
