"""Gets what a benchmark needs onto this machine: Python packages, compiled programs, data.

Called by tests/bench/peers.py before anything runs. Everything is done once and found again later; what is there is
whole, because it gets its final name last or is checked by the tool that makes it (pip, cargo).
"""

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
BENCH = REPOSITORY / "tests" / "bench"
TARGET = REPOSITORY / "target"
TOOLS = TARGET / "bench-tools"
DATA = TARGET / "bench-data"
RESULTS = TARGET / "bench"
SCRATCH = TOOLS / "scratch"
VENV = TOOLS / "venv"
GUESTS = TOOLS / "guests"

WASM = "wasm32-unknown-unknown"


class SetupError(Exception):
    """Something that must be there is not; the message says what to do."""


def run(*command: str | Path, **options) -> None:
    """Runs a step of the set-up; its output is shown."""
    print("  $", *[str(part).removeprefix(f"{REPOSITORY}/") for part in command], file=sys.stderr)
    subprocess.run(command, check=True, cwd=REPOSITORY, **options)


@cache
def python() -> Path:
    """The interpreter of the venv, which is made if it is missing."""
    interpreter = VENV / "bin" / "python"
    if not interpreter.exists():
        run(sys.executable, "-m", "venv", VENV)
    return interpreter


@cache
def install(requirement: str) -> None:
    """A package from PyPI. pip asks nobody when it is there already."""
    run(python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement)


def version(package: str) -> str:
    code = f"import importlib.metadata; print(importlib.metadata.version({package!r}))"
    return subprocess.run([python(), "-c", code], check=True, capture_output=True, text=True).stdout.strip()


@cache
def cargo_target() -> Path:
    """Where cargo puts what it builds."""
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
    metadata = subprocess.run(command, check=True, capture_output=True, cwd=REPOSITORY).stdout
    return Path(json.loads(metadata)["target_directory"])


@cache
def release(package: str) -> Path:
    """The program that a package of the workspace builds; it has the package's name."""
    run("cargo", "build", "--release", "--quiet", "--package", package)
    return cargo_target() / "release" / package


def pelton() -> Path:
    """The engine: what the variable PELTON names, or what this repository builds."""
    named = os.environ.get("PELTON")
    return Path(named).absolute() if named else release("pelton")


@cache
def guest(query: str, package: str | None = None) -> Path:
    """The module of tests/bench/guests/QUERY, or of another package, at the place where tests/bench/jobs/QUERY.toml looks for it."""
    package = package or f"pelton-bench-{query}"
    require("rustup", "install rustup, which adds the wasm target")
    run("rustup", "target", "add", WASM, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run("cargo", "build", "--profile", "guest", "--target", WASM, "--quiet", "--package", package)
    built = cargo_target() / WASM / "guest" / f"{package.replace('-', '_')}.wasm"
    GUESTS.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(built, GUESTS / f"{query}.wasm"))


@cache
def flink_classpath() -> str:
    """Flink's jars and our compiled classes."""
    require("javac", "install a JDK, 17 or newer")
    install("apache-flink-libraries>=2.3,<3")
    code = "import pyflink, os; print(list(pyflink.__path__)[0])"
    found = subprocess.run([python(), "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    jars, classes = f"{found}/lib/*", TOOLS / "flink"
    services = classes / "META-INF" / "services"
    services.mkdir(parents=True, exist_ok=True)
    services.joinpath("org.apache.flink.metrics.reporter.MetricReporterFactory").write_text("Meter\n", encoding="ascii")
    sources = sorted((BENCH / "peers" / "flink").glob("*.java"))
    run("javac", "-nowarn", "-proc:none", "-cp", jars, "-d", classes, *sources, stderr=subprocess.DEVNULL)
    return f"{classes}:{jars}"


def require(program: str, advice: str) -> None:
    if shutil.which(program) is None:
        raise SetupError(f"failed to find `{program}`: {advice}")


def bids(files: int, sets: list[int]) -> Path:
    """A directory with so many files of bids, the answers to each, and those of the keyed queries to the first files of each set."""
    install("numpy>=2,<3")
    directory = DATA / "bids"
    run(python(), BENCH / "peers" / "bids.py", directory, str(files))
    run(python(), BENCH / "peers" / "keyed.py", directory, *[str(count) for count in sets])
    return directory


def bid_set(name: str, files: int, times: int = 1) -> Path:
    """A directory that holds the first files of bids so many times over, as hard links."""
    directory = DATA / "sets" / name
    directory.mkdir(parents=True, exist_ok=True)
    wanted = {}
    for repeat in range(times):
        for index in range(files):
            file = f"bids-{index:03d}.csv"
            wanted[f"{repeat}-{file}" if times > 1 else file] = DATA / "bids" / file
    for name, file in wanted.items():
        link = directory / name
        if not link.exists():
            os.link(file, link)
    for extra in set(os.listdir(directory)) - wanted.keys():
        directory.joinpath(extra).unlink()
    return directory
