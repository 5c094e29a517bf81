"""What a function may know about the world besides its row: the argument `ctx: Context`.

The same batch always comes with the same context, so an epoch can be replayed bit for bit. Random numbers are a pure
function of the operator's seed and the row's number, the same ones as in every other language's SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._types import Timestamp

if TYPE_CHECKING:
    from ._wire import BatchContext

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
NO_WATERMARK = -(1 << 63)


class Context:
    """The batch's times, and the row's number and random numbers."""

    __slots__ = ("_batch", "_at", "_drawn")

    def __init__(self, batch: BatchContext) -> None:
        self._batch = batch
        self._at = 0
        self._drawn = 0

    @property
    def epoch(self) -> int:
        """The epoch that the row belongs to."""
        return self._batch.epoch

    @property
    def now(self) -> Timestamp:
        """The epoch's processing time: the only clock there is."""
        return Timestamp(self._batch.now)

    @property
    def watermark(self) -> Timestamp | None:
        """No older event time is expected. None until there is one."""
        return None if self._batch.watermark == NO_WATERMARK else Timestamp(self._batch.watermark)

    @property
    def row(self) -> int:
        """The row's number: no other row of this operator's input has it, and a replay gives it again."""
        return (self._batch.first_row + self._at) & MASK

    def at(self, row: int) -> Context:
        """At column level: makes `row` and `random` speak of this row of the batch."""
        self._at, self._drawn = row, 0
        return self

    def random(self) -> float:
        """A random number, 0 <= x < 1; another with each call, the same ones for the same row."""
        return (self.random_u64() >> 11) / (1 << 53)

    def random_u64(self) -> int:
        """A random integer of 64 bits; another with each call, the same ones for the same row."""
        self._drawn += 1
        of_row = _mix(self._batch.seed + _mix(self.row + GOLDEN))
        return _mix(of_row + self._drawn * GOLDEN)


def _mix(bits: int) -> int:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    bits &= MASK
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK
    return bits ^ (bits >> 31)
