#!/usr/bin/env python3
"""`make bench-keyed`: what a row costs by the number of keys, and what a second core is worth.

Two jobs by key over made-up rows, keys uniform or after Zipf: an aggregate (count and sum) and a keyed operator with a state row for each
key (the first row of each passes). From the cost of a row is taken what making it costs. The goal is that 10 million keys cost at most
three times as much a row as a thousand. Then the queries `run`, `q7` and `q5` of bench-peers over CSV bids, with one compute thread and
with two: the goal is 1.8 times the rows a second.
Prints a table; writes target/bench/keyed.json and target/bench/keyed.svg.
"""

import argparse
import sys

from harness import answer, plot, tools
from harness.marginal import Case, Cost, cost, peak, peaks, positive
from harness.measure import Run, RunFailed, figure
from harness.programs import Pelton, Size
from harness.queries import FILES, QUERIES, ROWS_PER_FILE
from harness.report import PEAK, RATE, Goal, Row, row, rows_table, write_json

KEYS = {"1 K": 1_000, "10 K": 10_000, "100 K": 100_000, "1 M": 1_000_000, "10 M": 10_000_000}
JOBS = {"aggregate": "keys-aggregate", "operator": "keys-operator"}
RULES = {
    "uniform": "{{ uniform = {{ min = 1, max = {} }} }}",
    "zipf": "{{ zipf = {{ n = {}, s = 1.0 }} }}",
}
SCALED = ("run", "q7", "q5")
KEYS_GOAL = Goal(at_most=3)
CORES_GOAL = Goal(at_least=1.8)


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The cost of keys, and the worth of a second core")
    parser.add_argument("--quick", action="store_true", help="one round over 28 M rows instead of five over 60 M, of the least and the most keys")
    parser.add_argument("--only", default="keys,cores", help="which of %(default)s to measure")
    parser.add_argument("--rounds", type=int, help="rounds (5; 1 if quick) of keys, three times as many of cores")
    options = parser.parse_args(given)
    options.only = options.only.split(",")
    options.rounds = options.rounds or (1 if options.quick else 5)
    # Most of ten million keys are there after the first of them: what is measured is the state's upkeep, not its growth.
    options.rows = (20_000_000, 28_000_000 if options.quick else 60_000_000)
    options.keys = ["1 K", "10 M"] if options.quick else list(KEYS)
    return options


def case(job: str, rule: str, keys: str) -> Case:
    return Case(f"{job}, {rule}, {keys} keys", job, (f"source.rows.columns.key={RULES[rule].format(KEYS[keys])}",))


def measure_keys(options: argparse.Namespace) -> dict[tuple[str, str, str], list[Cost]]:
    """Rounds forth and back, without what making the rows costs."""
    binary = tools.pelton()
    cases = [(name, rule, keys) for rule in RULES for name in JOBS for keys in options.keys]
    costs: dict[tuple[str, str, str], list[Cost]] = {each: [] for each in cases}
    for round_ in range(options.rounds):
        rows_alone = {
            (rule, keys): cost(binary, case("keys-none", rule, keys), *options.rows).cpu_seconds
            for rule in RULES
            for keys in options.keys
        }
        for name, rule, keys in cases if round_ % 2 == 0 else reversed(cases):
            found = cost(binary, case(JOBS[name], rule, keys), *options.rows)
            own = Cost(positive(found.cpu_seconds - rows_alone[rule, keys]), found.peak_bytes)
            print(f"  round {round_ + 1}: {name}, {rule}, {keys}: {own.cpu_seconds:.3f} CPU-seconds per M rows", file=sys.stderr)
            costs[name, rule, keys].append(own)
    return costs


