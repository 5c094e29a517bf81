"""The groups of an aggregate: `fold`.

The engine folds the rows of a group in parts, merges them in any brackets, and merges accumulators of no rows. So a test does all of
it, and fails with both answers when they differ: a law that `merge` or `retract` breaks is found here, not in a job.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from struct import pack
from typing import Any

from .. import _log
from .._aggregate import PANES, Aggregate, Window
from .._columns import make_node
from .._wire import BatchContext, Contract, Table
from ._batches import Out, assemble, opened
from ._rows import Given

#: Floats that differ by less are the same: sums depend on the order of their parts.
TOLERANCE = 1e-9
#: Rows that a test merges one by one; more would make it slow.
ROWS_ALONE_MAX = 64
EVER = Window(-(1 << 63), (1 << 63) - 1, "on-time")


def fold(
    aggregate: type,
    rows: dict[str, list],
    *,
    key: list[str] = [],
    options: dict[str, Any] | None = None,
    schema: dict[str, str] | None = None,
    window: Window = EVER,
    now: int = 0,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> Out:
    """Folds `rows`, grouped by the columns `key`, in the order in which groups come first; a result begins with its key.

    `tolerance` is how far floats may be apart when rows are folded in parts, relative to their size.
    """
    operator: Aggregate = aggregate.__pelton_operator__  # type: ignore[attr-defined]
    given = Given.of(rows, schema)
    contract, state = opened(operator, [given.input(key)], options)
    folds = Folds(operator, contract, state, given, key, window, BatchContext(1, 0, now, EVER.start, seed))
    recorded = _log.recorded = _log.Recorded()
    try:
        out = folds.finish(folds.folded(range(given.count)))
        out.take(recorded)
        _log.recorded = _log.Recorded()
        for how, accumulators, apart in folds.variants(tolerance):
            other = folds.finish(accumulators)
            if not is_same([out.ports, out.rejected], [other.ports, other.rejected], apart):
                raise AssertionError(differs("folding all rows at once", how, out, other))
        if operator.retract_:
            left, stay = map(folds.finish, folds.taken_back())
            if not is_same([stay.ports, stay.rejected], [left.ports, left.rejected], 0.0):
                how = "folding all, and taking every other row back"
                raise AssertionError(differs("never folding every other row", how, stay, left))
    finally:
        _log.recorded = None
    for name, columns in out.ports.items():
        of_groups = {column: [folds.keys[group][at] for group in out.origins[name]] for at, column in enumerate(key)}
        out.ports[name] = of_groups | columns
    return out


def differs(one: str, other: str, left: Out, right: Out) -> str:
    return f"{one} differs from {other}:\n  {left.ports} {left.rejected}\n  {right.ports} {right.rejected}"


def is_same(left: Any, right: Any, tolerance: float) -> bool:
    if isinstance(left, float) and isinstance(right, float) and math.isfinite(left) and math.isfinite(right):
        return math.isclose(left, right, rel_tol=tolerance)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(is_same(left[name], right[name], tolerance) for name in left)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(is_same(a, b, tolerance) for a, b in zip(left, right))
    return repr(left) == repr(right)


class Folds:
    """The ways in which rows are folded."""

    def __init__(
        self, operator: Aggregate, contract: Contract, state: Any, given: Given, key: list[str], window: Window, context: BatchContext
    ) -> None:
        self.operator, self.contract, self.state, self.given = operator, contract, state, given
        self.window, self.context = window, context
        of_rows = list(zip(*(given.rows[name] for name in key))) if key else [()] * given.count
        # Without a key there is one group, even of no rows.
        self.keys = list(dict.fromkeys(of_rows)) if key else [()]
        places = {key: group for group, key in enumerate(self.keys)}
        self.slots = [places[of_row] for of_row in of_rows]

    def folded(self, numbers: Sequence[int], into: Table | None = None, change: str = "accumulate") -> Table:
        rows = self.given.table(self.contract.reads[0], numbers)
        context = BatchContext(1, next(iter(numbers), 0), self.context.now, self.context.watermark, self.context.seed)
        slots = pack(f"<{len(numbers)}I", *(self.slots[row] for row in numbers))
        change_ = getattr(self.operator, change)
        return change_(self.state, context, rows, slots, self.nothing() if into is None else into)

    def taken_back(self) -> tuple[Table, Table]:
        """All rows, of which every other one of each group was taken back; and those that stay. A group's first row does:
        the engine drops a group that has none left."""
        rows: tuple[list[int], list[int]] = [], []
        before = [0] * len(self.keys)
        for row, group in enumerate(self.slots):
            rows[before[group] % 2].append(row)
            before[group] += 1
        stay, back = rows
        return self.folded(back, self.folded(range(self.given.count)), "retract"), self.folded(stay)

    def nothing(self) -> Table:
        """Accumulators of all groups, into which nothing was folded."""
        kept, count = self.operator.kept, len(self.keys)
        nodes = [make_node(name, type, [None] * count, count) for name, type in zip(kept.names, kept.types)]
        return Table(count, nodes)

    def merged(self, left: Table, right: Table) -> Table:
        return self.operator.merge(self.state, left, right)

    def variants(self, tolerance: float) -> Iterator[tuple[str, Table, float]]:
        """The same rows, folded and merged in other ways, and how far floats may be apart."""
        rows = self.given.count
        cuts = [range(0, rows // 3), range(rows // 3, rows - rows // 3), range(rows - rows // 3, rows)]
        first, second, last = map(self.folded, cuts)
        whole, alone = self.folded(range(rows)), min(rows, ROWS_ALONE_MAX)
        each = self.nothing()
        for row in range(alone):
            each = self.merged(each, self.folded(range(row, row + 1)))
        batches = self.nothing()
        for part in cuts:
            batches = self.folded(part, batches)
        yield "folding them one batch after another", batches, tolerance
        yield "merging three parts, the first two first", self.merged(self.merged(first, second), last), tolerance
        yield "merging three parts, the last two first", self.merged(first, self.merged(second, last)), tolerance
        yield "merging them with no rows before", self.merged(self.nothing(), whole), tolerance
        yield "merging them with no rows after", self.merged(whole, self.nothing()), tolerance
        yield "merging every row on its own", self.merged(each, self.folded(range(alone, rows))), tolerance
        if not self.operator.ordered:
            opposite = self.merged(last, self.merged(second, first))
            yield "merging three parts in the opposite order (is it `ordered`?)", opposite, tolerance
        if self.operator.retract_:
            # Windows slide for months, and errors would add up.
            twice = self.folded(range(rows), whole)
            yield "folding them twice, and taking the first of each back", self.folded(range(rows), twice, "retract"), 0.0

    def finish(self, accumulators: Table) -> Out:
        groups = len(self.keys)
        start, end, pane = self.window
        moments = pack(f"<{groups}q", *[start] * groups), pack(f"<{groups}q", *[end] * groups)
        output = self.operator.finish(self.state, *moments, bytes([PANES.index(pane)]) * groups, accumulators)
        return assemble(self.contract.ports, output, {}, 0, groups)
