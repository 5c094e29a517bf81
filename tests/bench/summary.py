#!/usr/bin/env python3
"""`make bench-summary`: every goal that a benchmark has measured, in one table; also the end of `make bench`.

Reads target/bench/*.json, which the benchmarks write, and runs nothing. Of each file it says when it was written: figures are those of
the last run of each benchmark, which may be of another day or of `--quick`. Peak memory is that of the programs that a figure is of;
a benchmark without processes of its own (bench-boundary) has none.
"""

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path

from harness import tools
from harness.report import MET, PEAK, number, shown_peaks, table

HEAD = ("benchmark", "id", "what", "figure", "unit", "bound", "met", PEAK[1])
NONE = "–"


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Every goal that a benchmark has measured")
    parser.add_argument("--missed", action="store_true", help="show the goals that are not met alone")
    return parser.parse_args(given)


def read(directory: Path) -> dict[str, list[dict]]:
    """The rows with a goal, by benchmark."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(directory.glob("*.json"))}
    return {name: [row for row in rows if row["goal"] is not None] for name, rows in found.items()}


def line(benchmark: str, row: dict) -> tuple[str, ...]:
    peaks = shown_peaks(row.get("peaks", ())) or NONE
    return benchmark, row["id"], row["what"], number(row["measured"]), row["unit"], row["goal"], MET[row["met"]], peaks


def summary(results: dict[str, list[dict]], only_missed: bool = False) -> str:
    """The table, and how many goals are met."""
    rows = [(name, row) for name, rows in results.items() for row in rows]
    shown = [line(name, row) for name, row in rows if not (only_missed and row["met"])]
    met = sum(row["met"] for _, row in rows)
    return f"{table([HEAD, *shown], right={3, 7})}\n\n{met} of {len(rows)} goals are met"


def written(directory: Path) -> str:
    times = {path.name: datetime.fromtimestamp(path.stat().st_mtime) for path in sorted(directory.glob("*.json"))}
    return ", ".join(f"{name} of {time:%Y-%m-%d %H:%M}" for name, time in times.items())


def main() -> int:
    options = arguments()
    results = read(tools.RESULTS)
    if not results:
        sys.exit("bench-summary: failed to find any result in target/bench: run `make bench`, or one of `make bench-…`")
    print(f"{summary(results, options.missed)}: {written(tools.RESULTS)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
