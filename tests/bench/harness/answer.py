"""What a query must answer, and whether a program answered it.

The expected numbers come from the generators: tests/bench/peers/bids.py (one file of them beside each file of bids) and
keyed.py (one file for each set). A program answers with as many of them as its types allow, but never without the rows and
one number for each column. For results that are updates of groups, the answer is the last update of each group.
"""

import csv
import io
import json
import math
import zlib
from datetime import UTC, datetime
from pathlib import Path

from .queries import QUERIES, Query

WORD = 1 << 64
# The sum of prices in floating point depends on the order; everything else is exact.
PRICE_TOLERANCE = 1e-9


class WrongAnswer(Exception):
    """A program that is wrong is not measured."""


def expected(bids: Path, files: int) -> dict[str, dict[str, float]]:
    """The answer to each query over the first `files` files."""
    row_by_row = {query.name: summed(bids, files, query.name) for query in QUERIES.values() if not query.is_keyed}
    return row_by_row | json.loads(bids.joinpath(f"keyed-{files:03d}.answers.json").read_text())


def summed(bids: Path, files: int, query: str) -> dict[str, float]:
    """Sums of the files' answers, all but the price mod 2^64."""
    answers = [json.loads(bids.joinpath(f"bids-{index:03d}.answers.json").read_text())[query] for index in range(files)]
    total = {name: sum(answer[name] for answer in answers) % WORD for name in answers[0] if name != "price"}
    return total | {"price": math.fsum(answer["price"] for answer in answers)}


def check(program: str, query: Query, answer: dict[str, float], right: dict[str, float]) -> None:
    for column in query.columns:
        if not {column, f"checksum_{column}"} & answer.keys():
            raise WrongAnswer(f"{program} says nothing about column `{column}` of {query.name}")
    for name, value in {"rows": None, **answer}.items():
        if not is_right(name, value, right[name]):
            raise WrongAnswer(f"{program} answers {query.name} with {name} = {value}; right is {right[name]}")


def is_right(name: str, value: float | None, right: float) -> bool:
    if value is None:
        return False
    if name == "price":
        return math.isclose(value, right, rel_tol=PRICE_TOLERANCE)
    return value % WORD == right


def of_files(query: Query, paths: list[Path]) -> dict[str, float]:
    return of_rows(query, [path.read_text(encoding="utf-8") for path in paths])


def of_rows(query: Query, texts: list[str]) -> dict[str, float]:
    """The answer of a keyed query whose results are files of CSV with a header; of several rows of one key, the last counts."""
    rows = [row for text in texts for row in csv.DictReader(io.StringIO(text))]
    results = [numbers(query, row) for row in rows]
    if query.has_updates:
        key = query.columns[0]
        results = list({row[key]: row for row in results}.values())
    answer = {"rows": len(results), "weighted": sum(weight(query, row) for row in results) % WORD}
    if "price" in query.columns:
        answer["price"] = math.fsum(float(row["price"]) for row in rows)
    return answer | {name: sum(row[name] for row in results) % WORD for name in results[0]} if results else answer


def numbers(query: Query, row: dict[str, str]) -> dict[str, int]:
    """A row's values as the integers that the generator sums: text as CRC-32, times in milliseconds, prices in cents."""
    values = {"count": int(row["count"])}
    if "word" in row:
        return values | {"word": zlib.crc32(row["word"].encode())}
    if "window_start" in query.columns:
        start = datetime.fromisoformat(row["window_start"]).replace(tzinfo=UTC)
        values["window_start"] = round(start.timestamp() * 1000)
    if "price" in row:
        values["cents"] = round(float(row["price"]) * 100)
    key = query.columns[0]
    return values | {key: int(row[key])}


def weight(query: Query, row: dict[str, int]) -> int:
    """What `weighted` sums."""
    key = row[query.columns[0]]
    if query.name == "wc":
        return row["count"] * key
    if query.name == "run":
        return (row["count"] + row["cents"]) * (key + 1)
    return (row["count"] + row.get("cents", 0)) * (key + row["window_start"])
