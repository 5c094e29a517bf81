"""Write Pelton operators in Python: a plain function over named columns becomes a WebAssembly component.

    @transform
    def to_euro(price: float, options: Options) -> Priced | None: ...

    @aggregate
    class Spread: ...

    @keyed
    def visits(user: Key[str], visit: State[Visit], clicks: Rows[Click], timers: Timers, out: Out[Ended]) -> None: ...

    @cogroup
    def unpaid(order: Key[int], items: Left[Item], payments: Right[Payment], out: Out[Unpaid]) -> None: ...

    @enrich
    class InEuro: ...

The arguments' names are the columns that it reads, the returned class names those that it makes; the engine carries
all other columns past. A module computes and does nothing else: no files, no sockets, no clock but the batch's.
"""

from ._aggregate import Window, aggregate
from ._answers import Reject
from ._asked import Reply, Request, encode
from ._cogroup import Cogroup, Left, Right, cogroup
from ._columns import Column
from ._context import Context
from ._enrich import enrich
from ._keyed import Key, Keyed, keyed
from ._log import counter, gauge, log
from ._out import Out, Rows, State
from ._rows import port
from ._tables import List, Map
from ._timers import Timer, Timers
from ._transform import Emit, Transform, transform
from ._types import (
    Name, Timestamp, Unit, decimal, f32, f64, s8, s16, s32, s64, u8, u16, u32, u64,
)

__all__ = [
    "Cogroup", "Column", "Context", "Emit", "Key", "Keyed", "Left", "List", "Map", "Name", "Out", "Reject", "Reply", "Request", "Right",
    "Rows", "State", "Timer", "Timers", "Timestamp", "Transform", "Unit", "Window", "aggregate", "cogroup", "counter", "decimal", "encode",
    "enrich", "f32", "f64", "gauge", "keyed", "log", "port", "s16", "s32", "s64", "s8", "transform", "u16", "u32", "u64", "u8",
]
