"""A batch of a transform: `run`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from .. import _log
from .._asked import Request
from .._contract import Unfit
from .._options import BadOptions
from .._transform import Transform
from .._wire import BatchContext, Contract, Input, Output, OutputField_Pass, Port
from ._rows import Given, Refused, read

#: Rows that are run one by one as well.
ONE_BY_ONE_MAX = 200


@dataclass
class Out:
    """What came out."""

    #: Columns by name, for each output.
    ports: dict[str, dict[str, list]]
    #: (row, reason); of an aggregate, (group, reason)
    rejected: list[tuple[int, str]]
    #: For each output, the input row of each row (of an aggregate, the group); None where there is none.
    origins: dict[str, list]
    #: (level, message)
    logs: list[tuple[str, str]] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    gauges: dict[str, float] = field(default_factory=dict)
    #: What an enrich operator asked for all rows, each different request once.
    requests: list[Request] = field(default_factory=list)

    @property
    def main(self) -> dict[str, list]:
        """The columns of the main output."""
        return next(iter(self.ports.values()))

    def port(self, name: str) -> dict[str, list]:
        return self.ports[name]

    def take(self, recorded: _log.Recorded) -> None:
        self.logs, self.counters, self.gauges = recorded.lines, recorded.counters, recorded.gauges


def opened(operator: Any, inputs: list[Input], options: dict[str, Any] | None) -> tuple[Contract, Any]:
    try:
        return operator.open(inputs, json.dumps(options or {}))
    except (Unfit, BadOptions) as why:
        raise Refused(str(why)) from None


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
    tables: dict[str, dict[str, list]] | None = None,
    table_schemas: dict[str, dict[str, str]] | None = None,
) -> Out:
    """Runs `operator` over a batch. Columns have the type of their values, or that of `schema`: `{"price": "f64?"}`. `tables` are the side
    tables on offer, as `rows` are, with the types of `table_schemas`."""
    given = Given.of(rows, schema)
    offered = {name: Given.of(of, (table_schemas or {}).get(name)) for name, of in (tables or {}).items()}
    inputs = [replace(of.input(), name=name, mode="table") for name, of in offered.items()]
    contract, state = opened(operator, [given.input(), *inputs], options)
    recorded = _log.recorded = _log.Recorded()
    for name in contract.tables:
        operator.load(state, name, offered[name].table(list(offered[name].rows), range(offered[name].count)))

    def call(start: int, end: int) -> Out:
        batch = BatchContext(epoch, first_row + start, now, watermark, seed)
        output = operator.process(state, batch, given.table(contract.reads[0], range(start, end)))
        return assemble(contract.ports, output, rows, start, end)

    try:
        out = call(0, given.count)
        out.take(recorded)
        _log.recorded = _log.Recorded()
        if 1 < given.count <= ONE_BY_ONE_MAX:
            check_cuts(out, [call(row, row + 1) for row in range(given.count)])
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


def assemble(ports: list[Port], output: Output, rows: dict[str, list], start: int, end: int) -> Out:
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
