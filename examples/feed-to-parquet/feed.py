#!/usr/bin/env python3
"""A feed of readings over TCP: feed.py ADDRESS:PORT --rows N, or feed.py --print --rows N for the same rows as CSV.

TCP tells a sender what has been put on the way and not what has arrived, so a sender that wants all rows to arrive must say some of them again. This one
connects anew whenever the connection is lost, and then goes back by `--back` bytes, which is more than the sockets on both sides and the receiver hold before rows
are durable. Rows have a number of their sensor, by which the receiver knows those that it has. When all rows are said it keeps the connection, ready to go back,
until it is told by SIGTERM or Ctrl-C that they have arrived.
"""

import argparse
import json
import signal
import socket
import sys
import time
import zlib
from datetime import UTC, datetime, timedelta

SENSORS = ("attic", "cellar", "garden", "roof/north")
BEGIN = datetime(2026, 1, 31, 18, tzinfo=UTC)
STEP = timedelta(milliseconds=250)
# Rows that are put together into one piece.
CHUNK = 500
# Bytes that the sender's socket may hold.
SOCKET = 256 << 10


def reading(number: int) -> dict:
    """A function of its number alone. Times are up to two seconds out of order."""
    drawn = zlib.crc32(number.to_bytes(8, "little"))
    at = BEGIN + number * STEP - timedelta(milliseconds=drawn % 2000)
    return {
        "sensor": SENSORS[number % len(SENSORS)],
        "n": number // len(SENSORS),
        "celsius": (drawn // 2000 % 700 - 300) / 10,
        "at": at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
    }


def chunks(rows: int) -> list[bytes]:
    made = []
    for begin in range(0, rows, CHUNK):
        numbers = range(begin, min(begin + CHUNK, rows))
        made.append("".join(json.dumps(reading(number)) + "\n" for number in numbers).encode())
    return made


class Told(Exception):
    """All rows have arrived."""


def tell(*_) -> None:
    raise Told


def send(address: tuple[str, int], pieces: list[bytes], back: int, rate: float | None) -> None:
    said = connections = position = new = 0
    try:
        while True:
            try:
                with socket.create_connection(address, timeout=5) as stream:
                    stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET)
                    stream.settimeout(None)
                    connections += 1
                    while position < len(pieces):
                        stream.sendall(pieces[position])
                        position += 1
                        said += 1
                        if position > new:
                            new = position
                            if rate:
                                time.sleep(CHUNK / rate)
                    # Nothing ever comes from there: this returns when the connection is lost.
                    stream.recv(1)
            except OSError:
                pass
            left = back
            while position > 0 and left > 0:
                position -= 1
                left -= len(pieces[position])
            time.sleep(0.05)
    except Told:
        print(f"{said * CHUNK} rows said by {connections} connections", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", nargs="?")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--back", type=int, default=64 << 20, help="bytes to go back by (64 MiB)")
    parser.add_argument("--rate", type=float, help="new rows a second, at most")
    parser.add_argument("--print", action="store_true")
    wanted = parser.parse_args()
    if wanted.print:
        print("sensor,n,celsius,at,day")
        for number in range(wanted.rows):
            row = reading(number)
            print(row["sensor"], row["n"], row["celsius"], row["at"], row["at"][:10], sep=",")
        return
    host, port = wanted.address.rsplit(":", 1)
    signal.signal(signal.SIGTERM, tell)
    signal.signal(signal.SIGINT, tell)
    send((host, int(port)), chunks(wanted.rows), wanted.back, wanted.rate)


main()
