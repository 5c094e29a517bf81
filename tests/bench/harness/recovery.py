"""A job that reads a file which grows at a fixed rate, and is killed: how long after its restart it has caught up.

Called by checkpoint.py. Rows are numbered. What the job has committed is what its sink's files show, so the time is one that a reader of its output
sees: from the start of the new process to the first instant at which all rows that were written before that start are there.
"""

import json
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from . import tools
from .measure import RunFailed

KEYS = 1_000_000
# Rows that are there before the job begins: each key once, and as many again.
FIRST_ROWS = 2 * KEYS
RATE = 50_000
# As in jobs/recovery.toml.
EPOCH_SECONDS = 0.1
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Recovery:
    """`seconds` from the restart until the job had caught up; `rows_again` are those of the epochs since the last snapshot, which
    it computed again, and `rate` is how many a second it computes when they wait for it."""

    seconds: float
    rows_again: float
    rate: float

    @property
    def beyond_replay(self) -> float:
        return self.seconds - self.rows_again / self.rate


def lines(begin: int, end: int) -> bytes:
    """Rows of these numbers. Behind the first row of each key a tenth of the keys have rows at a time."""
    keys = ((n, n if n < KEYS else (n % 100_000 + n // 80) % KEYS) for n in range(begin, end))
    return "".join(f"{n},{key}\n" for n, key in keys).encode()


def shown(out: Path) -> int:
    """The rows that the files of the sink show: one more than the number in their last whole line."""
    for part in sorted(out.glob("part-*"), reverse=True):
        with part.open("rb") as file:
            file.seek(max(0, part.stat().st_size - 64))
            whole = file.read().rpartition(b"\n")[0]
        if whole:
            return int(whole.rpartition(b"\n")[2]) + 1
    return 0


def again(inspected: str) -> int:
    """The epochs that a start computes again, by what `pelton checkpoint inspect --output json` says."""
    return json.loads(inspected)["again"]


class Writer(threading.Thread):
    """Adds rows to the file as they are due."""

    def __init__(self, file: Path) -> None:
        super().__init__(daemon=True)
        self.file = file.open("ab", buffering=0)
        self.rows = 0
        self.is_stopped = threading.Event()

    def fill(self) -> None:
        while self.rows < FIRST_ROWS:
            self.write(min(self.rows + 100_000, FIRST_ROWS))

    def write(self, end: int) -> None:
        self.file.write(lines(self.rows, end))
        self.rows = end

    def run(self) -> None:
        begin = time.monotonic()
        while not self.is_stopped.wait(0.005):
            self.write(max(self.rows, FIRST_ROWS + int((time.monotonic() - begin) * RATE)))
        self.file.close()


class Job:
    """The job in a directory of its own."""

    def __init__(self, binary: Path) -> None:
        self.binary = binary
        self.directory = tools.SCRATCH / "recovery"
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.joinpath("in").mkdir(parents=True)
        shutil.copy(tools.BENCH / "jobs" / "recovery.toml", self.directory / "job.toml")
        self.process: subprocess.Popen | None = None

    def start(self) -> float:
        """When it was started."""
        with self.directory.joinpath("log").open("ab") as log:
            begin = time.monotonic()
            self.process = subprocess.Popen([self.binary, "run", "job.toml"], stdout=subprocess.DEVNULL, stderr=log, cwd=self.directory)
        return begin

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def until(self, rows: int) -> float:
        """When the sink showed so many."""
        patience = time.monotonic() + PATIENCE_SECONDS
        while shown(self.directory / "out") < rows:
            if self.process.poll() is not None or time.monotonic() > patience:
                raise RunFailed(f"the job does not get on: {self.directory.joinpath('log').read_text(errors='replace')}")
            time.sleep(0.002)
        return time.monotonic()

    def again(self) -> int:
        command = [self.binary, "checkpoint", "inspect", "state", "--output", "json"]
        return again(subprocess.run(command, check=True, capture_output=True, text=True, cwd=self.directory).stdout)


def measure(binary: Path, kills: int, seconds: float, tell) -> list[Recovery]:
    """Kills the job so many times, each `seconds` and a bit after it had caught up, so that the last snapshot is of different ages."""
    job = Job(binary)
    writer = Writer(job.directory / "in" / "rows.csv")
    writer.fill()
    found = []
    try:
        rate = FIRST_ROWS / -(job.start() - job.until(FIRST_ROWS))
        writer.start()
        for kill in range(kills):
            time.sleep(seconds + 0.7 * kill)
            job.kill()
            rows_again = job.again() * EPOCH_SECONDS * RATE
            written = writer.rows
            begin = job.start()
            found.append(Recovery(job.until(written) - begin, rows_again, rate))
            tell(f"kill {kill + 1}: {found[-1].seconds:.3f} s, {rows_again:,.0f} rows again, at {rate / 1e6:.2f} M rows/s")
    finally:
        writer.is_stopped.set()
        job.kill()
    return found
