#!/usr/bin/env python3
"""Makes files of orders, the same ones each time: make-orders.py DIRECTORY --rows N --files N [--first N].

Files are CSV, CSV by gzip, JSON lines and JSON lines by gzip in turn. Their rows have what makes a migration go wrong: separators, quotes and newlines in text,
empty text beside null, the ends of integers, prices in cents, floats that need all their digits, times before 1970.
"""

import argparse
import gzip
import io
import json
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

COLUMNS = ["id", "customer", "note", "price", "weight", "paid", "due", "at"]
CUSTOMERS = ["Ada Byron", "O'Neill, Siobhán", 'Zoë "Z" Müller', "李小龙", "", "null", "NULL", "42", " blank "]
NOTES = [None, "", "by noon", "two\nlines", 'say "please"', "a,b;c\td", "🎁 gift", "\\N", "end\\"]
IDS = [-(2**63), -1, 2**53 + 1, 2**63 - 1]
WEIGHTS = [None, 0.0, 0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -2.5]


def order(number: int) -> dict:
    """A function of its number alone."""
    drawn = random.Random(number)
    at = datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC) + timedelta(microseconds=drawn.randrange(2 * 10**15))
    return {
        "id": IDS[number] if number < len(IDS) else number,
        "customer": drawn.choice(CUSTOMERS),
        "note": drawn.choice(NOTES),
        "price": f"{drawn.randrange(-(10**7), 10**9) / 100:.2f}",
        "weight": drawn.choice([*WEIGHTS, drawn.random()]),
        "paid": drawn.random() < 0.5,
        "due": drawn.choice([None, date(1960, 2, 29) + timedelta(days=drawn.randrange(40_000))]),
        "at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def as_csv(orders: list[dict]) -> str:
    """Null is \\N without quotes; so text that looks like it is quoted, and every other text may be."""
    text = io.StringIO()
    text.write(",".join(COLUMNS) + "\n")
    for row in orders:
        fields = []
        for value in row.values():
            if value is None:
                fields.append("\\N")
            elif isinstance(value, bool):
                fields.append("true" if value else "false")
            elif isinstance(value, str):
                fields.append('"' + value.replace('"', '""') + '"')
            else:
                fields.append(repr(value) if isinstance(value, float) else str(value))
        text.write(",".join(fields) + "\n")
    return text.getvalue()


def as_json(orders: list[dict]) -> str:
    lines = []
    for row in orders:
        due = row["due"] and row["due"].isoformat()
        lines.append(json.dumps(row | {"due": due}, ensure_ascii=False) + "\n")
    return "".join(lines)


KINDS = [("csv", as_csv), ("csv.gz", as_csv), ("jsonl", as_json), ("jsonl.gz", as_json)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rows", type=int, required=True, help="in all")
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--first", type=int, default=0, help="the number of the first row")
    wanted = parser.parse_args()
    wanted.directory.mkdir(parents=True, exist_ok=True)
    for file in range(wanted.files):
        begin, end = (wanted.first + wanted.rows * at // wanted.files for at in (file, file + 1))
        ending, written = KINDS[file % len(KINDS)]
        data = written([order(number) for number in range(begin, end)]).encode()
        name = f"orders-{begin:08d}.{ending}"
        # A file gets its name when it is whole: whoever watches for files passes over names that begin with a dot.
        hidden = wanted.directory / f".{name}"
        hidden.write_bytes(gzip.compress(data, mtime=0) if ending.endswith(".gz") else data)
        hidden.rename(wanted.directory / name)


main()
