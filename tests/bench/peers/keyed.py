#!/usr/bin/env python3
"""The answers of the keyed queries over the first files of bids.

Called by tests/bench/peers.py: keyed.py DIRECTORY COUNT…; writes `keyed-NNN.answers.json` for the first NNN files. Groups and
windows reach over files, so these answers do not add up from file to file, unlike those of bids.py.

Invariants: they are computed from the numbers before they become text, so they depend on no parser; every number but `price`
is exact and does not depend on the order of rows. `weighted` ties the columns of a row together: a count
that stands beside another key changes it.
"""

import json
import sys
import zlib
from pathlib import Path

import numpy

from bids import AUCTIONS, BIDDERS, CENTS, CHANNELS, FILLER, LATE_MS, ROWS, ROWS_PER_MS, START_MS, WORD, checksum, columns, rename_whole

TUMBLE_MS = 10_000
SLIDE_MS = 2_000
PANES = 5
# Of every program's watermark: the bids' own disorder, so that no row is late.
BOUND_MS = 2_000
FILE_MS = ROWS // ROWS_PER_MS


class Tables:
    """What the bids of some files add up to, in one dense table for each query."""

    def __init__(self, files: int) -> None:
        span = files * FILE_MS + LATE_MS
        self.files = files
        # One window and one pane more at the front, for rows that are late from the start on.
        self.tumble_start = START_MS - TUMBLE_MS
        self.pane_start = START_MS - SLIDE_MS
        windows, panes = span // TUMBLE_MS + 2, span // SLIDE_MS + 2
        self.window_counts = numpy.zeros((windows, BIDDERS), numpy.int32)
        self.window_cents = numpy.full((windows, BIDDERS), -1, numpy.int32)
        self.pane_counts = numpy.zeros((panes, AUCTIONS + 1), numpy.int32)
        self.bidder_counts = numpy.zeros(BIDDERS, numpy.int64)
        self.bidder_cents = numpy.zeros(BIDDERS, numpy.int64)
        self.numbers = numpy.zeros(max(AUCTIONS + 1, BIDDERS), numpy.int64)
        self.prices = numpy.zeros(CENTS, numpy.int64)
        self.channels = numpy.zeros(CHANNELS, numpy.int64)
        self.times = numpy.zeros(span + 1, numpy.int64)
        self.latest = START_MS

    def add(self, bids: dict[str, numpy.ndarray]) -> None:
        auction, bidder, cents, ts = bids["auction"], bids["bidder"], bids["cents"], bids["ts"]
        window = (ts - self.tumble_start) // TUMBLE_MS
        numpy.add.at(self.window_counts, (window, bidder), 1)
        numpy.maximum.at(self.window_cents, (window, bidder), cents.astype(numpy.int32))
        numpy.add.at(self.pane_counts, ((ts - self.pane_start) // SLIDE_MS, auction), 1)
        self.bidder_counts += numpy.bincount(bidder, minlength=BIDDERS)
        self.bidder_cents += numpy.bincount(bidder, cents, BIDDERS).astype(numpy.int64)
        for values in (auction, bidder):
            self.numbers += numpy.bincount(values, minlength=len(self.numbers))
        self.prices += numpy.bincount(cents, minlength=CENTS)
        self.channels += numpy.bincount(bids["channel"], minlength=CHANNELS)
        numpy.add.at(self.times, ts - START_MS + LATE_MS, 1)
        self.latest = max(self.latest, int(ts.max()))

    def answers(self) -> dict[str, dict[str, float]]:
        """Of each query. `…-closed` are the windows that the watermark has passed when the input ends: an engine that
        takes files for an endless stream does not close the others."""
        watermark = self.latest - BOUND_MS
        return {
            "run": self.running(),
            "wc": self.words(),
            "q7": self.tumbling(None),
            "q7-closed": self.tumbling(watermark),
            "q5": self.sliding(None),
            "q5-closed": self.sliding(watermark),
        }

    def running(self) -> dict[str, float]:
        """The last update of each bidder."""
        bidder = numpy.flatnonzero(self.bidder_counts)
        count, cents = self.bidder_counts[bidder], self.bidder_cents[bidder]
        return integers(bidder=bidder, cents=cents, count=count) | {"weighted": product(count + cents, bidder + 1)}

    def words(self) -> dict[str, float]:
        """The last update of each word; words as their CRC-32, since every language has it."""
        counts = {FILLER: self.files * ROWS}
        counts |= {str(at): self.numbers[at] for at in numpy.flatnonzero(self.numbers)}
        counts |= {f"{at // 100}.{at % 100:02d}": self.prices[at] for at in numpy.flatnonzero(self.prices)}
        counts |= {f"channel-{at}": self.channels[at] for at in numpy.flatnonzero(self.channels)}
        counts |= {str(START_MS - LATE_MS + at): self.times[at] for at in numpy.flatnonzero(self.times)}
        word = numpy.array([zlib.crc32(word.encode()) for word in counts], numpy.int64)
        count = numpy.array(list(counts.values()), numpy.int64)
        return integers(word=word, count=count) | {"weighted": product(word, count)}

    def tumbling(self, watermark: int | None) -> dict[str, float]:
        start = self.tumble_start + numpy.arange(len(self.window_counts)) * TUMBLE_MS
        closed = len(start) if watermark is None else numpy.count_nonzero(start + TUMBLE_MS <= watermark)
        window, bidder = numpy.nonzero(self.window_counts[:closed])
        count = self.window_counts[window, bidder].astype(numpy.int64)
        cents = self.window_cents[window, bidder].astype(numpy.int64)
        price = cents / 100
        return integers(bidder=bidder, window_start=start[window], count=count, cents=cents) | {
            "price": float(price.sum()),
            "checksum_bidder": checksum(bidder),
            "checksum_window_start": checksum(start[window] * 1000),
            "checksum_price": checksum(price),
            "checksum_count": checksum(count),
            "weighted": product(count + cents, bidder + start[window]),
        }

    def sliding(self, watermark: int | None) -> dict[str, float]:
        panes = len(self.pane_counts)
        # Windows also begin before the first pane and end after the last one.
        padded = numpy.pad(self.pane_counts, ((PANES - 1, PANES - 1), (0, 0)))
        windows = sum(padded[at : at + panes + PANES - 1].astype(numpy.int64) for at in range(PANES))
        start = self.pane_start + (numpy.arange(len(windows)) - (PANES - 1)) * SLIDE_MS
        length = PANES * SLIDE_MS
        closed = len(start) if watermark is None else numpy.count_nonzero(start + length <= watermark)
        window, auction = numpy.nonzero(windows[:closed])
        count = windows[window, auction]
        return integers(auction=auction, window_start=start[window], count=count) | {
            "checksum_auction": checksum(auction),
            "checksum_window_start": checksum(start[window] * 1000),
            "checksum_count": checksum(count),
            "weighted": product(count, auction + start[window]),
        }


def integers(**columns: numpy.ndarray) -> dict[str, int]:
    """The rows, and the sum of each column mod 2^64."""
    rows = len(next(iter(columns.values())))
    return {"rows": rows} | {name: int(column.sum()) % WORD for name, column in columns.items()}


def product(one: numpy.ndarray, other: numpy.ndarray) -> int:
    """The sum of products, mod 2^64."""
    return int((one.astype(numpy.uint64) * other.astype(numpy.uint64)).sum())


def main() -> None:
    directory, counts = Path(sys.argv[1]), [int(count) for count in sys.argv[2:]]
    for count in counts:
        path = directory / f"keyed-{count:03d}.answers.json"
        if not path.exists():
            tables = Tables(count)
            for index in range(count):
                tables.add(columns(index))
            rename_whole(path, json.dumps(tables.answers()))


if __name__ == "__main__":
    main()
