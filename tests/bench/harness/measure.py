"""One run of a program, measured, and the statistics of many.

A child's CPU time and memory come from the system (wait4), not from the child, so that nothing it does is left out.
"""

import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path


class RunFailed(Exception):
    """A program ended with an error."""


@dataclass(frozen=True)
class Run:
    """Rows of input and what they took. Peak memory is of the whole process, resident."""

    rows: int
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.wall_seconds

    @property
    def cpu_rate(self) -> float:
        """Rows per CPU-second."""
        return self.rows / self.cpu_seconds


@dataclass(frozen=True)
class Figure:
    """The median of several measurements, the least and the greatest."""

    median: float
    least: float
    greatest: float
    count: int


def figure(values: list[float]) -> Figure:
    return Figure(statistics.median(values), min(values), max(values), len(values))


def child(command: list[str | Path], rows: int, directory: Path) -> tuple[str, Run]:
    """Runs a program to its end. Answers with what it printed. Its memory counts at least what this process has."""
    with tempfile.TemporaryFile() as complaints:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, cwd=directory)
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.stdout.close()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            complaints.seek(0)
            raise RunFailed(f"{command[0]} ended with {process.returncode}: {complaints.read().decode(errors='replace')}")
    run = Run(rows, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10)
    return output.decode(), run
