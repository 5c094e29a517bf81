#!/usr/bin/env python3
"""`make bench-windows`: what a row costs in sliding windows of 10 to 3,600 panes.

Panes are a second long, of 1,000 rows and 100 keys; every second each key's window is emitted. A window of n panes that was computed
from its panes would cost n merges for each key and second; the goal is that the cost stays within 20 % of that of 10
panes. The rows between the two measured numbers are a multiple of every window's length, so that each pays for whole turns.
Prints a table; writes target/bench/windows.json and target/bench/windows.svg.
"""

import argparse
import sys

from harness import plot, tools
from harness.marginal import Case, Cost, cost, peak, peaks
from harness.measure import RunFailed, figure
from harness.report import PEAK, Goal, Row, row, rows_table, write_json

PANES = (10, 60, 360, 3_600)
ROWS_PER_PANE = 1_000
# As many as the longest window has panes.
TURN = max(PANES) * ROWS_PER_PANE
GOAL = Goal(at_most=1.2)


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The cost of sliding windows by their number of panes")
    parser.add_argument("--quick", action="store_true", help="three rounds of 7.2 M rows instead of nine of 14.4 M")
    parser.add_argument("--rounds", type=int, help="rounds (9; 3 if quick)")
    options = parser.parse_args(given)
    options.rounds = options.rounds or (3 if options.quick else 9)
    options.turns = 1 if options.quick else 3
    return options


def case(panes: int) -> Case:
    return Case(f"{panes} panes", "windows", (f'operator.totals.window.length="{panes}s"',))


def measure(options: argparse.Namespace) -> dict[int, list[Cost]]:
    """Rounds forth and back; one before the first is dropped."""
    binary = tools.pelton()
    costs: dict[int, list[Cost]] = {panes: [] for panes in PANES}
    for round_ in range(-1, options.rounds):
        for panes in PANES if round_ % 2 == 0 else reversed(PANES):
            found = cost(binary, case(panes), TURN, TURN * (1 + options.turns))
            print(f"  round {round_ + 1}: {panes} panes: {found.cpu_seconds:.3f} CPU-seconds per M rows", file=sys.stderr)
            if round_ >= 0:
                costs[panes].append(found)
    return costs


def compare(costs: dict[int, list[Cost]]) -> list[Row]:
    rows = []
    for panes, found in costs.items():
        name, cpu = f"windows-{panes}", figure([each.cpu_seconds for each in found])
        rows.append(row(f"{name}-cpu", f"{panes} panes", "CPU-seconds per M rows", cpu, None, peaks(found)))
        rows.append(row(f"{name}-peak", f"{panes} panes", PEAK[1], peak(found), None, peaks(found)))
    fewest = costs[min(costs)]
    for panes, found in costs.items():
        if panes != min(costs):
            ratios = [each.cpu_seconds / of.cpu_seconds for each, of in zip(found, fewest)]
            what = f"{panes} panes / {min(costs)} panes, CPU-seconds a row"
            rows.append(row(f"windows-{panes}-flat", what, "ratio", figure(ratios), GOAL, peaks(found, fewest)))
    return rows


def draw(costs: dict[int, list[Cost]]) -> None:
    def bars(values: str, unit: float) -> list[plot.Bar]:
        return [
            plot.Bar(f"{panes} panes", figure([getattr(each, values) / unit for each in found]), False)
            for panes, found in costs.items()
        ]

    panels = [
        plot.Panel("CPU-seconds per M rows", {"sliding": bars("cpu_seconds", 1)}),
        plot.Panel("MiB at the peak", {"sliding": bars("peak_bytes", 1 << 20)}),
    ]
    plot.write(tools.RESULTS / "windows.svg", "Sliding windows, 100 keys, 1,000 rows a pane", panels)


def main() -> int:
    costs = measure(arguments())
    rows = compare(costs)
    write_json(tools.RESULTS / "windows.json", rows)
    draw(costs)
    print(f"\n{rows_table(rows)}\n\ntarget/bench/windows.json, windows.svg")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RunFailed, tools.SetupError) as error:
        sys.exit(f"bench-windows: {error}")
