"""The rows of two inputs through a cogroup: `join`."""

from __future__ import annotations

from struct import pack
from typing import Any

from .. import _log
from .._cogroup import Cogroup
from .._wire import BatchContext
from ._batches import Out, assemble, opened
from ._rows import Given


def join(
    operator: Cogroup,
    left: dict[str, list],
    right: dict[str, list],
    *,
    key: list[str],
    right_key: list[str] | None = None,
    options: dict[str, Any] | None = None,
    schema: dict[str, str] | None = None,
    right_schema: dict[str, str] | None = None,
    now: int = 0,
    seed: int = 0,
) -> Out:
    """What the rows of both sides come to, key after key in the order in which these come first. `right_key` is what the key's columns are
    called on the right, if it differs. Rows are numbered over both sides, left ones first; an origin is a key."""
    given = Given.of(left, schema), Given.of(right, right_schema)
    names = key, right_key or key
    inputs = [side.input(of) for side, of in zip(given, names)]
    contract, state = opened(operator, inputs, options)
    keys_of = [list(zip(*(side.rows[name] for name in of))) if side.count else [] for side, of in zip(given, names)]
    called = list(dict.fromkeys([*keys_of[0], *keys_of[1]]))
    tables, ends, orders = [], [], []
    for side, of_rows, reads in zip(given, keys_of, contract.reads):
        places = {of: place for place, of in enumerate(called)}
        order = sorted(range(side.count), key=lambda row: places[of_rows[row]])
        orders.append(order)
        tables.append(side.table(reads, order))  # type: ignore[arg-type]
        counts = [sum(places[of] <= place for of in of_rows) for place in range(len(called))]
        ends.append(pack(f"<{len(counts)}I", *counts))
    columns = {name: [of[at] for of in called] for at, name in enumerate(key)}
    keys = Given(columns, {name: given[0].types[name] for name in key})
    recorded = _log.recorded = _log.Recorded()
    try:
        context = BatchContext(1, 0, now, -(1 << 63), seed)
        output = operator.process(
            state, context, tables[0], ends[0], tables[1], ends[1], keys.table(key, range(len(called)))
        )
    finally:
        _log.recorded = None
    out = assemble(contract.ports, output, columns, 0, len(called))
    count = given[0].count
    numbers = [*orders[0], *(count + row for row in orders[1])]
    out.rejected = sorted((numbers[row], reason) for row, reason in out.rejected)
    out.take(recorded)
    return out
