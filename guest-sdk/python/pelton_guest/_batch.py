"""The rows of a call, as a function of one row sees them: columns by its arguments, without rows that it cannot take."""

from __future__ import annotations

from typing import Any

from ._columns import Column
from ._contract import Read
from ._wire import Rejection, Table


def views(table: Table, formats: list[str], reads: list[Read]) -> list[Column]:
    return [
        Column(node, format, read.type, table.rows) for node, format, read in zip(table.nodes, formats, reads)
    ]


def refuse_nulls(columns: list[Column], reads: list[Read], rows: int, rejected: list[Rejection]) -> list[int] | None:
    """The rows without a null where the function takes none; None if that is all of them. The others are rejected."""
    reasons: dict[int, str] = {}
    for column, read in zip(columns, reads):
        if read.type.nullable or not column.has_nulls:
            continue
        for row, there in enumerate(column.valid):
            if not there:
                reasons.setdefault(row, f"`{read.column}` is null")
    if not reasons:
        return None
    rejected.extend(Rejection(row, reasons[row]) for row in sorted(reasons))
    return [row for row in range(rows) if row not in reasons]


def values(columns: list[Column], reads: list[Read], kept: list[int] | None) -> list[Any]:
    """The values of the rows in `kept`, of all if that is None, a sequence for each column."""
    if kept is None:
        return list(columns)
    return [
        column.take(kept) if not column.has_nulls or not read.type.nullable else [column[row] for row in kept]
        for column, read in zip(columns, reads)
    ]
