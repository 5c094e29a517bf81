#!/usr/bin/env python3
"""What a directory of many files costs a source that looks for more: crowd.py PELTON [--files 100000].

Makes so many files of one row each, as old as `--age` says, and runs a job over them that watches, and one that follows files that grow (`tail`), each twice: the
second run goes on where the first one was stopped. Once all rows are out, and again a minute later, it prints the CPU time of ten seconds in which nothing happens and,
counted by strace in the ten seconds after those, the system calls that look at files and at the directory. Then it adds a row, or a file, and prints how long that took to come out.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

JOB = """
name = "crowd"
checkpoint = "state"
[source.in]
type = "file"
path = "in/*.log"
format = "csv"
watch = "1s"
tail = {tail}
schema = {{ file = "s64", n = "s64" }}
[sink.out]
input = "in"
type = "file"
path = "out"
format = "csv"
"""
SECONDS = 10
PATIENCE = 300


def rows(place: Path) -> int:
    return sum(part.read_bytes().count(b"\n") for part in place.glob("out/part-*"))


def until(holds, what: str) -> None:
    ends = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > ends:
            sys.exit(f"in vain: {what}")
        time.sleep(0.02)


def cpu(process: subprocess.Popen) -> float:
    """Seconds so far, of all its threads."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def calls(process: subprocess.Popen) -> dict[str, float]:
    """System calls a second, by their names."""
    strace = subprocess.Popen(["strace", "-f", "-c", "-p", str(process.pid)], stderr=subprocess.PIPE, text=True)
    time.sleep(SECONDS)
    strace.send_signal(signal.SIGINT)
    table = strace.communicate()[1]
    found = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+)(?: +\d+)? +(\w+)$", table, re.M)
    return {name: int(count) / SECONDS for count, name in found}


def measure(process: subprocess.Popen, when: str) -> None:
    before = cpu(process)
    time.sleep(SECONDS)
    share = (cpu(process) - before) / SECONDS
    counted = calls(process)
    looks = sum(counted.get(name, 0) for name in ("statx", "newfstatat", "stat", "lstat"))
    print(f"    {when:24} {share:6.1%} of a core  {looks:9,.0f} stats/s  {counted.get('openat', 0):7,.0f} opens/s"
          f"  {counted.get('getdents64', 0):6,.0f} getdents/s", flush=True)


def run(pelton: Path, place: Path, expected: int, tail: bool, first: bool) -> int:
    begun = time.monotonic()
    with (place / "log").open("a") as log:
        process = subprocess.Popen([pelton, "run", "job.toml"], cwd=place, stdout=log, stderr=log)
    try:
        if first:
            until(lambda: rows(place) >= expected, "the rows")
            print(f"  the first run: all rows after {time.monotonic() - begun:.1f} s")
        else:
            print("  the next run, which goes on")
            time.sleep(5)
        measure(process, "at once")
        time.sleep(60)
        measure(process, "a minute later")
        begun = time.monotonic()
        (place / "in" / f".new{first}").write_text("7,7\n")
        (place / "in" / f".new{first}").rename(place / "in" / f"new{first}.log")
        until(lambda: rows(place) > expected, "the new file")
        print(f"    a new file is out after {time.monotonic() - begun:.1f} s")
        if tail:
            begun = time.monotonic()
            with (place / "in" / "000007.log").open("a") as file:
                file.write("7,8\n")
            until(lambda: rows(place) > expected + 1, "the new row")
            print(f"    a row that was added to an old file is out after {time.monotonic() - begun:.1f} s")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
    return expected + 1 + tail


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pelton", type=Path)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--age", type=float, default=24, help="hours since the files were written")
    wanted = parser.parse_args()
    for tail in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            (place / "in").mkdir()
            written = time.time() - wanted.age * 3600
            for file in range(wanted.files):
                path = place / "in" / f"{file:06}.log"
                path.write_text(f"{file},0\n")
                os.utime(path, (written, written))
            (place / "job.toml").write_text(JOB.format(tail=str(tail).lower()))
            print(f"{wanted.files:,} files, written {wanted.age:g} h ago, {'`tail`' if tail else '`watch`'} each second")
            expected = run(wanted.pelton.resolve(), place, wanted.files, tail, first=True)
            run(wanted.pelton.resolve(), place, expected, tail, first=False)


main()
