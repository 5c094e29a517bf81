"""Runs each Nexmark job by the real binary and compares its rows with DuckDB's: python3 -m unittest discover -s tests/nexmark.

Everything is put together in TARGET/nexmark, jobs, modules and data side by side, so that a job can be run there by hand. The binary
is $PELTON_BIN, or the one that `make build` leaves; the modules are those of `make guests`. DuckDB comes from PyPI, once.

What a job writes is compared as a set in which rows may occur several times: as numbers, times and text, in any order.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
import unittest
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import generate

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
TARGET = REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target")
BINARY = REPOSITORY / os.environ.get("PELTON_BIN", TARGET / "release" / "pelton")
MODULES = TARGET / "wasm32-unknown-unknown" / "guest" / "examples"
WORK = TARGET / "nexmark"
ANSWERS = WORK / "answers"

DUCKDB = "duckdb==1.4.4"
THREADS = ("1", "2")
QUERIES = sorted((job.stem for job in HERE.glob("q*.toml")), key=lambda name: int(name[1:]))

# These emit a row each time that an epoch has changed it: of the rows with the same values here, the last one counts.
UPDATED_BY = {
    "q15": ("day",),
    "q16": ("channel", "day"),
    "q17": ("auction", "day"),
    "q18": ("bidder", "auction"),
    "q19": ("auction", "rank"),
}
PROCESSING_WINDOW = timedelta(seconds=10)
EPOCH = datetime(1970, 1, 1)

NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?")

Value = Decimal | datetime | str
Row = dict[str, Value]


def value(text: str) -> Value:
    """A field of either program: they write fractions and times differently."""
    if NUMBER.fullmatch(text):
        return Decimal(text)
    if time := TIME.fullmatch(text):
        day, clock, fraction = time.groups(default="0")
        return datetime.fromisoformat(f"{day}T{clock}.{fraction:0<6}")
    return text


def read(files: Iterable[Path]) -> list[Row]:
    rows: list[Row] = []
    for path in files:
        with path.open(encoding="utf-8", newline="") as file:
            rows += [{name: value(text) for name, text in row.items()} for row in csv.DictReader(file, strict=True)]
    return rows


def last(rows: list[Row], columns: Iterable[str]) -> list[Row]:
    return list({tuple(row[column] for column in columns): row for row in rows}.values())


def summed(windows: list[Row]) -> list[Row]:
    """The bids of each bidder over all processing-time windows; when a row comes, and so in which it is, differs from run to run."""
    bids: Counter[Value] = Counter()
    for window in windows:
        start, end = window["window_start"], window["window_end"]
        if end - start != PROCESSING_WINDOW or (start - EPOCH) % PROCESSING_WINDOW:
            raise AssertionError(f"this is no window of {PROCESSING_WINDOW}: {window}")
        bids[window["bidder"]] += window["bid_count"]
    if len({(window["bidder"], window["window_start"]) for window in windows}) != len(windows):
        raise AssertionError("a bidder has a window twice")
    return [{"bidder": bidder, "bid_count": count} for bidder, count in bids.items()]


def settled(query: str, rows: list[Row]) -> list[Row]:
    """What the rows that a job wrote say in the end."""
    if query == "q12":
        return summed(rows)
    columns = UPDATED_BY.get(query)
    return last(rows, columns) if columns else rows


def differences(got: list[Row], want: list[Row]) -> str:
    """Empty if they are the same rows."""
    got_rows, want_rows = (Counter(tuple(row.items()) for row in rows) for rows in (got, want))
    missing, extra = want_rows - got_rows, got_rows - want_rows
    if not missing and not extra:
        return ""
    lines = [f"{len(got)} rows instead of {len(want)}; {missing.total()} are missing, {extra.total()} should not be there"]
    for word, rows in (("missing", missing), ("extra", extra)):
        lines += [f"  {word} {', '.join(f'{name}={field}' for name, field in row)}" for row in sorted(rows, key=str)[:5]]
    return "\n".join(lines)


def python() -> Path:
    """An interpreter that has DuckDB."""
    venv = WORK / DUCKDB
    interpreter = venv / "bin" / "python"
    if not interpreter.exists():
        print(f"  getting {DUCKDB} from PyPI", file=sys.stderr)
        unfinished = WORK / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", unfinished], check=True)
        pip = [unfinished / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--only-binary", ":all:", DUCKDB], check=True)
        unfinished.rename(venv)
    return interpreter


def prepare() -> None:
    """Puts jobs, modules, data and answers into WORK."""
    missing = [path for path in (BINARY, MODULES) if not path.exists()]
    if missing:
        raise FileNotFoundError(f"{missing[0]} is missing: run `make build guests`")
    for left_behind in (ANSWERS, WORK / "data"):
        shutil.rmtree(left_behind, ignore_errors=True)
    ANSWERS.mkdir(parents=True)
    generate.generate(WORK / "data")
    for job in HERE.glob("q*.toml"):
        shutil.copy(job, WORK)
        for module in re.findall(r'"(\w+\.wasm)"', job.read_text(encoding="utf-8")):
            shutil.copy(MODULES / module, WORK)
    subprocess.run([python(), HERE / "oracle.py", WORK / "data", ANSWERS], check=True)


def run(query: str, threads: str) -> list[Row]:
    command = [BINARY, "run", f"{query}.toml", "--threads", threads, "--color", "never", "--cache-dir", "cache"]
    done = subprocess.run(command, cwd=WORK, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"`pelton run` ended with {done.returncode}:\n{done.stderr}")
    return read(sorted((WORK / "out" / query).iterdir()))


class Nexmark(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        prepare()

    def test_every_job_answers_as_duckdb_does_on_one_and_two_threads(self):
        for query in QUERIES:
            want = read([ANSWERS / f"{query}.csv"])
            self.assertTrue(want, f"{query}: an answer without rows tells nothing")
            for threads in THREADS:
                with self.subTest(query=query, threads=threads):
                    found = differences(settled(query, run(query, threads)), want)
                    if found:
                        self.fail(f"{found}\nto see more: cd {WORK} && {BINARY} run {query}.toml; diff with {ANSWERS / query}.csv")

    def test_every_query_of_the_oracle_has_its_job(self):
        self.assertEqual(QUERIES, sorted((path.stem for path in ANSWERS.glob("*.csv")), key=lambda name: int(name[1:])))


class Comparison(unittest.TestCase):
    def test_numbers_and_times_are_the_same_however_they_are_written(self):
        self.assertEqual(value("78088.000"), value("78088"))
        self.assertEqual(value("2026-03-02T06:55:00.500000"), value("2026-03-02 06:55:00.5"))
        self.assertNotEqual(value("1.25"), value("1.250000000000001"))

    def test_a_row_that_is_missing_or_comes_twice_is_told(self):
        one, other = {"auction": value("1")}, {"auction": value("2")}
        self.assertEqual(differences([one, other, one], [one, one, other]), "")
        self.assertIn("missing auction=2", differences([one], [one, other]))
        self.assertIn("extra auction=1", differences([one, one], [one]))
        self.assertIn("extra bidder=1", differences([{"bidder": value("1")}], [one]))

    def test_the_last_update_of_a_group_counts(self):
        rows = [{"day": "a", "n": 1}, {"day": "b", "n": 1}, {"day": "a", "n": 2}]
        self.assertEqual(last(rows, ["day"]), [{"day": "a", "n": 2}, {"day": "b", "n": 1}])

    def test_windows_of_processing_time_add_up_and_are_checked(self):
        def window(start: int, length: int = 10) -> Row:
            begin = datetime(2026, 1, 1) + timedelta(seconds=start)
            return {"bidder": Decimal(7), "bid_count": Decimal(2), "window_start": begin, "window_end": begin + timedelta(seconds=length)}

        self.assertEqual(summed([window(0), window(10)]), [{"bidder": 7, "bid_count": 4}])
        for wrong in ([window(0), window(0)], [window(3)], [window(0, 20)]):
            with self.assertRaises(AssertionError):
                summed(wrong)


if __name__ == "__main__":
    unittest.main()
