#!/usr/bin/env python3
"""`make bench-peers`: Pelton against Spark, Flink and a hand-written native program, on this machine.

q1 (project a price) and q2 (filter) over 5 M and 20 M bids in CSV files, two cores, into a blackhole that reads every
column. It installs and builds what is missing, makes the data, checks every program's answers, and only then measures: in
rounds that go forth and back through the programs (A B B A), so that a busy neighbour does not favour one of them.
Prints the figures and the goals; writes target/bench/peers.json and target/bench/peers.svg.

tests/bench/README.md says how each program is measured.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from harness import answer, plot, tools
from harness.measure import RunFailed
from harness.programs import Flink, Native, Pelton, Size, Spark, SparkSession
from harness.report import (
    CPU_RATE,
    PEAK,
    RATE,
    Goal,
    Row,
    Samples,
    figures_table,
    goals_table,
    row,
    slug,
    write_json,
)

QUERIES = ("q1", "q2")
FILES = {"5m": 20, "20m": 80}
ROWS_PER_FILE = 250_000
# Flink reads the 20 M rows five times over: 60 M to get warm, then what is measured.
LONG, LONG_TIMES = "100m", 5
GROUPS = ("pelton", "native", "spark", "flink")
SPARK_PARSERS = ("csv", "text")
FLINK_VARIANTS = ("sql", "text", "bytes")
NATIVE_PARSERS = ("hand", "csv-core")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Pelton against Spark, Flink and a native program, on q1 and q2")
    parser.add_argument("--quick", action="store_true", help="5 M rows only, three rounds, the JVM peers in one of them")
    parser.add_argument("--only", default=",".join(GROUPS), help="which of %(default)s to run")
    parser.add_argument("--rounds", type=int, help="rounds of Pelton and the native program (9; 3 if quick)")
    parser.add_argument("--peer-rounds", type=int, help="rounds that have Spark and Flink as well (3; 1 if quick)")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(GROUPS):
        parser.error(f"unknown program {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    options.rounds = options.rounds or (3 if options.quick else 9)
    options.peer_rounds = min(options.rounds, options.peer_rounds or (1 if options.quick else 3))
    return options


def make_sizes(options: argparse.Namespace) -> tuple[list[Size], Size]:
    """The sets to run over, the smallest first, and the long one for Flink."""
    files = {name: count for name, count in FILES.items() if name == "5m" or not options.quick}
    most = max(FILES.values()) if "flink" in options.only else max(files.values())
    bids = tools.bids(most)

    def size(name: str, count: int, times: int = 1) -> Size:
        answers = {query: answer.expected(bids, count, query) for query in QUERIES}
        return Size(name, count * times * ROWS_PER_FILE, tools.bid_set(name, count, times), answers)

    long = size(LONG, most, LONG_TIMES if "flink" in options.only else 1)
    return [size(name, count) for name, count in files.items()], long


@contextmanager
def make_programs(options: argparse.Namespace, smallest: Size, long: Size) -> Iterator[list]:
    programs: list = []
    if "pelton" in options.only:
        programs.append(Pelton(smallest))
    if "native" in options.only:
        programs += [Native(parser, smallest) for parser in NATIVE_PARSERS]
    if "flink" in options.only:
        programs += [Flink(variant, smallest, long) for variant in FLINK_VARIANTS]
    session = SparkSession() if "spark" in options.only else None
    try:
        yield programs + ([Spark(parser, session, smallest) for parser in SPARK_PARSERS] if session else [])
    finally:
        if session:
            session.close()


def verify(programs: list, smallest: Size) -> None:
    for program in programs:
        for query in QUERIES:
            answer.check(program.name, program.verify(query), smallest.answers[query])
            progress(f"{program.name} answers {query} right")


def measure(programs: list, sizes: list[Size], options: argparse.Namespace) -> Samples:
    """Rounds of all programs; the first is a warm-up of those that are not peers and is dropped."""
    samples = Samples()
    for round_ in range(-1, options.rounds):
        with_peers = 0 <= round_ < options.peer_rounds
        steps = [
            (program, query, size)
            for query in QUERIES
            for size in sizes
            for program in programs
            if with_peers or not isinstance(program, (Spark, Flink))
            # Flink's rows are its own, so that one run of a round is enough.
            if size is sizes[-1] or not isinstance(program, Flink)
        ]
        for program, query, size in steps if round_ % 2 == 0 else reversed(steps):
            name = LONG if isinstance(program, Flink) else size.name
            run = program.run(query, size)
            shown = f"round {round_ + 1}" if round_ >= 0 else "warm-up"
            progress(f"{shown}: {query} {name} {program.name}: {run.rate / 1e6:.2f} M rows/s")
            if round_ >= 0:
                samples.add(query, name, program.name, round_, run)
    return samples


def compare(samples: Samples, sizes: list[Size]) -> list[Row]:
    """Pelton against each, with the goals of this benchmark."""
    return [each for query in QUERIES for size in sizes for each in compare_one(samples, query, size.name)]


def compare_one(samples: Samples, query: str, size: str) -> list[Row]:
    def present(names: list[str], at: str) -> list[str]:
        return [name for name in names if samples.has(query, at, name)]

    def against(name: str, at: str, measure: tuple, goal: Goal | None = None, label: str = "") -> Row:
        found = samples.ratio(query, (size, Pelton.name), (at, name), measure)
        what = f"{query}, {size}: Pelton / {name}, {measure[1]}"
        return row(slug(query, size, label or name, measure[0]), what, "ratio", found, goal)

    if not samples.has(query, size, Pelton.name):
        return []
    rows = []
    for name in present([f"Spark, {parser}" for parser in SPARK_PARSERS], size):
        rows.append(against(name, size, RATE, Goal(at_least=10), f"floor-{name}"))
        rows.append(against(name, size, RATE, Goal(at_least=20), f"g4-{name}"))
    flinks = present([f"Flink, {variant}" for variant in FLINK_VARIANTS], LONG)
    for name in flinks:
        rows.append(against(name, LONG, RATE, Goal(at_least=1) if name == "Flink, sql" else None))
    if flinks:
        best = max(flinks, key=lambda name: samples.figure(query, LONG, name, CPU_RATE).median)
        rows.append(against(best, LONG, CPU_RATE, Goal(at_least=1.2), "g5-flink-best"))
        rows.append(against(best, LONG, PEAK, Goal(at_most=0.25), "g5-flink-best"))
    for name in present([f"native, {parser}" for parser in NATIVE_PARSERS], size):
        goal = Goal(at_least=0.5) if name == "native, hand" else None
        rows.append(against(name, size, CPU_RATE, goal, f"g3-{name}" if goal else name))
    return rows


def draw(samples: Samples, size: str) -> None:
    def groups(measure: tuple) -> dict[str, list[plot.Bar]]:
        return {
            f"{query}, {size} bids": [
                plot.Bar(program, samples.figure(of, at, program, measure), program == Pelton.name)
                for of, at, program in samples.runs
                if of == query and at in (size, LONG)
            ]
            for query in QUERIES
        }

    panels = [plot.Panel("M rows/s, two cores", groups(RATE)), plot.Panel("M rows per CPU-second", groups(CPU_RATE))]
    plot.write(tools.RESULTS / "peers.svg", "CSV bids into a blackhole (median, least to greatest)", panels)


def progress(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


def main() -> int:
    options = arguments()
    begin = time.monotonic()
    sizes, long = make_sizes(options)
    with make_programs(options, sizes[0], long) as programs:
        verify(programs, sizes[0])
        samples = measure(programs, sizes, options)
    goals = compare(samples, sizes)
    write_json(tools.RESULTS / "peers.json", goals + samples.figures())
    draw(samples, sizes[-1].name)
    print(f"\n{figures_table(samples)}\n\n{goals_table(goals)}" if goals else f"\n{figures_table(samples)}")
    print(f"\n{os.cpu_count()} cores, {time.monotonic() - begin:.0f} s in all; target/bench/peers.json, peers.svg")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (answer.WrongAnswer, RunFailed, tools.SetupError) as error:
        sys.exit(f"bench-peers: {error}")
