#!/usr/bin/env python3
"""What a row costs in each language: the reference operator by rows and by columns, in a job of its own.

    tests/languages/speed.py PELTON [LANGUAGE …]

Reads `price`, keeps those over 100 (half of them, at random), computes `euro`, passes `auction`; 8,192 rows a call, another batch each time. A
row's cost is the module's time, with the copies and checks of the boundary, of the best of three runs.
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
RUNS = 3
#: Slow languages get fewer rows, so that a run takes seconds.
ROWS = {"c": 20_000_000, "rust": 20_000_000, "zig": 20_000_000, "assemblyscript": 20_000_000, "go": 5_000_000, "typescript": 500_000, "python": 500_000, "java": 500_000}


def run(binary, *arguments):
    done = subprocess.run([binary, *arguments, "--color", "never"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def measure(binary, work, language, level):
    """(bytes, seconds to build again, ns a row), or None where the language has no such level."""
    extension, place = LANGUAGES[language]
    source = HERE / "speed" / level / f"reference.{extension}"
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
    best = float("inf")
    for _ in range(RUNS):
        out = run(binary, "run", str(directory / "speed.toml"), "--output", "json", "--set", f"source.bids.rows={rows}")
        summary = [json.loads(line) for line in out.splitlines()][-1]
        (operator,) = [one for one in summary["operators"] if one["name"] == "reference"]
        best = min(best, operator["call_seconds"] * 1e9 / rows)
    return (directory / "reference.wasm").stat().st_size, seconds, best


def main():
    binary, languages = os.path.abspath(sys.argv[1]), sys.argv[2:] or list(LANGUAGES)
    print("| language | level | KiB | build again, s | ns a row |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="pelton-speed-") as work:
        for language in languages:
            for level in ("rows", "columns"):
                measured = measure(binary, pathlib.Path(work), language, level)
                if measured:
                    size, seconds, cost = measured
                    print(f"| {language} | {level} | {size / 1024:,.0f} | {seconds:.1f} | {cost:.2f} |", flush=True)


if __name__ == "__main__":
    main()
