#!/usr/bin/env python3
"""`make bench-ysb`: Yahoo's streaming benchmark: Pelton, from lines of JSON and from Arrow IPC, against Spark, Flink and a native program.

Events of seven text and time fields; a module keeps the views, the host joins them with a table of 1,000 advertisements in 100
campaigns and counts each campaign's in windows of 10 seconds. The events are made by Pelton's generator, the same rows in both formats;
the peers read the JSON, all from the page cache. It installs and builds what is missing.
Every program's answer is compared with that of a few lines of Python over a million events before anything is timed; Pelton's and the
native program's are compared with each other in every run. Programs are measured in rounds that go forth and back (A B B A).
Prints the figures and the goals; writes target/bench/ysb.json and target/bench/ysb.svg.
"""

import argparse
import csv
import io
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import events, plot, tools
from harness.answer import WrongAnswer
from harness.measure import Run, RunFailed, child
from harness.programs import Flink, Size, Spark, SparkSession, checkpoint, pelton_answer
from harness.queries import Goals, Query, Steady
from harness.report import CPU_RATE, PEAK, RATE, Goal, Row, Samples, figures_table, goals_table, row, slug, write_json

JSON, ARROW, NATIVE = "Pelton, JSON", "Pelton, Arrow IPC", "native, JSON"
FORMATS = {JSON: "json", ARROW: "arrow"}
GROUPS = ("pelton", "native", "spark", "flink")
SMALLEST, SMALLEST_ROWS = "1m", 1_000_000
ROWS, QUICK_ROWS = 8_000_000, 2_000_000
# Flink reads the events again and again, each time as later ones, until so many have gone by: its compiler needs some seconds.
FLINK_ROWS, QUICK_FLINK_ROWS = 32_000_000, 16_000_000
WARM_SHARE = 5 / 8


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Yahoo's streaming benchmark: Pelton against Spark, Flink and a native program")
    parser.add_argument("--quick", action="store_true", help="three rounds over 2 M events instead of nine over 8 M, the JVM peers in one of them")
    parser.add_argument("--only", default=",".join(GROUPS), help="which of %(default)s to run")
    parser.add_argument("--rounds", type=int, help="rounds of Pelton and the native program (9; 3 if quick)")
    parser.add_argument("--peer-rounds", type=int, help="rounds that have Spark and Flink as well (3; 1 if quick)")
    parser.add_argument("--verify", action="store_true", help="compare the answers and end")
    options = parser.parse_args(given)
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(GROUPS):
        parser.error(f"unknown program {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    options.rounds = options.rounds or (3 if options.quick else 9)
    options.peer_rounds = min(options.rounds, options.peer_rounds or (1 if options.quick else 3))
    options.rows = QUICK_ROWS if options.quick else ROWS
    options.times = (QUICK_FLINK_ROWS if options.quick else FLINK_ROWS) // options.rows
    return options


def query_of(options: argparse.Namespace) -> Query:
    """What the harness has to know of the query to run Spark and Flink."""
    size = millions(options.rows)
    return Query(
        "ysb",
        ("campaign", "window_start", "count"),
        guests=("ysb",),
        natives=("hand",),
        sparks=("json", "from_json", "get_json", "text"),
        spark_sizes=(size,),
        spark_trial=SMALLEST,
        flinks=("text", "bytes", "combined"),
        steady=Steady(size, options.times, warm_rows=int(options.rows * options.times * WARM_SHARE)),
        goals=Goals(spark_floor=40, spark=None, flink_floor=2, flink=5),
        has_windows=True,
    )


def millions(rows: int) -> str:
    return f"{rows // 1_000_000}m"


class Agreed:
    """The answers of measured runs: the same of every program each time."""

    def __init__(self) -> None:
        self.first: dict[str, tuple[str, dict[str, float]]] = {}

    def check(self, program: str, size: Size, found: dict[str, float]) -> None:
        name, right = self.first.setdefault(size.name, (program, found))
        if found != right:
            raise WrongAnswer(f"{program} answers {found}, but {name} {right}")


class Pelton:
    def __init__(self, binary: Path, name: str, agreed: Agreed, smallest: Size, right: Counter) -> None:
        self.binary, self.name, self.agreed, self.smallest, self.right = binary, name, agreed, smallest, right

    def verify(self, query: Query) -> None:
        """The very rows that come out, in a file instead of the blackhole."""
        out = tools.SCRATCH / "pelton" / query.name
        shutil.rmtree(out, ignore_errors=True)
        sink = {"type": '"file"', "path": f'"{out}"', "format": '"csv"', "csv": "{ header = true }"}
        self._run(query, self.smallest, *[f"sink.out.{name}={value}" for name, value in sink.items()])
        if sum((rows_of(file.read_text(encoding="utf-8")) for file in out.glob("*.csv")), Counter()) != self.right:
            raise WrongAnswer(f"{self.name} does not count the views right")
        self.run(query, self.smallest)

    def run(self, query: Query, size: Size) -> Run:
        found, run = self._run(query, size)
        self.agreed.check(self.name, size, found)
        return run

    def _run(self, query: Query, size: Size, *more: str) -> tuple[dict[str, float], Run]:
        settings = [
            f'source.events.path="{size.directory / "events" / FORMATS[self.name]}"',
            f'source.events.format="{FORMATS[self.name]}"',
            f'table.ads.path="{size.directory / "ads.csv"}"',
            *checkpoint(query.name),
            *more,
        ]
        flags = [part for setting in settings for part in ("--set", setting)]
        job = tools.BENCH / "jobs" / f"{query.name}.toml"
        output, run = child([self.binary, "run", job, "--output", "json", *flags], size.rows, tools.REPOSITORY)
        return pelton_answer(output, size.rows), run


class Native:
    """The hand-written program, one thread. Its answer is compared with Pelton's, whose rows are compared with the right ones."""

    name = NATIVE

    def __init__(self, agreed: Agreed, smallest: Size) -> None:
        self.agreed, self.smallest = agreed, smallest
        self.binary = tools.release("pelton-bench-native")

    def verify(self, query: Query) -> None:
        self.run(query, self.smallest)

    def run(self, query: Query, size: Size) -> Run:
        output, run = child([self.binary, query.name, *query.natives, size.directory], size.rows, tools.REPOSITORY)
        report = json.loads(output)
        self.agreed.check(self.name, size, report["answer"])
        # The program's own figure: a child's may be that of the process that started it, which is larger.
        return Run(run.rows, run.wall_seconds, run.cpu_seconds, report["peak_bytes"])


def rows_of(text: str) -> Counter:
    """Views by campaign and start of the window in milliseconds since 1970, from CSV with a header."""
    rows = csv.DictReader(io.StringIO(text))
    return Counter({(row["campaign_id"], events.milliseconds(row["window_start"])): int(row["views"]) for row in rows})


@contextmanager
def make_programs(options: argparse.Namespace, query: Query, binary: Path, smallest: Size, views: events.Views) -> Iterator[list]:
    agreed, programs = Agreed(), []
    if "pelton" in options.only:
        tools.guest(query.name, package="ysb")
        programs += [Pelton(binary, name, agreed, smallest, views.counts) for name in FORMATS]
    if "native" in options.only:
        programs.append(Native(agreed, smallest))
    if "flink" in options.only:
        programs += [Flink(variant, twice(query, smallest, views)) for variant in query.flinks]
    session = SparkSession() if "spark" in options.only else None
    try:
        sparks = query.sparks if session else ()
        yield programs + [Spark(parser, session, {SMALLEST: smallest}, smallest) for parser in sparks]
    finally:
        if session:
            session.close()


def twice(query: Query, size: Size, views: events.Views) -> Size:
    """The events read again as later ones, as Flink is measured over them."""
    answers = {query.name: views.repeated(size.rows, times=2).answer()}
    return Size(millions(2 * size.rows), 2 * size.rows, events.repeated(size.directory, size.rows, times=2), answers)


def measure(programs: list, query: Query, own: Size, long: Size, options: argparse.Namespace) -> Samples:
    """Rounds forth and back; one before the first, of those that are not peers, is dropped. `long` is what Flink reads."""
    samples = Samples()
    for round_ in range(-1, options.rounds):
        with_peers = 0 <= round_ < options.peer_rounds
        due = [program for program in programs if with_peers or not isinstance(program, (Spark, Flink))]
        for program in due if round_ % 2 == 0 else reversed(due):
            size = long if isinstance(program, Flink) else own
            run = program.run(query, size)
            progress(f"round {round_ + 1}: {program.name}: {run.rate / 1e6:.2f} M rows/s")
            if round_ >= 0:
                samples.add(query.name, size.name, program.name, round_, run)
    return samples


def compare(samples: Samples, query: Query, own: str, long: str) -> list[Row]:
    """Pelton against the goals, and over JSON against each program. `own` and `long` name the sizes."""

    def has(name: str, size: str) -> bool:
        return samples.has(query.name, size, name)

    def absolute(name: str, id: str, goal: Goal) -> Row:
        what = f"ysb, {own}: {name}, rows per CPU-second"
        figure, peaks = samples.figure(query.name, own, name, CPU_RATE), samples.peaks(query.name, (own, name))
        return row(f"ysb-{id}", what, "M rows per CPU-second", figure, goal, peaks)

    def against(name: str, size: str, measure: tuple, id: str, goal: Goal | None = None) -> Row:
        one, other = (own, JSON), (size, name)
        what = f"ysb, {own}: {JSON} / {name}, {measure[1]}"
        ratio, peaks = samples.ratio(query.name, one, other, measure), samples.peaks(query.name, one, other)
        return row(slug("ysb", id, measure[0]), what, "ratio", ratio, goal, peaks)

    def best(names: list[str], size: str, measure: tuple) -> str:
        return max(names, key=lambda name: samples.figure(query.name, size, name, measure).median)

    rows = [
        absolute(name, id, Goal(at_least=least))
        for name, id, least in ((JSON, "g6-json", 3), (ARROW, "g6-arrow", 10))
        if has(name, own)
    ]
    if not has(JSON, own):
        return rows
    if has(NATIVE, own):
        rows.append(against(NATIVE, own, CPU_RATE, "g3-native", Goal(at_least=0.5)))
    sparks = [name for name in (f"Spark, {parser}" for parser in query.sparks) if has(name, own)]
    rows += [against(name, own, RATE, name) for name in sparks]
    if sparks:
        rows.append(against(best(sparks, own, RATE), own, RATE, "floor-spark-best", Goal(at_least=query.goals.spark_floor)))
    flinks = [name for name in (f"Flink, {variant}" for variant in query.flinks) if has(name, long)]
    rows += [against(name, long, RATE, name) for name in flinks]
    if flinks:
        name = best(flinks, long, CPU_RATE)
        rows.append(against(name, long, CPU_RATE, "floor-flink-best", Goal(at_least=query.goals.flink_floor)))
        rows.append(against(name, long, CPU_RATE, "g5-flink-best", Goal(at_least=query.goals.flink)))
        rows.append(against(name, long, PEAK, "g5-flink-best", Goal(at_most=0.25)))
    return rows


def draw(samples: Samples) -> None:
    def bars(measure: tuple) -> list[plot.Bar]:
        return [
            plot.Bar(program, samples.figure(query, size, program, measure), program in FORMATS)
            for query, size, program in samples.runs
        ]

    panels = [
        plot.Panel(title, {"ysb": bars(measure)})
        for title, measure in {"M rows/s, two cores": RATE, "M rows per CPU-second": CPU_RATE, "MiB at the peak": PEAK}.items()
    ]
    plot.write(tools.RESULTS / "ysb.svg", "Yahoo's streaming benchmark (median, least to greatest)", panels)


def progress(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


def main() -> int:
    options = arguments()
    begin = time.monotonic()
    query, binary = query_of(options), tools.pelton()
    directory = events.make(binary, SMALLEST_ROWS)
    views = events.counted(directory)
    answers = {query.name: views.answer(), f"{query.name}-closed": views.answer(is_stream=True)}
    smallest = Size(SMALLEST, SMALLEST_ROWS, directory, answers)
    with make_programs(options, query, binary, smallest, views) as programs:
        for program in programs:
            program.verify(query)
            progress(f"{program.name} answers right")
        if options.verify:
            return 0
        directory, rows = events.make(binary, options.rows), options.rows * options.times
        own = Size(millions(options.rows), options.rows, directory, {})
        long = Size(millions(rows), rows, directory, {})
        if "flink" in options.only:
            long = Size(long.name, rows, events.repeated(directory, options.rows, options.times), {})
        samples = measure(programs, query, own, long, options)
    goals = compare(samples, query, own.name, long.name)
    write_json(tools.RESULTS / "ysb.json", goals + samples.figures())
    draw(samples)
    print(f"\n{figures_table(samples)}\n\n{goals_table(goals)}" if goals else f"\n{figures_table(samples)}")
    print(f"\n{os.cpu_count()} cores, {time.monotonic() - begin:.0f} s in all; target/bench/ysb.json, ysb.svg")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (WrongAnswer, RunFailed, tools.SetupError) as error:
        sys.exit(f"bench-ysb: {error}")
