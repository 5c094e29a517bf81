"""Lists and maps of keyed operators, beside the collections of Python."""

from __future__ import annotations

import random
from collections import deque
from datetime import date
from typing import NamedTuple

import pytest

from pelton_guest import Key, List, Map, Out, Rows, State, Timestamp, keyed
from pelton_guest.testing import Wrong, start


class Order(NamedTuple):
    command: str
    x: int


class Seen(NamedTuple):
    what: str
    n: str


class Item(NamedTuple):
    x: int
    label: str
    note: int | None


class Place(NamedTuple):
    row: int
    name: str


def item(x: int) -> Item:
    return Item(x, f"{x}" + "~" * (x % 9), x if x % 2 == 0 else None)


def place(x: int) -> Place:
    return Place(x % 5 - 2, f"n{x % 7}")


LISTS = {
    "push": lambda queue, x: queue.append(item(x)),
    "fill": lambda queue, x: [queue.append(item(i)) for i in range(x * 5)][:0],
    "pop": lambda queue, x: queue.popleft() if queue else None,
    "pop-below": lambda queue, x: [queue.popleft() for _ in iter(lambda: bool(queue) and queue[0].x < x, False)],
    "clear": lambda queue, x: queue.clear(),
    "at": lambda queue, x: queue[abs(x)] if abs(x) < len(queue) else None,
    "ends": lambda queue, x: [queue[0], queue[-1]] if queue else None,
    "all": lambda queue, x: list(queue),
    "back": lambda queue, x: [element for _, element in zip(range(abs(x)), reversed(queue))],
    "len": lambda queue, x: (len(queue), bool(queue)),
}


def keep(queue, x):
    if isinstance(queue, deque):
        while len(queue) > abs(x):
            queue.popleft()
    else:
        queue.keep_last(abs(x))
    return len(queue)


def cut(queue, x):
    of = list(queue) if isinstance(queue, deque) else queue
    return [of[x : x * 3], of[-x:], of[x * 3 : x : -2], of[::7]]


LISTS |= {"keep": keep, "cut": cut}


def discard(of, key):
    of.pop(key, None) if isinstance(of, dict) else of.discard(key)


def ranged(of, low, high, reverse):
    if not isinstance(of, dict):
        return list(of.items(low, high, reverse=reverse))
    rows = sorted((key, value) for key, value in of.items() if (low is None or key >= low) and (high is None or key < high))
    return rows[::-1] if reverse else rows


MAPS = {
    "put": lambda of, x: of.__setitem__(place(x), item(x)),
    "stock": lambda of, x: [of.__setitem__(Place(i * 7 % 311, ""), item(i)) for i in range(x * 5)][:0],
    "discard": lambda of, x: discard(of, place(x)),
    "get": lambda of, x: (of.get(place(x)), of.get(Place(x, ""), 7), place(x) in of),
    "all": lambda of, x: ranged(of, None, None, False),
    "from": lambda of, x: ranged(of, place(x), None, False),
    "some": lambda of, x: ranged(of, Place(x, ""), Place(x + 40, ""), False),
    "some-back": lambda of, x: ranged(of, None, Place(x * 3, ""), True),
    "clear": lambda of, x: of.clear(),
    "is": lambda of, x: bool(of),
}


@keyed(passes="none")
def shelves(
    key: Key[int], queue: List[Item], orders: Rows[Order], total: State[int], places: Map[Place, Item], out: Out[Seen]
) -> None:
    for order in orders:
        total.value = (total.value or 0) + 1
        kind, command = order.command.split(" ")
        answer = LISTS[command](queue, order.x) if kind == "list" else MAPS[command](places, order.x)
        out.emit(Seen(f"{key} {order.command} {order.x}", repr(answer)))


@pytest.mark.parametrize("seed", range(30))
def test_what_a_function_sees_is_what_it_has_made(seed: int):
    draw = random.Random(seed)
    commands = [f"list {name}" for name in LISTS] + [f"map {name}" for name in MAPS] + ["list push", "list fill", "map stock", "map put"] * 3
    run = start(shelves, key=["key"])
    queues: dict[int, deque] = {key: deque() for key in range(3)}
    maps: dict[int, dict] = {key: {} for key in range(3)}
    for _ in range(draw.randint(1, 6)):
        rows = [(draw.randrange(3), draw.choice(commands), draw.randrange(-20, 60)) for _ in range(draw.randrange(60))]
        if not rows:
            continue
        keys, names, xs = zip(*rows)
        out = run.rows({"key": list(keys), "command": list(names), "x": list(xs)})
        for key in range(3):
            expected = []
            for of, name, x in rows:
                if of == key:
                    kind, command = name.split(" ")
                    answer = LISTS[command](queues[key], x) if kind == "list" else MAPS[command](maps[key], x)
                    expected.append((f"{key} {name} {x}", repr(answer)))
            whats = zip(out.main["what"], out.main["n"])
            assert [made for made in whats if made[0].startswith(f"{key} ")] == expected, f"seed {seed}"
    assert len(run.table("queue")["x"]) == sum(map(len, queues.values()))
    assert len(run.table("places")["row"]) == sum(map(len, maps.values()))
    run.expire()
    assert not run.table("queue")["x"] and not run.table("places")["row"]


class Played(NamedTuple):
    song: str
    at: Timestamp


@keyed
def plays(user: Key[str], plays: Rows[Played], songs: Map[str, int], recent: List[Timestamp], days: Map[date, bool], out: Out[Seen]) -> None:
    for play in plays:
        songs[play.song] = songs.get(play.song, 0) + 1
        recent.append(play.at)
        recent.keep_last(2)
        days[date(2026, 1, 1 + len(recent))] = True
        out.emit(Seen(play.song, str(songs[play.song])), play)


def test_a_function_may_keep_maps_and_lists_of_single_values_and_no_state():
    run = start(plays, key=["user"], schema={"at": "timestamp[us]"})
    run.rows({"user": ["a", "a", "a"], "song": ["x", "y", "x"], "at": [1, 2, 3]})
    out = run.rows({"user": ["a", "b"], "song": ["x", "x"], "at": [4, 5]})
    assert out.main["n"] == ["3", "1"]
    assert run.table("songs") == {"user": ["a", "a", "b"], "key": ["x", "y", "x"], "value": [3, 1, 1]}
    assert run.table("recent") == {"user": ["a", "a", "b"], "position": [1, 2, 0], "value": [3, 4, 5]}
    assert run.table("days")["key"] == [date(2026, 1, 2), date(2026, 1, 3), date(2026, 1, 2)]


def test_what_can_be_no_table_says_so():
    with pytest.raises(TypeError, match="a subkey has no floats"):
        @keyed
        def floats(of: Map[float, int]) -> None: ...

    with pytest.raises(TypeError, match="has `row` in its subkey and in its values"):
        @keyed
        def twice(of: Map[Place, Place]) -> None: ...

    @keyed
    def nothing(key: Key[int], rows: Rows[Order], kept: List[str]) -> None:
        kept.append(None)  # type: ignore[arg-type]

    with pytest.raises(Wrong, match="has None in `value`"):
        start(nothing, key=["key"]).rows({"key": [1], "command": ["a"], "x": [1]})
