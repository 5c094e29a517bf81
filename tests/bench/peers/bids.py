#!/usr/bin/env python3
"""Generates the auction bids that every program of `make bench-peers` reads, and the answers they must give.

Called by tests/bench/peers.py: bids.py DIRECTORY FILES. A file holds 250,000 rows of CSV without a header:

    auction (1..10,000, Zipf), bidder (0..99,999), price (0.00..999.99), channel, ts (ms since 1970), filler

10,000 rows are one second of event time; one row in five is up to two seconds late.

Invariants: file i depends on i alone, so fewer files are a prefix of more; the answers beside each file
(`bids-NNN.answers.json`) are computed from the numbers before they become text, so they depend on no parser; files are as
old as their order, for Spark reads them oldest first and would take the bids of a file that comes too late for late ones.
"""

import json
import multiprocessing
import os
import sys
from pathlib import Path

import numpy

ROWS = 250_000
AUCTIONS = 10_000
BIDDERS = 100_000
CENTS = 100_000
CHANNELS = 100
START_MS = 1_700_000_000_000
ROWS_PER_MS = 10
LATE_SHARE = 0.2
LATE_MS = 2_000
FILLER = "x" * 40

RATE = 0.908
DIVISOR = 123
# Prices are also summed as integers of 2^-20, cut towards zero: the sum is exact, so its order is free.
PRICE_UNITS = 1 << 20
# Of the checksum that Pelton's `blackhole` sink reports (host/src/sink/checksum.rs).
CHECKSUM_A = 0xA0761D6478BD642F
CHECKSUM_L = 0x9E3779B1
CHECKSUM_H = 0x85EBCA77
WORD = 1 << 64
HALF = numpy.uint64(32)
LOW_HALF = numpy.uint64(0xFFFFFFFF)


def columns(index: int) -> dict[str, numpy.ndarray]:
    """The numbers of file `index`, as integers (the price in cents)."""
    random = numpy.random.Generator(numpy.random.PCG64(4242 + index))
    shares = numpy.cumsum(1.0 / numpy.arange(1, AUCTIONS + 1))
    shares /= shares[-1]
    auction = numpy.searchsorted(shares, random.random(ROWS), side="right") + 1
    bidder = random.integers(0, BIDDERS, ROWS)
    cents = random.integers(0, CENTS, ROWS)
    channel = random.integers(0, CHANNELS, ROWS)
    is_late = random.random(ROWS) < LATE_SHARE
    lateness = numpy.where(is_late, random.integers(0, LATE_MS, ROWS), 0)
    row = numpy.arange(ROWS) + index * ROWS
    return {
        "auction": numpy.minimum(auction, AUCTIONS),
        "bidder": bidder,
        "cents": cents,
        "channel": channel,
        "ts": START_MS + row // ROWS_PER_MS - lateness,
    }


def checksum(column: numpy.ndarray) -> int:
    """The sum over the values, mod 2^64, of s ^ (s >> 32), where s = low half of (value ^ A) * L + its high half * H."""
    value = column.view(numpy.uint64) ^ numpy.uint64(CHECKSUM_A)
    mixed = (value & LOW_HALF) * numpy.uint64(CHECKSUM_L) + (value >> HALF) * numpy.uint64(CHECKSUM_H)
    return int((mixed ^ (mixed >> HALF)).sum())


def answer(auction, bidder, price, ts) -> dict[str, float]:
    """The answer of a query whose output has these columns. `ts` and the checksums are mod 2^64."""
    result = {
        "rows": len(auction),
        "auction": int(auction.sum()),
        "bidder": int(bidder.sum()),
        "ts": int(ts.sum()) % WORD,
        "price": float(price.sum()),
        "price_units": int((price * PRICE_UNITS).astype(numpy.int64).sum()),
    }
    sums = {"auction": auction, "bidder": bidder, "price": price, "ts": ts}
    return result | {f"checksum_{name}": checksum(column) for name, column in sums.items()}


def answers(numbers: dict[str, numpy.ndarray]) -> dict[str, dict[str, float]]:
    """What q1 and q2 answer for one file."""
    auction, bidder, ts = numbers["auction"], numbers["bidder"], numbers["ts"]
    price = numbers["cents"] / 100
    kept = auction % DIVISOR == 0
    return {
        "q1": answer(auction, bidder, price * RATE, ts),
        "q2": answer(auction[kept], bidder[kept], price[kept], ts[kept]),
    }


def write(directory: Path, index: int) -> None:
    """Writes file `index` and its answers, unless they are there. A file has its name only once it is whole."""
    path = directory / f"bids-{index:03d}.csv"
    beside = directory / f"bids-{index:03d}.answers.json"
    if not (path.exists() and beside.exists()):
        numbers = columns(index)
        if not path.exists():
            rename_whole(path, text(numbers))
        rename_whole(beside, json.dumps(answers(numbers)))
    age = START_MS // 1000 + index
    os.utime(path, (age, age))


def text(numbers: dict[str, numpy.ndarray]) -> str:
    rows = zip(*(numbers[name].tolist() for name in ("auction", "bidder", "cents", "channel", "ts")))
    return "".join([
        f"{auction},{bidder},{cents // 100}.{cents % 100:02d},channel-{channel},{ts},{FILLER}\n"
        for auction, bidder, cents, channel, ts in rows
    ])


def rename_whole(path: Path, content: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(content, encoding="ascii")
    os.replace(partial, path)


def main() -> None:
    directory, files = Path(sys.argv[1]), int(sys.argv[2])
    directory.mkdir(parents=True, exist_ok=True)
    with multiprocessing.Pool() as pool:
        pool.starmap(write, [(directory, index) for index in range(files)], chunksize=1)


if __name__ == "__main__":
    main()
