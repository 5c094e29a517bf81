"""What the component exports: `pelton build` writes a module that calls `export` with the author's own."""

from __future__ import annotations

from types import ModuleType

from . import _log
from ._columns import Wrong
from ._contract import Unfit
from ._options import BadOptions
from ._transform import Opened, Transform
from ._wire import BatchContext, Contract, Err, Failure_Fatal, Input, Output, Table


def find(author: ModuleType) -> Transform:
    """The one operator of a module."""
    found = {id(value): value for value in vars(author).values() if isinstance(value, Transform)}
    if len(found) != 1:
        names = ", ".join(f"`{value.name}`" for value in found.values()) or "none"
        raise SystemExit(f"{author.__name__}.py must have one function with `@transform`; it has {names}")
    (operator,) = found.values()
    return operator


def export(author: ModuleType) -> type:
    """The class that exports `pelton:operator/transform`."""
    operator = find(author)
    _log.remember(author)

    class Exported:
        opened: Opened | None = None

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

        def process(self, ctx: BatchContext, rows: Table) -> Output:
            _log.set_clock(ctx.now)
            try:
                return operator.process(Exported.opened, ctx, rows)
            except Wrong as why:
                raise Err(Failure_Fatal(f"`{operator.name}`: {why}")) from None
            except Exception as error:
                _log.failed(error)
                raise
            finally:
                _log.flush()

    return Exported