def compare_keys(costs: dict[tuple[str, str, str], list[Cost]]) -> list[Row]:
    rows = []
    for (name, rule, keys), found in costs.items():
        id, what = f"keys-{name}-{rule}-{keys.replace(' ', '').lower()}", f"{name}, {rule}, {keys} keys"
        cpu = figure([each.cpu_seconds for each in found])
        rows.append(row(f"{id}-cpu", what, "CPU-seconds per M rows", cpu, None, peaks(found)))
        rows.append(row(f"{id}-peak", what, PEAK[1], peak(found), None, peaks(found)))
    for name, rule in dict.fromkeys((name, rule) for name, rule, _ in costs):
        most, least = costs[name, rule, "10 M"], costs[name, rule, "1 K"]
        ratios = [one.cpu_seconds / other.cpu_seconds for one, other in zip(most, least)]
        what = f"{name}, {rule}: 10 M keys / 1 K keys, CPU-seconds a row"
        rows.append(row(f"keys-{name}-{rule}", what, "ratio", figure(ratios), KEYS_GOAL, peaks(most, least)))
    return rows


def measure_cores(options: argparse.Namespace) -> dict[str, list[tuple[Run, Run]]]:
    """For each query, a run with one compute thread and one with two, round by round; one before the first is dropped."""
    count = FILES["20m"]
    bids = tools.bids(count, [count])
    size = Size("20m", count * ROWS_PER_FILE, tools.bid_set("20m", count), answer.expected(bids, count))
    pelton = Pelton([QUERIES[name] for name in SCALED], size)
    runs: dict[str, list[tuple[Run, Run]]] = {name: [] for name in SCALED}
    for round_ in range(-1, 3 * options.rounds):
        for name in SCALED:
            threads = (1, 2) if round_ % 2 == 0 else (2, 1)
            found = {count: pelton.run(QUERIES[name], size, f"threads={count}") for count in threads}
            print(f"  round {round_ + 1}: {name}: {found[1].rate / 1e6:.2f}, {found[2].rate / 1e6:.2f} M rows/s", file=sys.stderr)
            if round_ >= 0:
                runs[name].append((found[1], found[2]))
    return runs


def compare_cores(runs: dict[str, list[tuple[Run, Run]]]) -> list[Row]:
    rows = []
    for name, found in runs.items():
        ones, twos = zip(*found)
        for threads, of in ((1, ones), (2, twos)):
            id, what = f"cores-{name}-{threads}", f"{name}, {threads} compute threads"
            rate = figure([each.rate / 1e6 for each in of])
            rows.append(row(id, what, RATE[1], rate, None, peaks(of)))
            rows.append(row(f"{id}-peak", what, PEAK[1], peak(of), None, peaks(of)))
        ratio = figure([two.rate / one.rate for one, two in found])
        rows.append(row(f"cores-{name}", f"{name}: two compute threads / one, rows/s", "ratio", ratio, CORES_GOAL, peaks(twos, ones)))
    return rows


def draw(costs: dict[tuple[str, str, str], list[Cost]]) -> None:
    def groups(value: str, unit: float) -> dict[str, list[plot.Bar]]:
        found: dict[str, list[plot.Bar]] = {}
        for (name, rule, keys), runs in costs.items():
            values = figure([getattr(each, value) / unit for each in runs])
            found.setdefault(f"{name}, {rule}", []).append(plot.Bar(f"{keys} keys", values, False))
        return found

    panels = [
        plot.Panel("CPU-seconds per M rows", groups("cpu_seconds", 1)),
        plot.Panel("MiB at the peak", groups("peak_bytes", 1 << 20)),
    ]
    plot.write(tools.RESULTS / "keyed.svg", "A row by the number of keys", panels)


def main() -> int:
    options = arguments()
    rows = []
    if "keys" in options.only:
        costs = measure_keys(options)
        rows += compare_keys(costs)
        draw(costs)
    if "cores" in options.only:
        rows += compare_cores(measure_cores(options))
    write_json(tools.RESULTS / "keyed.json", rows)
    print(f"\n{rows_table(rows)}\n\ntarget/bench/keyed.json, keyed.svg")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (answer.WrongAnswer, RunFailed, tools.SetupError) as error:
        sys.exit(f"bench-keyed: {error}")
