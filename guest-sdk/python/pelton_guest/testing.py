"""Tests of operators in plain Python, without an engine and without WebAssembly.

    from pelton_guest.testing import run

    def test_cheap_bids_are_left_out():
        out = run(to_euro, {"auction": [1, 2], "price": [99.0, 300.0]}, options={"rate": 0.5, "min": 100.0})
        assert out.main == {"auction": [2], "price": [300.0], "euro": [150.0]}

The code that runs is the module's, through the buffers that cross the boundary. Rows are also run one by one: an answer
that depends on how rows are cut into batches fails the test.
"""

from __future__ import annotations

import datetime as dt
import decimal as dec
import json
from dataclasses import dataclass, field
from typing import Any

from . import _log
from ._columns import Column, Wrong, make_node
from ._contract import Unfit
from ._options import BadOptions
from ._transform import Transform
from ._types import NAMES, UNITS, ColumnType
from ._wire import BatchContext, Field, Input, Node, Output, OutputField_Pass, Table

FORMATS = {name: format for format, name in NAMES.items() if not format.isupper() or format in "CSIL"}
KINDS = {
    "b": "bool", "u": "str", "z": "bytes", "tdD": "date",
}
#: Rows that are run one by one as well.
ONE_BY_ONE_MAX = 200


class Refused(Exception):
    """`open` said no: columns or options that do not fit."""


@dataclass
class Out:
    """What came out."""

    #: Columns by name, for each output.
    ports: dict[str, dict[str, list]]
    #: (row, reason)
    rejected: list[tuple[int, str]]
    #: For each output, the input row of each row.
    origins: dict[str, list[int]]
    #: (level, message)
    logs: list[tuple[str, str]] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    gauges: dict[str, float] = field(default_factory=dict)

    @property
    def main(self) -> dict[str, list]:
        """The columns of the main output."""
        return next(iter(self.ports.values()))

    def port(self, name: str) -> dict[str, list]:
        return self.ports[name]


def run(
    operator: Transform,
    rows: dict[str, list],
    *,
    options: dict[str, Any] | None = None,
    schema: dict[str, str] | None = None,
    epoch: int = 1,
    first_row: int = 0,
    now: int = 0,
    watermark: int = -(1 << 63),
    seed: int = 0,
) -> Out:
    """Runs `operator` over a batch. Columns have the type of their values, or that of `schema`: `{"price": "f64?"}`."""
    types = {name: column_type(name, values, (schema or {}).get(name)) for name, values in rows.items()}
    fields = [Field(name, type.format, type.nullable, 0) for name, type in types.items()]
    inputs = [Input("input", fields, [], None, "append", [])]
    try:
        contract, opened = operator.open(inputs, json.dumps(options or {}))
    except (Unfit, BadOptions) as why:
        raise Refused(str(why)) from None
    count = max(map(len, rows.values()), default=0)
    if any(len(values) != count for values in rows.values()):
        raise ValueError("columns have different numbers of rows")
    context = BatchContext(epoch, first_row, now, watermark, seed)
    recorded = _log.recorded = _log.Recorded()

    def call(start: int, end: int) -> Out:
        batch = BatchContext(context.epoch, first_row + start, now, watermark, seed)
        nodes = [make_node(name, types[name], rows[name][start:end], end - start) for name in contract.reads[0]]
        output = operator.process(opened, batch, Table(end - start, nodes))
        return assemble(operator, contract.ports, output, rows, start, end)

    try:
        out = call(0, count)
        out.logs, out.counters, out.gauges = recorded.lines, recorded.counters, recorded.gauges
        _log.recorded = _log.Recorded()
        if 1 < count <= ONE_BY_ONE_MAX:
            check_cuts(out, [call(row, row + 1) for row in range(count)])
    finally:
        _log.recorded = None
    return out


