"""The events of `make bench-ysb`, and what every program must answer over them.

Called by tests/bench/ysb.py. A directory holds `ads.csv`, `events/json` and `events/arrow`: the same rows in both formats, made by a job of
Pelton. 10,000 events are one second of event time; each is up to half a second late.

Invariants: the answers come from a few lines of Python that share no code with any program; files are as old as their order, for Spark
reads them oldest first and would take the events of a file that comes too late for late ones.
"""

import csv
import json
import multiprocessing
import os
import random
import shutil
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from . import tools
from .answer import WORD

CAMPAIGNS, ADS_PER_CAMPAIGN = 100, 10
STEP_US = 100
WINDOW_MS = 10_000
# Of every program's watermark.
BOUND_MS = 1_000
# Files of JSON are small enough for two readers to share them out and for a micro-batch to take several.
ROLL = "64MiB"
OLDEST = 1_700_000_000
# Of the milliseconds in the name of a file that is read again: names have to be in the order of time.
DIGITS = 10


@dataclass
class Views:
    """Views by campaign and start of the window in milliseconds since 1970, and when the last one was."""

    counts: Counter
    latest: int

    def answer(self, is_stream: bool = False) -> dict[str, int]:
        """The numbers that Spark and Flink answer with. A stream leaves windows open that its watermark has not passed."""
        until = self.latest - BOUND_MS if is_stream else sys.maxsize
        rows = [(zlib.crc32(name.encode()), start, views) for (name, start), views in self.counts.items() if start + WINDOW_MS <= until]
        return {
            "rows": len(rows),
            "campaign": sum(campaign for campaign, _, _ in rows),
            "window_start": sum(start for _, start, _ in rows),
            "count": sum(views for _, _, views in rows),
            # It ties the columns of a row together.
            "weighted": sum(views * (campaign + start) for campaign, start, views in rows) % WORD,
        }


    def repeated(self, rows: int, times: int) -> "Views":
        """Of so many events, so many times over, each time as later ones."""
        counts: Counter = Counter()
        for later in (later_ms(rows, time) for time in range(times)):
            for (name, start), views in self.counts.items():
                counts[name, start + later] += views
        return Views(counts, self.latest + later_ms(rows, times - 1))


def later_ms(rows: int, time: int) -> int:
    """By how much events are later when they are read the `time`-th time, from 0. Whole windows."""
    later = time * rows * STEP_US // 1_000
    if later % WINDOW_MS != 0:
        raise ValueError(f"{rows} events do not fill their windows")
    return later


def advertisements() -> dict[str, str]:
    """The campaign of each; names are as long as UUIDs."""
    names = random.Random(4242)

    def name() -> str:
        return f"{names.getrandbits(128):032x}-ysb"

    campaigns = [name() for _ in range(CAMPAIGNS)]
    return {name(): campaign for campaign in campaigns for _ in range(ADS_PER_CAMPAIGN)}


def make(binary: Path, rows: int) -> Path:
    """The directory with so many events, which are made if they are not there."""
    directory = tools.DATA / "ysb-events" / str(rows)
    if not directory.exists():
        ads, scratch = advertisements(), directory.with_name(f"{rows}.part")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        lines = [f"{ad},{campaign}\n" for ad, campaign in ads.items()]
        scratch.joinpath("ads.csv").write_text("".join(["ad_id,campaign_id\n", *lines]), encoding="ascii")
        scratch.joinpath("job.toml").write_text(job(list(ads), rows), encoding="ascii")
        tools.run(binary, "run", scratch / "job.toml", "--output", "json", stdout=sys.stderr)
        for at, path in enumerate(json_files(scratch)):
            os.utime(path, (OLDEST + at, OLDEST + at))
        scratch.rename(directory)
    return directory


def job(ads: list[str], rows: int) -> str:
    sinks = "".join(
        f'[sink.{name}]\ninput = "events"\ntype = "file"\npath = "events/{name}"\nformat = "{name}"\n{more}'
        for name, more in {"json": f'roll-bytes = "{ROLL}"\n', "arrow": ""}.items()
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
event_time = {{ time = {{ start = 2026-03-02T12:00:00Z, step = "{STEP_US}us", jitter = "500ms" }} }}
ip_address = {{ choice = ["192.0.2.1", "192.0.2.22", "198.51.100.7", "203.0.113.201"] }}
{sinks}"""


def json_files(directory: Path) -> list[Path]:
    return sorted(directory.joinpath("events", "json").glob("*.jsonl"))


def repeated(directory: Path, rows: int, times: int) -> Path:
    """The JSON of `directory` so many times over, as hard links. How many milliseconds later its events are to be is in front of a
    file's name; whoever reads it has to add them (peers/flink/EventFormat.java does)."""
    if times == 1:
        return directory
    repeated = directory.with_name(f"{rows}-times-{times}")
    if not repeated.exists():
        scratch = repeated.with_name(f"{repeated.name}.part")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.joinpath("events", "json").mkdir(parents=True)
        os.link(directory / "ads.csv", scratch / "ads.csv")
        for time in range(times):
            for path in json_files(directory):
                os.link(path, scratch / "events" / "json" / f"{later_ms(rows, time):0{DIGITS}}-{path.name}")
        scratch.rename(repeated)
    return repeated


def counted(directory: Path) -> Views:
    """The right answer. In a process of its own: what this one has ever held counts as the memory of the programs that it starts."""
    with multiprocessing.Pool(1) as pool:
        return pool.apply(count, (directory,))


def count(directory: Path) -> Views:
    with directory.joinpath("ads.csv").open(encoding="ascii") as file:
        campaign_of = {row["ad_id"]: row["campaign_id"] for row in csv.DictReader(file)}
    views = Views(Counter(), 0)
    for event in events(directory):
        if event["event_type"] == "view" and event["ad_id"] in campaign_of:
            time = milliseconds(event["event_time"])
            views.counts[campaign_of[event["ad_id"]], time - time % WINDOW_MS] += 1
            views.latest = max(views.latest, time)
    return views


def events(directory: Path) -> Iterator[dict[str, str]]:
    for path in json_files(directory):
        with path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)


def milliseconds(text: str) -> int:
    """Of a time without a zone, since 1970, cut."""
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1)) // timedelta(milliseconds=1)
