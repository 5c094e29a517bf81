#!/usr/bin/env python3
"""`make bench-peers`: Pelton against Spark, Flink and a hand-written native program, on this machine.

The queries of harness/queries.py over bids in CSV files, two cores, into a blackhole that reads every column. It installs and builds what
is missing, makes the data, checks every program's answers, and only then measures: in rounds that go forth and back through
the programs (A B B A), so that a busy neighbour does not favour one of them.
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
from harness.queries import FILES, QUERIES, ROWS_PER_FILE, SMALLEST, Query
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

GROUPS = ("pelton", "native", "spark", "flink")
# The sets over which Pelton and the native program are measured.
MEASURED = ("5m", "20m")


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Pelton against Spark, Flink and a native program")
    parser.add_argument("--quick", action="store_true", help="5 M rows only, three rounds, the JVM peers in one of them")
    parser.add_argument("--only", default=",".join(GROUPS), help="which of %(default)s to run")
    parser.add_argument("--queries", default=",".join(QUERIES), help="which of %(default)s to run")
    parser.add_argument("--rounds", type=int, help="rounds of Pelton and the native program (9; 3 if quick)")
    parser.add_argument("--peer-rounds", type=int, help="rounds that have Spark and Flink as well (3; 1 if quick)")
    parser.add_argument("--verify", action="store_true", help="compare the answers and end")
    options = parser.parse_args(given)
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(GROUPS):
        parser.error(f"unknown program {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    names = options.queries.split(",")
    if unknown := set(names) - QUERIES.keys():
        parser.error(f"unknown query {', '.join(sorted(unknown))}; there are {', '.join(QUERIES)}")
    options.queries = [query for name, query in QUERIES.items() if name in names]
    options.rounds = options.rounds or (3 if options.quick else 9)
    options.peer_rounds = min(options.rounds, options.peer_rounds or (1 if options.quick else 3))
    return options


def make_sizes(options: argparse.Namespace) -> tuple[dict[str, Size], dict[str, Size]]:
    """The sets that answers are compared and programs measured over, by name, and Flink's, by query."""
    steady = {query.name: query.steady for query in options.queries if "flink" in options.only and not options.verify}
    measured = MEASURED[:1] if options.quick else MEASURED
    names = [SMALLEST] if options.verify else [SMALLEST, *measured]
    counts = {name: FILES[name] for name in [*names, *(each.set for each in steady.values())]}
    bids = tools.bids(max(counts.values()), sorted(set(counts.values())))

    def size(name: str, count: int, times: int = 1) -> Size:
        # Several times over, the answers are of no use to anybody.
        answers = answer.expected(bids, count) if times == 1 else {}
        return Size(name, count * times * ROWS_PER_FILE, tools.bid_set(name, count, times), answers)

    sizes = {name: size(name, FILES[name]) for name in names}
    return sizes, {query: size(each.name, FILES[each.set], each.times) for query, each in steady.items()}


@contextmanager
def make_programs(options: argparse.Namespace, sizes: dict[str, Size]) -> Iterator[list]:
    smallest = sizes[SMALLEST]
    programs: list = []
    if "pelton" in options.only:
        programs.append(Pelton(options.queries, smallest))
    if "native" in options.only:
        programs += [Native(parser, smallest) for parser in variants(options.queries, "natives")]
    if "flink" in options.only:
        programs += [Flink(variant, smallest) for variant in variants(options.queries, "flinks")]
    session = SparkSession() if "spark" in options.only else None
    try:
        parsers = variants(options.queries, "sparks") if session else []
        yield programs + [Spark(parser, session, sizes, smallest) for parser in parsers]
    finally:
        if session:
            session.close()


def variants(queries: list[Query], of: str) -> list[str]:
    """All that one of the queries names, in their order."""
    return list(dict.fromkeys(name for query in queries for name in getattr(query, of)))


def verify(programs: list, queries: list[Query]) -> None:
    for program in programs:
        for query in filter(program.answers, queries):
            program.verify(query)
            progress(f"{program.name} answers {query.name} right")


def steps(programs: list, sizes: dict[str, Size], steady: dict[str, Size], queries: list[Query]) -> list[tuple]:
    """The runs of a round: program, query, set."""

    def sets(program: object, query: Query) -> list[Size]:
        if isinstance(program, Flink):
            return [steady[query.name]]
        names = query.spark_sizes if isinstance(program, Spark) else MEASURED
        return [sizes[name] for name in names if name in sizes]

    return [
        (program, query, size)
        for query in queries
        for program in programs
        if program.answers(query)
        for size in sets(program, query)
    ]


