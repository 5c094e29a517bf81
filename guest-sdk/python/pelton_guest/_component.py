"""What the component exports: `pelton build` writes a module that calls `export` with the author's own."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import _log
from ._aggregate import Aggregate
from ._answers import Reject
from ._cogroup import Cogroup
from ._columns import Wrong
from ._contract import Unfit
from ._enrich import Again, Enrich
from ._keyed import Keyed
from ._migrate import Unmigrated
from ._options import BadOptions
from ._transform import Transform
from ._wire import BatchContext, Contract, Err, Failure_Fatal, Failure_Retry, Field, Input, Output, Table
from ._wire_enrich import Reply, Requests

KINDS = {"transform": Transform, "aggregate": Aggregate, "keyed": Keyed, "cogroup": Cogroup, "enrich": Enrich}


def find(author: ModuleType, kind: str) -> Any:
    """The one operator of a module."""
    found = {}
    for value in vars(author).values():
        operator = vars(value).get("__pelton_operator__") if isinstance(value, type) else value
        if isinstance(operator, tuple(KINDS.values())):
            found[id(operator)] = operator
    if len(found) != 1:
        names = ", ".join(f"`{operator.name}`" for operator in found.values()) or "none"
        raise SystemExit(f"{author.__name__}.py must have one operator, with `@{kind}`; it has {names}")
    (operator,) = found.values()
    if not isinstance(operator, KINDS[kind]):
        is_kind = next(name for name, of in KINDS.items() if isinstance(operator, of))
        raise SystemExit(f"`{operator.name}` has `@{is_kind}`, but pelton-module.toml says kind = \"{kind}\"")
    return operator


def export(author: ModuleType, kind: str) -> type:
    """The class that exports the kind's interface, such as `pelton:operator/transform`; of an aggregate `retractable` as well."""
    operator = find(author, kind)
    _log.remember(author)

    def called(call: Callable[[], Any], now: int) -> Any:
        _log.set_clock(now)
        try:
            return call()
        except Again as why:
            raise Err(Failure_Retry(str(why))) from None
        except Wrong as why:
            raise Err(Failure_Fatal(f"`{operator.name}`: {why}")) from None
        except Exception as error:
            _log.failed(error)
            raise
        finally:
            _log.flush()

    class Exported:
        opened: Any = None

        def open(self, inputs: list[Input], options: str) -> Contract:
            _log.attach()
            _log.set_clock(0)
            try:
                contract, Exported.opened = operator.open(inputs, options)
            except (Unfit, BadOptions) as why:
                raise Err(str(why)) from None
            except Exception as error:
                _log.failed(error)
                raise
            return contract

    class OfRows(Exported):
        """Of a transform, which exports `tables` as well, of a keyed operator, which exports `migrate`, and of a cogroup."""

        def process(self, ctx: BatchContext, *given: Any) -> Any:
            return called(lambda: operator.process(Exported.opened, ctx, *given), ctx.now)

        def load(self, name: str, version: int, rows: Table) -> None:
            called(lambda: operator.load(Exported.opened, name, rows), 0)

        def migrate(self, table: str, from_version: int, old: list[Field], keys: Table, rows: Table, options: str) -> Table:
            _log.set_clock(0)
            try:
                return operator.migrate(table, from_version, old, rows)
            except (Unmigrated, Reject, Wrong) as why:
                raise Err(str(why)) from None
            except Exception as error:
                _log.failed(error)
                raise
            finally:
                _log.flush()

    class OfFold(Exported):
        def accumulate(self, ctx: BatchContext, rows: Table, slots: bytes, accumulators: Table) -> Table:
            return called(lambda: operator.accumulate(Exported.opened, ctx, rows, slots, accumulators), ctx.now)

        def retract(self, ctx: BatchContext, rows: Table, slots: bytes, accumulators: Table) -> Table:
            return called(lambda: operator.retract(Exported.opened, ctx, rows, slots, accumulators), ctx.now)

        def merge(self, left: Table, right: Table) -> Table:
            return called(lambda: operator.merge(Exported.opened, left, right), 0)

        def finish(
            self, ctx: BatchContext, keys: Table, starts: bytes, ends: bytes, pane: bytes, accumulators: Table
        ) -> Output:
            return called(lambda: operator.finish(Exported.opened, starts, ends, pane, accumulators), ctx.now)

    class OfEndpoints(Exported):
        def ask(self, ctx: BatchContext, rows: Table) -> Requests:
            return called(lambda: operator.ask(Exported.opened, ctx, rows), ctx.now)

        def answer(self, ctx: BatchContext, rows: Table, wanted: bytes, replies: list[Reply]) -> Output:
            return called(lambda: operator.answer(Exported.opened, ctx, rows, wanted, replies), ctx.now)

    return {"aggregate": OfFold, "enrich": OfEndpoints}.get(kind, OfRows)
