"""Write Pelton operators in Python: a plain function over named columns becomes a WebAssembly component.

    @transform
    def to_euro(price: float, options: Options) -> Priced | None: ...

The arguments' names are the columns that it reads, the returned class names those that it makes; the engine carries
all other columns past. A module computes and does nothing else: no files, no sockets, no clock but the batch's.
"""

from ._columns import Column
from ._context import Context
from ._log import counter, gauge, log
from ._rows import port
from ._transform import Emit, Reject, Transform, transform
from ._types import (
    Name, Timestamp, Unit, decimal, f32, f64, s8, s16, s32, s64, u8, u16, u32, u64,
)

__all__ = [
    "Column", "Context", "Emit", "Name", "Reject", "Timestamp", "Transform", "Unit", "counter", "decimal",
    "f32", "f64", "gauge", "log", "port", "s8", "s16", "s32", "s64", "transform", "u8", "u16", "u32", "u64",
]