def measure(programs: list, sizes: dict[str, Size], steady: dict[str, Size], options: argparse.Namespace) -> Samples:
    """Rounds of all programs; the first is a warm-up of those that are not peers and is dropped."""
    samples = Samples()
    all_steps = steps(programs, sizes, steady, options.queries)
    for round_ in range(-1, options.rounds):
        with_peers = 0 <= round_ < options.peer_rounds
        due = [step for step in all_steps if with_peers or not isinstance(step[0], (Spark, Flink))]
        for program, query, size in due if round_ % 2 == 0 else reversed(due):
            run = program.run(query, size)
            shown = f"round {round_ + 1}" if round_ >= 0 else "warm-up"
            progress(f"{shown}: {query.name} {size.name} {program.name}: {run.rate / 1e6:.2f} M rows/s")
            if round_ >= 0:
                samples.add(query.name, size.name, program.name, round_, run)
    return samples


def compare(samples: Samples, options: argparse.Namespace) -> list[Row]:
    """Pelton against each, with the goals of this benchmark."""
    return [each for query in options.queries for size in MEASURED for each in compare_one(samples, query, size)]


def compare_one(samples: Samples, query: Query, size: str) -> list[Row]:
    def present(names: list[str], at: str) -> list[str]:
        return [name for name in names if samples.has(query.name, at, name)]

    def against(name: str, at: str, measure: tuple, goal: Goal | None = None, label: str = "") -> Row:
        pair = (size, Pelton.name), (at, name)
        found, peaks = samples.ratio(query.name, *pair, measure), samples.peaks(query.name, *pair)
        what = f"{query.name}, {size}: Pelton / {name}, {measure[1]}"
        return row(slug(query.name, size, label or name, measure[0]), what, "ratio", found, goal, peaks)

    if not samples.has(query.name, size, Pelton.name):
        return []
    rows, goals = [], query.goals
    for name in present([f"Spark, {parser}" for parser in query.sparks], size):
        rows.append(against(name, size, RATE, Goal(at_least=goals.spark_floor), f"floor-{name}"))
        if goals.spark is not None:
            rows.append(against(name, size, RATE, Goal(at_least=goals.spark), f"g4-{name}"))
    long = query.steady.name
    flinks = present([f"Flink, {variant}" for variant in query.flinks], long)
    for name in flinks:
        is_floor = not query.is_keyed and name == "Flink, sql"
        rows.append(against(name, long, RATE, Goal(at_least=1) if is_floor else None))
    if flinks:
        best = max(flinks, key=lambda name: samples.figure(query.name, long, name, CPU_RATE).median)
        if goals.flink_floor is not None:
            rows.append(against(best, long, CPU_RATE, Goal(at_least=goals.flink_floor), "floor-flink-best"))
        rows.append(against(best, long, CPU_RATE, Goal(at_least=goals.flink), "g5-flink-best"))
        rows.append(against(best, long, PEAK, Goal(at_most=0.25), "g5-flink-best"))
    for name in present([f"native, {parser}" for parser in query.natives], size):
        goal = Goal(at_least=0.5) if name == "native, hand" else None
        rows.append(against(name, size, CPU_RATE, goal, f"g3-{name}" if goal else name))
    return rows


def draw(samples: Samples, queries: list[Query]) -> None:
    """Pelton and the native program over the largest set that was measured; the peers over theirs."""

    def shown(query: Query) -> list[tuple[str, str]]:
        runs = [(size, program) for of, size, program in samples.runs if of == query.name]
        latest = {program: size for size, program in sorted(runs, key=lambda run: [*FILES, "100m"].index(run[0]))}
        return [(size, program) for size, program in runs if latest[program] == size]

    def groups(measure: tuple) -> dict[str, list[plot.Bar]]:
        return {
            query.name: [
                plot.Bar(f"{program}, {size}", samples.figure(query.name, size, program, measure), program == Pelton.name)
                for size, program in shown(query)
            ]
            for query in queries
        }

    measures = {"M rows/s, two cores": RATE, "M rows per CPU-second": CPU_RATE, "MiB at the peak": PEAK}
    panels = [plot.Panel(title, groups(measure)) for title, measure in measures.items()]
    plot.write(tools.RESULTS / "peers.svg", "CSV bids into a blackhole (median, least to greatest)", panels)


def progress(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


def main() -> int:
    options = arguments()
    begin = time.monotonic()
    sizes, steady = make_sizes(options)
    with make_programs(options, sizes) as programs:
        verify(programs, options.queries)
        if options.verify:
            return 0
        samples = measure(programs, sizes, steady, options)
    goals = compare(samples, options)
    write_json(tools.RESULTS / "peers.json", goals + samples.figures())
    draw(samples, options.queries)
    print(f"\n{figures_table(samples)}\n\n{goals_table(goals)}" if goals else f"\n{figures_table(samples)}")
    print(f"\n{os.cpu_count()} cores, {time.monotonic() - begin:.0f} s in all; target/bench/peers.json, peers.svg")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (answer.WrongAnswer, RunFailed, tools.SetupError) as error:
        sys.exit(f"bench-peers: {error}")
