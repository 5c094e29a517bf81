"""The programs that `make bench-peers` compares; `make bench-ysb` has Spark and Flink from here. Each can give its answer to a query and run it against the clock.

A program has a `name` and

    answers(query) -> bool                whether it has this query
    verify(query)                         raises WrongAnswer if its answer over the smallest set of bids is wrong
    run(query, size) -> Run               one measured run over the set `size`

Invariant: what is measured is what was verified; Pelton and the native program give their answer in every measured run,
and it is checked each time. When the results are updates, whose number is up to the program, they have to be the same in each run.
"""

import json
import multiprocessing
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import answer, tools
from .measure import Run, RunFailed, child
from .queries import Query, Steady

JAVA_OPENS = [f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in ("lang", "util", "time")]


@dataclass(frozen=True)
class Size:
    """A set of bids, and what each query answers over it."""

    name: str
    rows: int
    directory: Path
    answers: dict[str, dict[str, float]]


class Repeated:
    """The answers of measured runs: right, or at least the same each time."""

    def __init__(self) -> None:
        self.first: dict[tuple[str, str], dict[str, float]] = {}

    def check(self, program: str, query: Query, size: Size, found: dict[str, float]) -> None:
        if not query.has_updates:
            answer.check(program, query, found, size.answers[query.name])
        elif found != self.first.setdefault((query.name, size.name), found):
            raise answer.WrongAnswer(f"{program} answers {query.name} with {found}, but before with {self.first}")


class Pelton:
    """The engine itself: jobs of tests/bench/jobs, the user's logic in sandboxed modules."""

    name = "Pelton"

    def __init__(self, queries: list[Query], smallest: Size, is_durable: bool = True) -> None:
        self.smallest = smallest
        self.is_durable = is_durable
        self.repeated = Repeated()
        self.binary = tools.pelton()
        for guest in {guest for query in queries for guest in query.guests}:
            tools.guest(guest)

    def answers(self, _query: Query) -> bool:
        return True

    def verify(self, query: Query) -> None:
        found = self.results(query) if query.is_keyed else self._run(query, self.smallest)[0]
        answer.check(self.name, query, found, self.smallest.answers[query.name])

    def results(self, query: Query) -> dict[str, float]:
        """The answer of the very rows that come out, in a file instead of the blackhole."""
        out = tools.SCRATCH / "pelton" / query.name
        shutil.rmtree(out, ignore_errors=True)
        settings = {"type": '"file"', "path": f'"{out}"', "format": '"csv"', "csv": "{ header = true }"}
        self._run(query, self.smallest, *[f"sink.out.{name}={value}" for name, value in settings.items()])
        files = sorted(out.glob("*.csv"))
        # In a process of its own: what this one has ever held counts as the memory of the programs that it starts.
        with multiprocessing.Pool(1) as pool:
            return pool.apply(answer.of_files, (query, files))

    def run(self, query: Query, size: Size, *settings: str) -> Run:
        found, run = self._run(query, size, *settings)
        self.repeated.check(self.name, query, size, found)
        return run

    def _run(self, query: Query, size: Size, *settings: str) -> tuple[dict[str, float], Run]:
        job = tools.BENCH / "jobs" / f"{query.name}.toml"
        path = f'source.bids.path="{size.directory}"'
        durable = checkpoint(query.name) if self.is_durable else []
        settings = [part for setting in (path, *durable, *settings) for part in ("--set", setting)]
        output, run = child([self.binary, "run", job, "--output", "json", *settings], size.rows, tools.REPOSITORY)
        return pelton_answer(output, size.rows), run


