"""From runs to rows: figures, ratios, goals, and whether each goal is met. Printed as tables and written as JSON.

Invariant: a ratio is only ever taken between two runs of the same round; the row shows the median of these ratios, the
least and the greatest. `met` follows from the median and the goal.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from .measure import Figure, Run, figure


@dataclass(frozen=True)
class Goal:
    at_least: float | None = None
    at_most: float | None = None

    def is_met(self, value: float) -> bool:
        above = self.at_least is None or value >= self.at_least
        below = self.at_most is None or value <= self.at_most
        return above and below

    def __str__(self) -> str:
        return f"≥ {self.at_least:g}" if self.at_most is None else f"≤ {self.at_most:g}"


@dataclass(frozen=True)
class Row:
    """One line of the result. `spread` is the least and the greatest; a row without a goal is for information. `peaks` are MiB at the
    peak of the programs that the figure is of: of one, or of the two that a ratio is taken between."""

    id: str
    what: str
    unit: str
    measured: float
    spread: tuple[float, float]
    count: int
    goal: str | None
    met: bool | None
    peaks: tuple[float, ...] = ()


def row(id: str, what: str, unit: str, found: Figure, goal: Goal | None = None, peaks: tuple[float, ...] = ()) -> Row:
    met = None if goal is None else goal.is_met(found.median)
    spread = (found.least, found.greatest)
    return Row(id, what, unit, found.median, spread, found.count, goal and str(goal), met, peaks)


# What a run is measured by: the attribute of Run, its unit, and the unit's size.
RATE = ("rate", "M rows/s", 1e6)
CPU_RATE = ("cpu_rate", "M rows per CPU-second", 1e6)
PEAK = ("peak_bytes", "MiB at the peak", 1 << 20)
# How a goal is shown to be met.
MET = {None: "", True: "yes", False: "NO"}


class Samples:
    """All runs, by query, size, program and round."""

    def __init__(self) -> None:
        self.runs: dict[tuple[str, str, str], dict[int, Run]] = {}

    def add(self, query: str, size: str, program: str, round_: int, run: Run) -> None:
        self.runs.setdefault((query, size, program), {})[round_] = run

    def has(self, query: str, size: str, program: str) -> bool:
        return (query, size, program) in self.runs

    def figure(self, query: str, size: str, program: str, measure: tuple[str, str, float]) -> Figure:
        name, _, unit = measure
        return figure([getattr(run, name) / unit for run in self.runs[query, size, program].values()])

    def ratio(self, query: str, one: tuple[str, str], other: tuple[str, str], measure: tuple[str, str, float]) -> Figure:
        """`one` through `other`, each a size and a program, over the rounds that have both."""
        name, ones, others = measure[0], self.runs[query, *one], self.runs[query, *other]
        return figure([getattr(ones[at], name) / getattr(others[at], name) for at in ones.keys() & others.keys()])

    def peaks(self, query: str, *of: tuple[str, str]) -> tuple[float, ...]:
        """MiB at the peak of each size and program."""
        return tuple(self.figure(query, *each, PEAK).median for each in of)

    def figures(self) -> list[Row]:
        return [
            row(slug(*key, measure[0]), ", ".join(key), measure[1], self.figure(*key, measure), None, self.peaks(key[0], key[1:]))
            for key in self.runs
            for measure in (RATE, CPU_RATE, PEAK)
        ]


def slug(*parts: str) -> str:
    return "-".join(parts).lower().replace(",", "").replace(" ", "-").replace("_", "-")


def figures_table(samples: Samples) -> str:
    lines = [("query", "rows", "program", "runs", RATE[1], "least–greatest", CPU_RATE[1], PEAK[1])]
    for query, size, program in samples.runs:
        rate, cpu, peak = (samples.figure(query, size, program, measure) for measure in (RATE, CPU_RATE, PEAK))
        spread = between(rate.least, rate.greatest)
        count = str(rate.count)
        lines.append((query, size, program, count, number(rate.median), spread, number(cpu.median), f"{peak.median:.0f}"))
    return table(lines, right={3, 4, 6, 7})


def goals_table(rows: list[Row]) -> str:
    lines = [("id", "what", "measured", "spread", "goal", "met", PEAK[1])]
    lines += [
        (each.id, each.what, number(each.measured), between(*each.spread), each.goal or "", MET[each.met], shown_peaks(each.peaks))
        for each in rows
    ]
    return table(lines, right={2, 6})


def rows_table(rows: list[Row]) -> str:
    """Every row, with what it is measured in."""
    lines = [("id", "what", "measured", "spread", "unit", "goal", "met", PEAK[1])]
    lines += [
        (each.id, each.what, number(each.measured), between(*each.spread), each.unit, each.goal or "", MET[each.met], shown_peaks(each.peaks))
        for each in rows
    ]
    return table(lines, right={2, 7})


def between(least: float, greatest: float) -> str:
    return f"{number(least)}–{number(greatest)}"


def shown_peaks(peaks: Iterable[float]) -> str:
    """Of a ratio, the one and the other."""
    return " / ".join(f"{each:.0f}" for each in peaks)


def number(value: float) -> str:
    """Three significant digits."""
    return f"{value:.0f}" if value >= 99.95 else f"{value:.3g}"


def table(lines: list[tuple[str, ...]], right: set[int]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines)]
    lines = [lines[0], tuple("─" * width for width in widths), *lines[1:]]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if at in right else cell.ljust(width) for at, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in lines
    )


def write_json(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(each) for each in rows], indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
