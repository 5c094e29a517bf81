"""Rows through an enrich operator, with a function of the test in the place of the endpoints: `enriched`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _log
from .. import _wire_enrich as wire
from .._asked import Reply, Request
from .._enrich import Again, Enrich
from .._wire import BatchContext, Table
from ._batches import ONE_BY_ONE_MAX, Out, assemble, check_cuts, opened
from ._rows import Given


def enriched(
    enrich: type,
    rows: dict[str, list],
    *,
    replies: Callable[[Request], Reply],
    options: dict[str, Any] | None = None,
    schema: dict[str, str] | None = None,
    epoch: int = 1,
    first_row: int = 0,
    now: int = 0,
    watermark: int = -(1 << 63),
    seed: int = 0,
    retries: int = 3,
) -> Out:
    """Asks for `rows` and answers them with what `replies` says to each request; `out.requests` has these.

    A batch may be asked again `retries` times because of `reply.again(…)`, as by the engine: the requests whose replies are errors, or all if
    there are none such. Rows that are run one by one as well are told what all of them were told.
    """
    operator: Enrich = enrich.__pelton_operator__  # type: ignore[attr-defined]
    given = Given.of(rows, schema)
    contract, state = opened(operator, [given.input()], options)
    told: dict[Request, Reply] = {}

    def ask(requests: list[Request]) -> None:
        for request in requests:
            reply = replies(request)
            if not isinstance(reply, Reply):
                raise TypeError(f"`replies` answers with a `Reply`, not {reply!r:.200}")
            told[request] = reply

    def asked(start: int, end: int) -> tuple[BatchContext, Table, list[Request], bytes]:
        batch = BatchContext(epoch, first_row + start, now, watermark, seed)
        table = given.table(contract.reads[0], range(start, end))
        return batch, table, *operator.asked(state, batch, table)

    def answered(start: int, end: int, batch: BatchContext, table: Table, requests: list[Request], wanted: bytes) -> Out:
        output = operator.answer(state, batch, table, wanted, [_wired(told[request]) for request in requests])
        out = assemble(contract.ports, output, rows, start, end)
        out.requests = requests
        return out

    def whole() -> Out:
        call = asked(0, given.count)
        requests = call[2]
        ask(requests)
        for left in reversed(range(retries + 1)):
            try:
                return answered(0, given.count, *call)
            except Again as why:
                if left == 0:
                    raise AssertionError(f"`{operator.name}` wants to ask again: {why}") from None
            ask([request for request in requests if told[request].error is not None] or requests)
        raise AssertionError("`retries` is not negative")

    def alone(row: int) -> Out:
        call = asked(row, row + 1)
        for request in call[2]:
            if request not in told:
                raise AssertionError(f"what is asked depends on how rows are cut into batches: row {row} by itself asks {request}")
        return answered(row, row + 1, *call)

    recorded = _log.recorded = _log.Recorded()
    try:
        out = whole()
        out.take(recorded)
        _log.recorded = _log.Recorded()
        if 1 < given.count <= ONE_BY_ONE_MAX:
            parts = [alone(row) for row in range(given.count)]
            check_cuts(out, parts)
            asked = list(dict.fromkeys(request for part in parts for request in part.requests))
            if asked != out.requests:
                raise AssertionError(f"what is asked depends on how rows are cut into batches:\n  {out.requests}\n  one by one: {asked}")
    finally:
        _log.recorded = None
    return out


def _wired(reply: Reply) -> wire.Reply:
    return wire.Reply(reply.status, list(reply.headers), reply.body, reply.error)