def checkpoint(query: str) -> list[str]:
    """Settings of a job of Pelton that begins anew: each epoch is committed, and state is saved every second."""
    directory = tools.SCRATCH / "checkpoints" / query
    shutil.rmtree(directory, ignore_errors=True)
    return [f'checkpoint="{directory}"', 'snapshots="1s"']


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
        self.repeated = Repeated()
        self.binary = tools.release("pelton-bench-native")

    def answers(self, query: Query) -> bool:
        return self.parser in query.natives

    def verify(self, query: Query) -> None:
        found = self._run(query, self.smallest, *(["last"] if query.has_updates else []))[0]
        answer.check(self.name, query, found, self.smallest.answers[query.name])

    def run(self, query: Query, size: Size) -> Run:
        found, run = self._run(query, size)
        self.repeated.check(self.name, query, size, found)
        return run

    def _run(self, query: Query, size: Size, *more: str) -> tuple[dict[str, float], Run]:
        command = [self.binary, query.name, self.parser, size.directory, *more]
        output, run = child(command, size.rows, tools.REPOSITORY)
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

    def __init__(self, parser: str, session: SparkSession, sizes: dict[str, Size], smallest: Size) -> None:
        self.name = f"Spark, {parser}"
        self.parser = parser
        self.session = session
        self.sizes = sizes
        self.smallest = smallest
        self.modes = [f"{parser}-stream", f"{parser}-batch"]
        self.best: dict[str, str] = {}

    def answers(self, query: Query) -> bool:
        return self.parser in query.sparks

    def verify(self, query: Query) -> None:
        """Both modes. A stream does not close its last windows."""
        for variant in self.modes:
            is_open = query.has_windows and variant.endswith("-stream")
            right = self.smallest.answers[f"{query.name}-closed" if is_open else query.name]
            found = self.session.order(query.name, variant, self.smallest, verify=True)["answer"]
            answer.check(f"{self.name} ({variant})", query, found, right)

    def run(self, query: Query, size: Size) -> Run:
        return self._run(query, self.best.get(query.name) or self.choose(query), size)

    def choose(self, query: Query) -> str:
        """The faster mode, each warmed up by a run that is not counted."""
        size = self.sizes[query.spark_trial]
        for variant in self.modes:
            self._run(query, variant, size)
        rates = {variant: self._run(query, variant, size).rate for variant in self.modes}
        self.best[query.name] = max(rates, key=rates.get)
        return self.best[query.name]

    def _run(self, query: Query, variant: str, size: Size) -> Run:
        return Run(rows=size.rows, **self.session.order(query.name, variant, size, verify=False))


class Flink:
    """Flink, one process for each run. It is measured while it runs, between two counts of rows, over bids of its own number."""

    def __init__(self, variant: str, smallest: Size) -> None:
        self.name = f"Flink, {variant}"
        self.variant = variant
        self.smallest = smallest
        self.classpath = tools.flink_classpath()

    def answers(self, query: Query) -> bool:
        return self.variant in query.flinks

    def verify(self, query: Query) -> None:
        found = self._run(query, "verify", self.smallest)["answer"]
        answer.check(self.name, query, found, self.smallest.answers[query.name])

    def run(self, query: Query, size: Size) -> Run:
        """`size` is what the query's `steady` says."""
        marks = [str(query.steady.warm_rows), str(size.rows - Steady.LAST_ROWS)]
        result = self._run(query, "timed", size, *marks)
        return Run(result["measured_rows"], result["wall_seconds"], result["cpu_seconds"], result["peak_bytes"])

    def _run(self, query: Query, mode: str, size: Size, *marks: str) -> dict:
        scratch = tools.SCRATCH / "flink"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        quiet = f"-Dlog4j2.configurationFile={tools.BENCH / 'peers' / 'flink' / 'log4j2.properties'}"
        java = ["java", "-Xmx1g", "-XX:+UseParallelGC", f"-Djava.io.tmpdir={scratch}", quiet, *JAVA_OPENS]
        arguments = [query.name, self.variant, mode, str(size.directory), str(scratch), *marks]
        output, _ = child([*java, "-cp", self.classpath, "FlinkBench", *arguments], size.rows, scratch)
        return json.loads(output.splitlines()[-1])
