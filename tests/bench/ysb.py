#!/usr/bin/env python3
"""`make bench-ysb`: Yahoo's streaming benchmark, from lines of JSON and from Arrow IPC, against a hand-written native program.

Events of seven text and time fields; a module keeps the views, the host joins them with a table of 1,000 advertisements in 100
campaigns and counts each campaign's in windows of 10 seconds. The events are made by Pelton's generator, the same rows in both formats.
Every program's answer is compared with that of a few lines of Python over a small set before anything is timed, and the programs'
answers with each other in every run.
Prints the figures and the goals; writes target/bench/ysb.json and target/bench/ysb.svg.
"""

import argparse
import csv
import io
import json
import random
import shutil
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

from harness import plot, tools
from harness.answer import WrongAnswer
from harness.measure import Run, RunFailed, child
from harness.programs import checkpoint, pelton_answer
from harness.report import CPU_RATE, PEAK, RATE, Goal, Row, Samples, figures_table, goals_table, row, write_json

QUERY, JSON, ARROW, NATIVE = "ysb", "Pelton, JSON", "Pelton, Arrow IPC", "native, JSON"
CAMPAIGNS, ADS_PER_CAMPAIGN = 100, 10
SMALL_ROWS, QUICK_ROWS, ROWS = 100_000, 2_000_000, 8_000_000
# 10,000 events a second of event time.
STEP = "100us"
WINDOW_SECONDS = 10


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Yahoo's streaming benchmark: Pelton against a native program")
    parser.add_argument("--quick", action="store_true", help="three rounds over 2 M events instead of nine over 8 M")
    parser.add_argument("--rounds", type=int, help="rounds (9; 3 if quick)")
    options = parser.parse_args(given)
    options.rounds = options.rounds or (3 if options.quick else 9)
    options.rows = QUICK_ROWS if options.quick else ROWS
    return options


def advertisements() -> dict[str, str]:
    """The campaign of each; names are as long as UUIDs."""
    names = random.Random(4242)

    def name() -> str:
        return f"{names.getrandbits(128):032x}-ysb"

    campaigns = [name() for _ in range(CAMPAIGNS)]
    return {name(): campaign for campaign in campaigns for _ in range(ADS_PER_CAMPAIGN)}


def make_events(binary: Path, rows: int) -> Path:
    """A directory with `ads.csv`, `events/json` and `events/arrow`; made by a job of Pelton if it is not there."""
    directory = tools.DATA / "ysb" / str(rows)
    if not directory.exists():
        ads, scratch = advertisements(), tools.DATA / "ysb" / f"{rows}.part"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        lines = [f"{ad},{campaign}\n" for ad, campaign in ads.items()]
        scratch.joinpath("ads.csv").write_text("".join(["ad_id,campaign_id\n", *lines]), encoding="ascii")
        scratch.joinpath("job.toml").write_text(events_job(list(ads), rows), encoding="ascii")
        tools.run(binary, "run", scratch / "job.toml", "--output", "json", stdout=sys.stderr)
        scratch.rename(directory)
    return directory


def events_job(ads: list[str], rows: int) -> str:
    sinks = "".join(
        f'[sink.{name}]\ninput = "events"\ntype = "file"\npath = "events/{name}"\nformat = "{name}"\n' for name in ("json", "arrow")
    )
    return f"""name = "ysb-events"
[source.events]
type = "generator"
rows = {rows}
[source.events.columns]
user_id = {{ text = {{ min = 36, max = 36 }} }}
page_id = {{ text = {{ min = 36, max = 36 }} }}
ad_id = {{ choice = {json.dumps(ads)} }}
ad_type = {{ choice = ["banner", "modal", "sponsored-search", "mail", "mobile"] }}
event_type = {{ choice = ["view", "click", "purchase"] }}
event_time = {{ time = {{ start = 2026-03-02T12:00:00Z, step = "{STEP}", jitter = "500ms" }} }}
ip_address = {{ choice = ["192.0.2.1", "192.0.2.22", "198.51.100.7", "203.0.113.201"] }}
{sinks}"""


class Pelton:
    def __init__(self, binary: Path, name: str, format: str) -> None:
        self.binary, self.name, self.format = binary, name, format

    def run(self, events: Path, rows: int, *more: str) -> tuple[dict[str, float], Run]:
        settings = [
            f'source.events.path="{events / "events" / self.format}"',
            f'source.events.format="{self.format}"',
            f'table.ads.path="{events / "ads.csv"}"',
            *checkpoint(QUERY),
            *more,
        ]
        flags = [part for setting in settings for part in ("--set", setting)]
        job = tools.BENCH / "jobs" / "ysb.toml"
        output, run = child([self.binary, "run", job, "--output", "json", *flags], rows, tools.REPOSITORY)
        return pelton_answer(output, rows), run

    def results(self, events: Path, rows: int) -> Counter:
        """The very rows that come out, in a file instead of the blackhole."""
        out = tools.SCRATCH / "pelton" / QUERY
        shutil.rmtree(out, ignore_errors=True)
        sink = {"type": '"file"', "path": f'"{out}"', "format": '"csv"', "csv": "{ header = true }"}
        self.run(events, rows, *[f"sink.out.{name}={value}" for name, value in sink.items()])
        return sum((rows_of(file.read_text(encoding="utf-8")) for file in out.glob("*.csv")), Counter())


