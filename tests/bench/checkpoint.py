#!/usr/bin/env python3
"""`make bench-checkpoint`: what a checkpoint costs, and how soon a job that was killed has caught up.

`state`: a running aggregate over a million keys, of which a tenth change from one epoch to the next, with a checkpoint (each epoch is committed, the
state is saved every second) and without; the goal is nine tenths of the rows a second (G8). `rows`: the same of q1 and q2 of
bench-peers, which keep no state; the goal is 95 %. `recovery`: a job that reads a file which grows by 50,000 rows a second is killed with
SIGKILL and started again; the goal is that it has caught up within a second and the time that it needs for the rows that it computes again.
Prints a table; writes target/bench/checkpoint.json.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import answer, recovery, tools
from harness.marginal import check, peaks
from harness.measure import Run, RunFailed, child, figure
from harness.programs import Pelton, Size
from harness.queries import FILES, QUERIES, ROWS_PER_FILE
from harness.recovery import KEYS, Recovery
from harness.report import RATE, Goal, Row, row, rows_table, write_json

STATE_GOAL = Goal(at_least=0.9)
ROWS_GOAL = Goal(at_least=0.95)
RECOVERY_GOAL = Goal(at_most=1)
ROW_BY_ROW = ("q1", "q2")
DIRECTORY = tools.SCRATCH / "checkpoints" / "checkpoint"


@dataclass(frozen=True)
class Kept:
    """A run with a checkpoint and one without, of one round."""

    durable: Run
    plain: Run
    # How often state was saved, and the share of the keys that changed from one epoch to the next.
    snapshots: int = 0
    changed: float = 0

    @property
    def rate(self) -> float:
        return self.durable.rate / self.plain.rate

    @property
    def cpu(self) -> float:
        return self.durable.cpu_seconds / self.plain.cpu_seconds


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The cost of a checkpoint, and the time to recover")
    parser.add_argument("--quick", action="store_true", help="three rounds and kills instead of nine, state over a third of the rows")
    parser.add_argument("--only", default="state,rows,recovery", help="which of %(default)s to measure")
    parser.add_argument("--rounds", type=int, help="rounds and kills (9; 3 if quick)")
    options = parser.parse_args(given)
    options.only = options.only.split(",")
    options.rounds = options.rounds or (3 if options.quick else 9)
    options.rows = 40_000_000 if options.quick else 120_000_000
    options.files = FILES["20m"]
    return options


def tell(text: str) -> None:
    print(f"  {text}", file=sys.stderr)


def changed(summary: str) -> float:
    """The share of the keys that changed in an epoch, which are the results that left in it, but for the first."""
    found = json.loads(summary.splitlines()[-1])
    return (found["rows_out"] - KEYS) / (found["epochs"] - 1) / KEYS


def snapshots(inspected: str) -> int:
    """How often the state was saved, by what `pelton checkpoint inspect --output json` says when the job has ended: its last record
    names the files of the last snapshot, and files are numbered."""
    last = json.loads(inspected)["last"]["snapshot"]
    names = [last["engine"]["name"], *[part["name"] for each in last["operators"] for part in each["partitions"]]]
    numbers = [int(Path(name).name.split("-")[1]) for name in names]
    return (max(numbers) + 1) // len(names)


def run_state(binary: Path, rows: int, is_durable: bool) -> tuple[str, Run]:
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    durable = [f'checkpoint="{DIRECTORY}"', 'snapshots="1s"'] if is_durable else []
    settings = [part for setting in (f"source.rows.rows={rows}", *durable) for part in ("--set", setting)]
    job = tools.BENCH / "jobs" / "checkpoint.toml"
    output, found = child([binary, "run", job, "--output", "json", *settings], rows, tools.REPOSITORY)
    check(output, rows)
    return output, found


def measure_state(options: argparse.Namespace) -> list[Kept]:
    """Rounds forth and back; one before the first is dropped."""
    binary = tools.pelton()
    found = []
    for round_ in range(-1, options.rounds):
        runs, saved = {}, 0
        for is_durable in (True, False) if round_ % 2 == 0 else (False, True):
            output, runs[is_durable] = run_state(binary, options.rows, is_durable)
            if is_durable:
                command = [binary, "checkpoint", "inspect", DIRECTORY, "--output", "json"]
                saved = snapshots(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        kept = Kept(runs[True], runs[False], saved, changed(output))
        tell(f"round {round_ + 1}: {shown(kept)}, state saved {saved} times in {kept.durable.wall_seconds:.1f} s")
        if round_ >= 0:
            found.append(kept)
    return found


def measure_rows(options: argparse.Namespace) -> dict[str, list[Kept]]:
    """The same of q1 and q2, whose answers are checked each time."""
    bids = tools.bids(options.files, [options.files])
    directory = tools.bid_set("checkpoint", options.files)
    size = Size("checkpoint", options.files * ROWS_PER_FILE, directory, answer.expected(bids, options.files))
    queries = [QUERIES[name] for name in ROW_BY_ROW]
    durable, plain = Pelton(queries, size), Pelton(queries, size, is_durable=False)
    found: dict[str, list[Kept]] = {name: [] for name in ROW_BY_ROW}
    for round_ in range(-1, 3 * options.rounds):
        for query in queries:
            order = (durable, plain) if round_ % 2 == 0 else (plain, durable)
            runs = {program: program.run(query, size) for program in order}
            kept = Kept(runs[durable], runs[plain])
            tell(f"round {round_ + 1}: {query.name}: {shown(kept)}")
            if round_ >= 0:
                found[query.name].append(kept)
    return found


def shown(kept: Kept) -> str:
    rates = f"{kept.durable.rate / 1e6:.2f} of {kept.plain.rate / 1e6:.2f} M rows/s"
    return f"{rates} ({kept.rate:.2f}), {kept.cpu:.2f} times the CPU-seconds"


def compare_kept(id: str, what: str, found: Sequence[Kept], goal: Goal) -> list[Row]:
    durable, plain = [each.durable for each in found], [each.plain for each in found]
    both = peaks(durable, plain)
    return [
        row(f"{id}-with", f"{what}, with a checkpoint", RATE[1], figure([each.rate / 1e6 for each in durable]), None, peaks(durable)),
        row(f"{id}-without", f"{what}, without", RATE[1], figure([each.rate / 1e6 for each in plain]), None, peaks(plain)),
        row(f"{id}-rate", f"{what}: with / without, rows/s", "ratio", figure([each.rate for each in found]), goal, both),
        row(f"{id}-cpu", f"{what}: with / without, CPU-seconds", "ratio", figure([each.cpu for each in found]), None, both),
    ]


def compare_state(found: Sequence[Kept]) -> list[Row]:
    rows = compare_kept("checkpoint-g8", "1 M keys, a tenth change", found, STATE_GOAL)
    between = [each.durable.wall_seconds / each.snapshots for each in found]
    share = figure([each.changed for each in found])
    rows.append(row("checkpoint-g8-between", "time between two snapshots of the state", "s", figure(between)))
    rows.append(row("checkpoint-g8-changed", "keys that changed in an epoch", "share", share))
    return rows


def compare_recovery(found: Sequence[Recovery]) -> list[Row]:
    return [
        row("recovery-total", "kill -9 to caught up, 1 M keys, 50,000 rows/s", "s", figure([each.seconds for each in found])),
        row("recovery-again", "rows that were computed again", "rows", figure([each.rows_again for each in found])),
        row("recovery", "kill -9 to caught up, less those rows at full speed", "s", figure([each.beyond_replay for each in found]), RECOVERY_GOAL),
    ]


def main() -> int:
    options = arguments()
    rows = []
    if "state" in options.only:
        rows += compare_state(measure_state(options))
    if "rows" in options.only:
        for name, found in measure_rows(options).items():
            rows += compare_kept(f"checkpoint-{name}", name, found, ROWS_GOAL)
    if "recovery" in options.only:
        rows += compare_recovery(recovery.measure(tools.pelton(), options.rounds, seconds=3, tell=tell))
    write_json(tools.RESULTS / "checkpoint.json", rows)
    print(f"\n{rows_table(rows)}\n\ntarget/bench/checkpoint.json")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (answer.WrongAnswer, RunFailed, tools.SetupError) as error:
        sys.exit(f"bench-checkpoint: {error}")
