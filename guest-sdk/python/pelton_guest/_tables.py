"""Lists and maps of state: what a keyed function takes as `recent: List[Played]` and `songs: Map[str, int]`.

Nothing of them comes with a call: the function reads what it needs, part by part, as of the call's start, so that a key costs what its
function reads of it. What the call has changed, later reads of it see; the engine gets the changes when the function returns.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterator
from struct import pack
from typing import Any, Generic, TypeVar, overload

from ._layout import Layout, subkey
from ._types import s64
from ._wire import StateTable, Table
from ._wire_keyed import Change

try:
    from wit_world.imports import state as host
except ImportError:
    host = None

PUT, DELETE, APPEND = 0, 1, 2
#: Rows of the first part that is read, of the largest, and bytes of a part, about.
FIRST_ROWS, ROWS_MAX, PART_BYTES = 16, 4_096, 128 << 10
#: How many changes an iteration takes in at once.
SOME_CHANGES = 64

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

#: From a subkey (whether it is left out itself) to another (whether it is in itself); None is no bound.
Range = tuple[Any, bool, Any, bool]

#: In a test, what serves reads in the place of the engine.
served: Any = None


def _get(*range: Any) -> Table:
    if host is not None:
        return host.get(*range)
    if served is None:
        raise RuntimeError("lists and maps are read in calls that the engine or `start()` of a test makes")
    return served.get(*range)


class _Stored:
    """A list or map of one key after the other, with the changes of all."""

    def __init__(self, name: str, index: int, keys: Layout, values: Layout) -> None:
        self._name, self._index, self._keys, self._values = name, index, keys, values
        self._key = 0
        self._changes: list[tuple[int, int, Any, Any]] = []

    def _read(self, low: Any, high: Any, limit: int, reverse: bool) -> tuple[list[tuple[Any, Any]], int]:
        """The first rows from `low` (included) to `high` (excluded), None being no bound; and how many bytes they came in."""
        low_table, high_table = (None if at is None else Table(1, self._keys.store([at])) for at in (low, high))
        table = _get(self._index, pack("<I", self._key), low_table, high_table, limit, reverse)
        cut = 1 + len(self._keys.columns)
        keys = self._keys.load(table.nodes[1:cut], table.rows)
        values = self._values.load(table.nodes[cut:], table.rows)
        return list(zip(keys, values)), sum(len(buffer) for node in table.nodes for buffer in node.buffers)

    def _parts(self, low: Any, high: Any, reverse: bool) -> Iterator[tuple[list[tuple[Any, Any]], Range]]:
        """Rows part by part, each with the range that it covers."""
        limit, is_after = FIRST_ROWS, False
        is_last = False
        while not is_last:
            # A range goes on from the last row that was seen, which is read again: so subkeys need no successor.
            asked = limit + is_after
            rows, size = self._read(low, high, asked, reverse)
            is_last = len(rows) < asked
            limit = max(1, min(limit * 8, PART_BYTES // max(1, size // max(1, len(rows))), ROWS_MAX))
            if is_last:
                yield rows[1:] if is_after else rows, (low, is_after, high, False)
            elif reverse:
                yield rows, (rows[-1][0], False, high, False)
                high = rows[-1][0]
            else:
                yield rows[1:] if is_after else rows, (low, is_after, rows[-1][0], True)
                low, is_after = rows[-1][0], True

    def _enter(self, key: int) -> None:
        self._key = key

    def _note(self, kind: int, subkey: Any, value: Any) -> None:
        self._changes.append((kind, self._key, subkey, value))

    def _made(self) -> list[Change]:
        """The changes of all keys."""
        if not self._changes:
            return []
        kinds, keys, subkeys, values = zip(*self._changes)
        nodes = [*self._keys.store(subkeys), *self._values.store(values)]
        return [Change(self._index, bytes(kinds), pack(f"<{len(keys)}I", *keys), Table(len(keys), nodes))]


class List(_Stored, Generic[T]):
    """A list that the engine keeps for each key: appended to at its end, taken from at its front, read anywhere, as a `deque` is.

    Its elements are row classes or single values. Indices and slices are those of Python; reading one element costs one.
    """

    def __init__(self, name: str, index: int, keys: Layout, values: Layout) -> None:
        super().__init__(name, index, keys, values)
        self._begin()

    def _begin(self) -> None:
        #: The numbers that the engine had when the call began, first and after the last, once they are known.
        self._held: tuple[int, int] | None = None
        #: What this call takes away of them, in order.
        self._gone: list[int] = []
        #: Elements of the front, read to be looked at or taken away.
        self._ahead: deque[tuple[int, Any]] = deque()
        self._more: Iterator[list[tuple[int, Any]]] | None = None
        self._pushed: deque[Any] = deque()

    def append(self, element: T) -> None:
        self._pushed.append(element)

    def popleft(self) -> T:
        """Takes the first element away."""
        if self._read_ahead():
            number, element = self._ahead.popleft()
            self._gone.append(number)
            return element
        return self._pushed.popleft()

    def keep_last(self, count: int) -> None:
        """Takes elements away from the front until at most `count` are left."""
        for _ in range(len(self) - max(count, 0)):
            self.popleft()

    def clear(self) -> None:
        """Takes all elements away."""
        while self._read_ahead():
            self._gone.extend(number for number, _ in self._ahead)
            self._ahead.clear()
        self._pushed.clear()

    def __iter__(self) -> Iterator[T]:
        """Reads as far as it is taken."""
        for rows, _ in self._parts(self._start(), None, False):
            for _, element in rows:
                yield element
        yield from tuple(self._pushed)

    def __reversed__(self) -> Iterator[T]:
        """Begins at the last element."""
        yield from reversed(tuple(self._pushed))
        for rows, _ in self._parts(self._start(), None, True):
            for _, element in rows:
                yield element

    def __len__(self) -> int:
        first, end = self._numbers()
        return end - first + len(self._pushed)

    def __bool__(self) -> bool:
        return bool(self._pushed) or self._read_ahead()

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> list[T]: ...
    def __getitem__(self, at: int | slice) -> T | list[T]:
        if isinstance(at, slice):
            start, stop, step = at.indices(len(self))
            if step > 0:
                return self._between(start, stop)[::step]
            return self._between(stop + 1, start + 1)[::-1][::-step]
        if at == 0 and self._read_ahead():
            return self._ahead[0][1]
        if at == -1 and self._pushed:
            return self._pushed[-1]
        count = len(self)
        at = at + count if at < 0 else at
        if not 0 <= at < count:
            raise IndexError("list index out of range")
        return self._between(at, at + 1)[0]

    def _between(self, start: int, stop: int) -> list[T]:
        """Elements by position."""
        first, end = self._numbers()
        count = end - first
        elements: list[T] = []
        if start < min(stop, count):
            for rows, _ in self._parts(first + start, first + min(stop, count), False):
                elements.extend(element for _, element in rows)
        pushed = tuple(self._pushed)
        elements.extend(pushed[max(start - count, 0) : max(stop - count, 0)])
        return elements

    def _start(self) -> int | None:
        """Where the elements that the engine still has begin; None: nothing was taken away."""
        return self._gone[-1] + 1 if self._gone else None

    def _numbers(self) -> tuple[int, int]:
        """The numbers of the elements that the engine still has."""
        if self._held is None:
            first, _ = self._read(None, None, 1, False)
            last, _ = self._read(None, None, 1, True)
            self._held = (first[0][0], last[0][0] + 1) if first and last else (0, 0)
        first_number, end = self._held
        start = self._start()
        return (first_number if start is None else min(start, end)), end

    def _read_ahead(self) -> bool:
        """Whether the engine still has an element; it stands in `_ahead` then."""
        if not self._ahead:
            if self._more is None:
                self._more = (rows for rows, _ in self._parts(self._start(), None, False))
            self._ahead.extend(next(self._more, ()))
        return bool(self._ahead)

    def _leave(self) -> None:
        for number in self._gone:
            self._note(DELETE, number, self._values.blank())
        for element in self._pushed:
            self._note(APPEND, 0, element)
        self._begin()


class Map(_Stored, Generic[K, V]):
    """A map that the engine keeps for each key: rows found by a subkey, and gone through in its order.

    Subkeys are integers, `bool`, `str`, `bytes`, dates, timestamps, decimals or a row class of these; values are row classes or single
    values. What is changed while one goes through a range may be seen there or not.
    """

    def __init__(self, name: str, index: int, keys: Layout, values: Layout) -> None:
        super().__init__(name, index, keys, values)
        self._begin()

    def _begin(self) -> None:
        #: By the order of its subkey what this call has put, or `_GONE`.
        self._changed: dict[Any, tuple[Any, Any]] = {}
        #: The same orders in a list, once somebody has gone through them.
        self._sorted: list[Any] | None = None

    def get(self, subkey: K, default: Any = None) -> V | Any:
        """The value under a subkey."""
        order = self._keys.order(subkey)
        if order in self._changed:
            value = self._changed[order][1]
            return default if value is _GONE else value
        rows, _ = self._read(subkey, None, 1, False)
        return rows[0][1] if rows and self._keys.order(rows[0][0]) == order else default

    def __getitem__(self, subkey: K) -> V:
        value = self.get(subkey, _GONE)
        if value is _GONE:
            raise KeyError(subkey)
        return value

    def __contains__(self, subkey: K) -> bool:
        return self.get(subkey, _GONE) is not _GONE

    def __setitem__(self, subkey: K, value: V) -> None:
        """Puts a value under a subkey, in the place of the one that may be there, which is not read."""
        self._change(subkey, value)

    def discard(self, subkey: K) -> None:
        """Takes away what may be under a subkey, which is not read."""
        self._change(subkey, _GONE)

    def items(self, start: K | None = None, stop: K | None = None, *, reverse: bool = False) -> Iterator[tuple[K, V]]:
        """Subkeys and their values in order, from `start` (included) to `stop` (excluded); `reverse` begins at the end. It reads as far
        as it is taken: `next(songs.items(reverse=True))` is the last row, and costs a few."""
        if start is not None and stop is not None and not self._keys.order(start) < self._keys.order(stop):
            return
        for rows, covered in self._parts(start, stop, reverse):
            yield from self._merged(rows, covered, reverse)

    def keys(self, start: K | None = None, stop: K | None = None, *, reverse: bool = False) -> Iterator[K]:
        return (subkey for subkey, _ in self.items(start, stop, reverse=reverse))

    def values(self, start: K | None = None, stop: K | None = None, *, reverse: bool = False) -> Iterator[V]:
        return (value for _, value in self.items(start, stop, reverse=reverse))

    def __iter__(self) -> Iterator[K]:
        return self.keys()

    def __bool__(self) -> bool:
        return next(self.items(), None) is not None

    def clear(self) -> None:
        """Takes all rows away. Costs what reading them does."""
        held = [subkey for rows, _ in self._parts(None, None, False) for subkey, _ in rows]
        # What was put in this call and was not there before needs no change.
        self._changed = {self._keys.order(subkey): (subkey, _GONE) for subkey in held}
        self._sorted = None

    def _change(self, subkey: K, value: Any) -> None:
        order = self._keys.order(subkey)
        if order not in self._changed and self._sorted is not None:
            insort(self._sorted, order)
        self._changed[order] = (subkey, value)

    def _merged(self, rows: list[tuple[K, V]], covered: Range, reverse: bool) -> Iterator[tuple[K, V]]:
        """The rows of a part with what was changed within its range.

        Changes are taken in some at a time, and rows up to the last of them are settled before any is yielded: so a subkey comes
        once, whatever the function changes meanwhile."""
        if not self._changed:
            yield from rows
            return
        order = self._keys.order
        low, is_after, high, is_through = covered
        begins, ends = (None if at is None else order(at) for at in (low, high))
        placed = deque((order(row[0]), row) for row in rows)
        is_last = False
        while not is_last:
            if self._sorted is None:
                self._sorted = sorted(self._changed)
            begin = 0 if begins is None else (bisect_right if is_after else bisect_left)(self._sorted, begins)
            end = len(self._sorted) if ends is None else (bisect_right if is_through else bisect_left)(self._sorted, ends)
            is_last = end - begin <= SOME_CHANGES
            if reverse:
                some = self._sorted[max(begin, end - SOME_CHANGES) : end][::-1]
            else:
                some = self._sorted[begin : min(end, begin + SOME_CHANGES)]
            settled = {at: self._changed[at] for at in some}
            while placed and (is_last or (placed[0][0] >= some[-1] if reverse else placed[0][0] <= some[-1])):
                at, row = placed.popleft()
                settled.setdefault(at, row)
            yield from [settled[at] for at in sorted(settled, reverse=reverse) if settled[at][1] is not _GONE]
            if not is_last and reverse:
                ends, is_through = some[-1], False
            elif not is_last:
                begins, is_after = some[-1], True

    def _leave(self) -> None:
        for subkey, value in self._changed.values():
            is_gone = value is _GONE
            self._note(DELETE if is_gone else PUT, subkey, self._values.blank() if is_gone else value)
        self._begin()


_GONE = object()


class Declared:
    """A list or map that an argument declares, whose name is the table's."""

    def __init__(self, of: str, name: str, kind: type, arguments: tuple) -> None:
        self.name, self.kind = name, kind
        if kind is List:
            self.keys, self.values = Layout(of, s64, "position"), Layout(of, arguments[0], "value")
        else:
            self.keys, self.values = subkey(of, arguments[0]), Layout(of, arguments[1], "value")
        names = [name for name, _ in [*self.keys.columns, *self.values.columns]]
        for twice in (name for at, name in enumerate(names) if name in names[:at]):
            raise TypeError(f"{of} has `{twice}` in its subkey and in its values: rename a field")

    def table(self) -> StateTable:
        return StateTable(self.name, self.keys.fields(), self.values.fields())

    def begin(self, index: int) -> Any:
        """For a call; `index` is the table's place in the contract."""
        return self.kind(self.name, index, self.keys, self.values)