class Native:
    name = NATIVE

    def __init__(self) -> None:
        self.binary = tools.release("pelton-bench-native")

    def run(self, events: Path, rows: int) -> tuple[dict[str, float], Run]:
        output, run = child([self.binary, QUERY, "hand", events], rows, tools.REPOSITORY)
        return json.loads(output)["answer"], run


def rows_of(text: str) -> Counter:
    """Views by campaign and start of the window."""
    return Counter({(row["campaign_id"], row["window_start"][:19]): int(row["views"]) for row in csv.DictReader(io.StringIO(text))})


def counted(events: Path) -> Counter:
    """The same, from the events."""
    with events.joinpath("ads.csv").open(encoding="ascii") as file:
        campaign_of = {row["ad_id"]: row["campaign_id"] for row in csv.DictReader(file)}
    counts: Counter = Counter()
    for path in events.joinpath("events", "json").glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            event = json.loads(line)
            if event["event_type"] == "view" and event["ad_id"] in campaign_of:
                time = datetime.fromisoformat(event["event_time"])
                start = time.replace(second=time.second - time.second % WINDOW_SECONDS)
                counts[campaign_of[event["ad_id"]], f"{start:%Y-%m-%dT%H:%M:%S}"] += 1
    return counts


def verify(programs: list, binary: Path) -> None:
    events = make_events(binary, SMALL_ROWS)
    right = counted(events)
    for program in programs:
        if isinstance(program, Pelton) and program.results(events, SMALL_ROWS) != right:
            raise WrongAnswer(f"{program.name} does not count the views right")
    agree([(program.name, program.run(events, SMALL_ROWS)[0]) for program in programs])


def agree(answers: list[tuple[str, dict[str, float]]]) -> None:
    """Every program gives the same rows and checksums."""
    (first, right), *others = answers
    for name, answer in others:
        if answer != right:
            raise WrongAnswer(f"{name} answers {answer}, but {first} {right}")


def measure(programs: list, events: Path, options: argparse.Namespace) -> Samples:
    """Rounds forth and back; one before the first is dropped."""
    samples = Samples()
    for round_ in range(-1, options.rounds):
        answers = []
        for program in programs if round_ % 2 == 0 else reversed(programs):
            answer, run = program.run(events, options.rows)
            answers.append((program.name, answer))
            print(f"  round {round_ + 1}: {program.name}: {run.rate / 1e6:.2f} M rows/s", file=sys.stderr)
            if round_ >= 0:
                samples.add(QUERY, size(options), program.name, round_, run)
        agree(answers)
    return samples


def size(options: argparse.Namespace) -> str:
    return f"{options.rows // 1_000_000}m"


def compare(samples: Samples, of: str) -> list[Row]:
    def absolute(name: str, id: str, goal: Goal) -> Row:
        what = f"{name}: rows per CPU-second"
        return row(f"ysb-{id}", what, "M rows per CPU-second", samples.figure(QUERY, of, name, CPU_RATE), goal)

    ratio = samples.ratio(QUERY, (of, JSON), (of, NATIVE), CPU_RATE)
    return [
        absolute(JSON, "g6-json", Goal(at_least=3)),
        absolute(ARROW, "g6-arrow", Goal(at_least=10)),
        row("ysb-g3-native", f"{JSON} / {NATIVE}, rows per CPU-second", "ratio", ratio, Goal(at_least=0.5)),
    ]


def draw(samples: Samples, of: str) -> None:
    names = (JSON, ARROW, NATIVE)
    panels = [
        plot.Panel(title, {QUERY: [plot.Bar(name, samples.figure(QUERY, of, name, each), name != NATIVE) for name in names]})
        for title, each in {"M rows/s, two cores": RATE, "M rows per CPU-second": CPU_RATE, "MiB at the peak": PEAK}.items()
    ]
    plot.write(tools.RESULTS / "ysb.svg", "Yahoo's streaming benchmark (median, least to greatest)", panels)


def main() -> int:
    options = arguments()
    binary = tools.pelton()
    tools.guest(QUERY, package=QUERY)
    programs = [Pelton(binary, JSON, "json"), Pelton(binary, ARROW, "arrow"), Native()]
    verify(programs, binary)
    samples = measure(programs, make_events(binary, options.rows), options)
    goals = compare(samples, size(options))
    write_json(tools.RESULTS / "ysb.json", goals + samples.figures())
    draw(samples, size(options))
    print(f"\n{figures_table(samples)}\n\n{goals_table(goals)}\n\ntarget/bench/ysb.json, ysb.svg")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (WrongAnswer, RunFailed, tools.SetupError) as error:
        sys.exit(f"bench-ysb: {error}")
