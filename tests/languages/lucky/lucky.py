"""What the context tells of a row."""

from typing import NamedTuple

from pelton_guest import Context, transform, u64


class Made(NamedTuple):
    row: u64
    first: float
    second: float


@transform
def lucky(id: int, ctx: Context) -> Made | None:
    return Made(ctx.row, ctx.random(), ctx.random()) if id != 3 else None
