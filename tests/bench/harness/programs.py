"""The programs that `make bench-peers` compares. Each can give its answer to a query and run it against the clock.

A program has a `name` and

    verify(query) -> dict                 its answer over the smallest set of bids, as harness/answer.py checks it
    run(query, size) -> Run               one measured run over the set `size`

Invariant: what is measured is what was verified; Pelton and the native program give their answer in every measured run,
and it is checked each time.
"""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import answer, tools
from .measure import Run, RunFailed, child

# Flink counts as warm after so many rows; what follows is measured, up to the last files, which one reader may read alone.
FLINK_WARM_ROWS = 60_000_000
FLINK_LAST_ROWS = 1_000_000
JAVA_OPENS = [f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in ("lang", "util", "time")]


@dataclass(frozen=True)
class Size:
    """A set of bids, and what each query answers over it."""

    name: str
    rows: int
    directory: Path
    answers: dict[str, dict[str, float]]


class Pelton:
    """The engine itself: jobs of tests/bench/jobs, the user's logic in a sandboxed module."""

    name = "Pelton"

    def __init__(self, smallest: Size) -> None:
        self.smallest = smallest
        self.binary = tools.release("pelton")
        for query in ("q1", "q2"):
            tools.guest(query)

    def verify(self, query: str) -> dict[str, float]:
        return self._run(query, self.smallest)[0]

    def run(self, query: str, size: Size) -> Run:
        found, run = self._run(query, size)
        answer.check(self.name, found, size.answers[query])
        return run

    def _run(self, query: str, size: Size) -> tuple[dict[str, float], Run]:
        job = tools.BENCH / "jobs" / f"{query}.toml"
        path = f'source.bids.path="{size.directory}"'
        output, run = child([self.binary, "run", job, "--output", "json", "--set", path], size.rows, tools.REPOSITORY)
        return pelton_answer(output, size.rows), run


def pelton_answer(output: str, rows: int) -> dict[str, float]:
    """The answer in the last line that `pelton run --output json` prints: the rows and checksums of its one sink."""
    summary = json.loads(output.splitlines()[-1])
    if summary["event"] != "summary" or summary["rows_in"] != rows:
        raise RunFailed(f"Pelton read {summary.get('rows_in')} of {rows} rows: {summary}")
    [sink] = summary["sinks"]
    details = dict(sink["details"])
    checksums = {name: int(value, 16) for name, value in details.items() if name.startswith("checksum ")}
    return {"rows": sink["rows"]} | {
        f"checksum_{name.removeprefix('checksum ').replace('euro', 'price')}": value for name, value in checksums.items()
    }


class Native:
    """The hand-written program, one thread."""

    def __init__(self, parser: str, smallest: Size) -> None:
        self.name = f"native, {parser}"
        self.parser = parser
        self.smallest = smallest
        self.binary = tools.release("pelton-bench-native")

    def verify(self, query: str) -> dict[str, float]:
        return self._run(query, self.smallest)[0]

    def run(self, query: str, size: Size) -> Run:
        found, run = self._run(query, size)
        answer.check(self.name, found, size.answers[query])
        return run

    def _run(self, query: str, size: Size) -> tuple[dict[str, float], Run]:
        output, run = child([self.binary, query, self.parser, size.directory], size.rows, tools.REPOSITORY)
        report = json.loads(output)
        # The program's own figure: a child's may be that of the process that started it, which is larger.
        return report["answer"], Run(run.rows, run.wall_seconds, run.cpu_seconds, report["peak_bytes"])


class SparkSession:
    """Spark's process, which stays up and warm: orders go in and results come out, one JSON line each."""

    def __init__(self) -> None:
        tools.require("java", "install a JDK, 17 or newer")
        tools.install("pyspark>=4,<5")
        scratch = tools.SCRATCH / "spark"
        scratch.mkdir(parents=True, exist_ok=True)
        command = [tools.python(), tools.BENCH / "peers" / "spark_bench.py", scratch]
        self.log = scratch.joinpath("log").open("wb")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, cwd=scratch
        )

    def order(self, query: str, variant: str, size: Size, verify: bool) -> dict:
        order = {"query": query, "variant": variant, "directory": str(size.directory), "verify": verify}
        self.process.stdin.write(f"{json.dumps(order)}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RunFailed(f"Spark's process has ended; its messages are in {self.log.name}")
        return json.loads(line)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


class Spark:
    """Spark with one parser: as a stream or as a batch job, whichever is faster here."""

    def __init__(self, parser: str, session: SparkSession, smallest: Size) -> None:
        self.name = f"Spark, {parser}"
        self.session = session
        self.smallest = smallest
        self.modes = [f"{parser}-stream", f"{parser}-batch"]
        self.best: dict[str, str] = {}

    def verify(self, query: str) -> dict[str, float]:
        """Both modes; the one that is returned is the second."""
        for variant in self.modes:
            found = self.session.order(query, variant, self.smallest, verify=True)["answer"]
            answer.check(f"{self.name} ({variant})", found, self.smallest.answers[query])
        return found

    def run(self, query: str, size: Size) -> Run:
        return self._run(query, self.best.get(query) or self.choose(query), size)

    def choose(self, query: str) -> str:
        """The faster mode, each warmed up by a run that is not counted."""
        for variant in self.modes:
            self._run(query, variant, self.smallest)
        rates = {variant: self._run(query, variant, self.smallest).rate for variant in self.modes}
        self.best[query] = max(rates, key=rates.get)
        return self.best[query]

    def _run(self, query: str, variant: str, size: Size) -> Run:
        return Run(rows=size.rows, **self.session.order(query, variant, size, verify=False))


class Flink:
    """Flink, one process for each run. It is measured while it runs, between two counts of rows, over bids of its own number."""

    def __init__(self, variant: str, smallest: Size, long: Size) -> None:
        self.name = f"Flink, {variant}"
        self.variant = variant
        self.smallest = smallest
        self.long = long
        self.classpath = tools.flink_classpath()

    def verify(self, query: str) -> dict[str, float]:
        return self._run(query, "verify", self.smallest)["answer"]

    def run(self, query: str, _size: Size) -> Run:
        marks = [str(FLINK_WARM_ROWS), str(self.long.rows - FLINK_LAST_ROWS)]
        result = self._run(query, "timed", self.long, *marks)
        return Run(result["measured_rows"], result["wall_seconds"], result["cpu_seconds"], result["peak_bytes"])

    def _run(self, query: str, mode: str, size: Size, *marks: str) -> dict:
        scratch = tools.SCRATCH / "flink"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        quiet = f"-Dlog4j2.configurationFile={tools.BENCH / 'peers' / 'flink' / 'log4j2.properties'}"
        java = ["java", "-Xmx1g", "-XX:+UseParallelGC", f"-Djava.io.tmpdir={scratch}", quiet, *JAVA_OPENS]
        arguments = [query, self.variant, mode, str(size.directory), str(scratch), *marks]
        output, _ = child([*java, "-cp", self.classpath, "FlinkBench", *arguments], size.rows, scratch)
        return json.loads(output.splitlines()[-1])
