#!/usr/bin/env python3
"""What a row costs in each language: the reference operator by rows and by columns, in a job of its own.

    tests/languages/speed.py PELTON [LANGUAGE …]

Reads `price`, keeps those over 100 (at random one in ten, and one in two), computes `euro`, passes `auction`; 8,192 rows a call, another batch
each time. A row's cost is the module's time, with the copies and checks of the boundary, of the best of three runs. The start is the time of a
whole `pelton run` of one row with the compiled module in the cache, the best of five.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
LANGUAGES = {
    "c": ("c", "src/reference.c"),
    "rust": ("rs", "src/lib.rs"),
    "go": ("go", "reference.go"),
    "zig": ("zig", "src/reference.zig"),
    "assemblyscript": ("as.ts", "src/reference.ts"),
    "typescript": ("ts", "src/reference.ts"),
    "python": ("py", "reference.py"),
    "java": ("java", "src/main/java/Reference.java"),
}
#: Where the operator stands for each level. `run.py` tests the one by columns.
LEVELS = {"rows": HERE / "speed" / "rows", "columns": HERE / "reference"}
RUNS = 3
STARTS = 5
#: Of which prices one in ten is over 100, and of which one in two.
HIGHEST = (1000 / 9, 200.0)
#: Slow languages get fewer rows, so that a run takes seconds.
ROWS = {"c": 20_000_000, "rust": 20_000_000, "zig": 20_000_000, "assemblyscript": 20_000_000, "go": 5_000_000, "typescript": 1_000_000, "python": 1_000_000, "java": 1_000_000}


def run(binary, *arguments):
    done = subprocess.run([binary, *arguments, "--color", "never"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def measure(binary, work, language, level):
    """(bytes, seconds to build again, ms to start, ns a row for each share that is kept), or None where the language has no such level."""
    extension, place = LANGUAGES[language]
    source = LEVELS[level] / f"reference.{extension}"
    if not source.is_file():
        return None
    directory = work / f"{language}-{level}"
    run(binary, "new", "reference", "--lang", language, "--dir", str(directory))
    # The first build of a language installs and compiles what all share.
    run(binary, "build", str(directory))
    shutil.copy(source, directory / place)
    started = time.monotonic()
    run(binary, "build", str(directory))
    seconds = time.monotonic() - started
    shutil.copy(HERE / "speed" / "job.toml", directory / "speed.toml")
    rows = ROWS[language]
    best = [float("inf") for _ in HIGHEST]
    for _ in range(RUNS):
        for at, highest in enumerate(HIGHEST):
            sets = [f"--set=source.bids.rows={rows}", f"--set=source.bids.columns.price.uniform.max={highest}"]
            out = run(binary, "run", str(directory / "speed.toml"), "--output", "json", *sets)
            summary = [json.loads(line) for line in out.splitlines()][-1]
            (operator,) = [one for one in summary["operators"] if one["name"] == "reference"]
            best[at] = min(best[at], operator["call_seconds"] * 1e9 / rows)
    started = []
    for _ in range(STARTS):
        before = time.monotonic()
        run(binary, "run", str(directory / "speed.toml"), "--set=source.bids.rows=1")
        started.append((time.monotonic() - before) * 1e3)
    return (directory / "reference.wasm").stat().st_size, seconds, min(started), best


def main():
    binary, languages = os.path.abspath(sys.argv[1]), sys.argv[2:] or list(LANGUAGES)
    print("| language | level | KiB | build again, s | start, ms | ns a row, one in ten kept | one in two |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="pelton-speed-") as work:
        for language in languages:
            for level in LEVELS:
                measured = measure(binary, pathlib.Path(work), language, level)
                if measured:
                    size, seconds, start, costs = measured
                    print(f"| {language} | {level} | {size / 1024:,.0f} | {seconds:.1f} | {start:.0f} | {' | '.join(f'{cost:.2f}' for cost in costs)} |", flush=True)


if __name__ == "__main__":
    main()