def check_cuts(whole: Out, parts: list[Out]) -> None:
    """Rows must not depend on how they are cut into batches."""
    for name, columns in whole.ports.items():
        for column, values in columns.items():
            joined = [value for part in parts for value in part.ports[name][column]]
            if repr(joined) != repr(values):
                raise AssertionError(
                    f"column `{column}` of output `{name}` depends on how rows are cut into batches:\n"
                    f"  all at once: {values}\n  one by one:  {joined}"
                )
    rejected = [(row, reason) for at, part in enumerate(parts) for _, reason in part.rejected for row in [at]]
    if rejected != whole.rejected:
        raise AssertionError(
            f"rejections depend on how rows are cut into batches:\n  {whole.rejected}\n  one by one: {rejected}"
        )


def assemble(operator: Transform, ports: list, output: Output, rows: dict[str, list], start: int, end: int) -> Out:
    """What the engine would carry across, put together with what was computed."""
    given = {emitted.port: emitted for emitted in output.emitted}
    out = Out({}, [(rejection.row, rejection.reason) for rejection in output.rejected], {})
    for index, port in enumerate(ports):
        emitted = given.get(index)
        count = emitted.computed.rows if emitted else 0
        origin = list(range(count))
        if emitted and emitted.origin is not None:
            origin = memoryview(emitted.origin).cast("I").tolist()
        elif emitted and count != end - start:
            raise AssertionError(f"output `{port.name}` has {count} rows without origin, but the batch has {end - start}")
        columns, nodes = {}, iter(emitted.computed.nodes if emitted else ())
        for made in port.fields:
            if isinstance(made, OutputField_Pass):
                column, name = made.value
                columns[name] = [rows[column][start + row] for row in origin]
            else:
                columns[made.value.name] = read(made.value, next(nodes, None), count)
        out.ports[port.name] = columns
        out.origins[port.name] = origin
    return out


def read(made: Field, node: Node | None, count: int) -> list:
    if node is None:
        return []
    return list(Column(node, made.format, type_of_format(made.format), count))


def type_of_format(format: str) -> ColumnType:
    if format.startswith("ts"):
        return ColumnType("datetime", format)
    if format.startswith("d:"):
        return ColumnType("decimal", format)
    return ColumnType(KINDS.get(format, "number"), format)


def column_type(name: str, values: list, declared: str | None) -> ColumnType:
    if declared is not None:
        return declared_type(name, declared)
    there = [value for value in values if value is not None]
    nullable = len(there) < len(values)
    if not there:
        raise ValueError(f"column `{name}` has no value to tell its type by: give `schema={{\"{name}\": \"f64\"}}`")
    first = there[0]
    if isinstance(first, bool):
        format = "b"
    elif isinstance(first, float) or any(isinstance(value, float) for value in there):
        format = "g"
    elif isinstance(first, int):
        format = "l"
    elif isinstance(first, dec.Decimal):
        format = f"d:38,{max(-value.as_tuple().exponent for value in there)}"
    else:
        by_class = {str: "u", bytes: "z", dt.datetime: "tsu:", dt.date: "tdD"}
        if type(first) not in by_class:
            raise TypeError(f"no column holds {first!r} of `{name}`")
        format = by_class[type(first)]
    kind = type_of_format(format)
    return ColumnType(kind.kind, format, nullable)


def declared_type(name: str, declared: str) -> ColumnType:
    word = declared.rstrip("?").strip()
    if word in FORMATS:
        format = FORMATS[word]
    elif word.startswith("timestamp[") and word.endswith("]"):
        unit, _, zone = word[10:-1].partition(",")
        by_word = {word: unit for unit, word in UNITS.items()}
        format = f"ts{by_word[unit.strip()]}:{zone.strip()}"
    elif word.startswith("decimal(") and word.endswith(")"):
        format = f"d:{word[8:-1].replace(' ', '')}"
    else:
        raise ValueError(f"column `{name}`: `{declared}` is not a type; types are those of a job file's schema")
    kind = type_of_format(format).kind
    return ColumnType(kind, format, declared.endswith("?"))


__all__ = ["Out", "Refused", "Wrong", "run"]
