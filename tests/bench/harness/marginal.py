"""What a job of Pelton costs for each row, once it is under way.

Called by windows.py and keyed.py. A job is run over two numbers of rows; what the longer run took beyond the shorter one, shared out
among the rows that it had more, is its cost. So the start of the process, the compilation of modules, the warm-up of state and
what is emitted when the input ends are in neither.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import tools
from .measure import Figure, Run, RunFailed, child, figure


@dataclass(frozen=True)
class Case:
    """A job of tests/bench/jobs with its settings; `label` names it in tables."""

    label: str
    job: str
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cost:
    """CPU-seconds for a million rows, and the peak memory of the longer run."""

    cpu_seconds: float
    peak_bytes: int


def cost(binary: Path, case: Case, short: int, long: int) -> Cost:
    less, more = run(binary, case, short), run(binary, case, long)
    return Cost(between(less, more), more.peak_bytes)


def between(less: Run, more: Run) -> float:
    """CPU-seconds for a million of the rows that the longer run had more."""
    return positive((more.cpu_seconds - less.cpu_seconds) / (more.rows - less.rows) * 1e6)


def positive(cost: float) -> float:
    """A difference that is none shows that something else on this machine took the time: no figure comes of it."""
    if cost <= 0:
        raise RunFailed("a longer run took less CPU time than a shorter one: the machine is too busy to measure on")
    return cost


def run(binary: Path, case: Case, rows: int) -> Run:
    settings = [part for setting in (*case.settings, f"source.rows.rows={rows}") for part in ("--set", setting)]
    job = tools.BENCH / "jobs" / f"{case.job}.toml"
    output, measured = child([binary, "run", job, "--output", "json", *settings], rows, tools.REPOSITORY)
    check(output, rows)
    return measured


def peak(found: Sequence[Cost | Run]) -> Figure:
    """MiB at the peak, of several runs of one thing."""
    return figure([each.peak_bytes / (1 << 20) for each in found])


def peaks(*of: Sequence[Cost | Run]) -> tuple[float, ...]:
    """The same as a row shows it beside its figure: of one, or of the two of a ratio."""
    return tuple(peak(found).median for found in of)


def check(output: str, rows: int) -> None:
    """The job has read every row, rejected none, and come to its end."""
    summary = json.loads(output.splitlines()[-1])
    if summary["event"] != "summary" or summary["interrupted"]:
        raise RunFailed(f"the job did not come to its end: {summary}")
    if (summary["rows_in"], summary["rows_rejected"], summary["rows_late"]) != (rows, 0, 0):
        raise RunFailed(f"not all of {rows} rows count: {summary}")
