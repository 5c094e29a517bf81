#!/usr/bin/env python3
"""Plants bugs in a copy of the sources, one at a time, and looks whether the tests see them.

    tests/mutants/run.py [--list] [MUTANT …]

Each bug of planted.toml is put into the copy, a part of it is built, and the test that the bug names must fail. What is not caught, does not
apply any more, or does not compile ends with an error. The copy is in TARGET/mutants, with a target directory of its own: nothing there is
ever mistaken for the product.

A part is as little as can be built without the rest: `core` is pelton-core; `checkpoint` is a crate of host/src/checkpoint and the three modules
below it (host/tests/layering.rs holds that there are no more); `engine` is all of it, the binary and a test that drives it (whole.py).
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import tomllib

import whole

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
TARGET = REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target")
WORK = TARGET / "mutants"
TREE = WORK / "tree"
#: The package of each part that is built alone.
PACKAGES = {"core": "pelton-core", "checkpoint": "pelton"}
ENGINE = whole.Whole(REPOSITORY, TARGET, WORK)
#: What the crate of the protocol is made of, from host/src.
MODULES = ("checkpoint", "clock", "error", "lock")
#: Of the host's dependencies, one that only turns on what `object_store` needs.
ALSO = {"reqwest"}
#: A test that takes longer hangs.
PATIENCE_S = 300
PROFILE = """
[profile.mutant]
inherits = "release"
opt-level = 1
debug = false
incremental = true
codegen-units = 16
"""


def mutants() -> list[dict]:
    return tomllib.loads((HERE / "planted.toml").read_text())["mutant"]


def mutated(mutant: dict, text: str) -> str:
    """The file with the bug; an error where it does not fit any more."""
    places = text.count(mutant["find"])
    if places != 1:
        raise ValueError(f"{mutant['name']}: what it replaces is {places} times in {mutant['file']}, and must be there once")
    return text.replace(mutant["find"], mutant["put"])


def tree(mutant: dict) -> pathlib.Path:
    return ENGINE.tree if mutant["part"] == "engine" else TREE


def copy_sources() -> None:
    """Makes the copy, or brings it up to date; files that are the same keep their times, so that nothing is built in vain."""
    host = TREE / "host"
    for source, copy in [(REPOSITORY / "host/core/src", host / "core/src"), (REPOSITORY / "host/core/tests", host / "core/tests")]:
        mirror(source, copy)
    for module in MODULES:
        source = REPOSITORY / "host/src" / module
        mirror(source, host / "src" / module) if source.is_dir() else put(host / f"src/{module}.rs", source.with_suffix(".rs").read_text())
    put(host / "src/lib.rs", "".join(f"pub mod {module};\n" for module in MODULES))
    put(host / "core/Cargo.toml", (REPOSITORY / "host/core/Cargo.toml").read_text())
    put(host / "Cargo.toml", manifest((REPOSITORY / "host/Cargo.toml").read_text()))
    workspace = (REPOSITORY / "Cargo.toml").read_text()
    put(TREE / "Cargo.toml", re.sub(r"(?s)members = \[.*?\n\]", 'members = ["host", "host/core"]', workspace, count=1) + PROFILE)
    if not (TREE / "Cargo.lock").exists():
        shutil.copy(REPOSITORY / "Cargo.lock", TREE / "Cargo.lock")


def manifest(text: str) -> str:
    """That of the host, with the dependencies that its sources name, and neither binary nor build script."""
    used = "".join(path.read_text() for path in (TREE / "host/src").rglob("*.rs"))
    lines = re.sub(r"(?s)\[\[bin\]\].*?\n\n", "", text).replace("[package]", "[package]\nbuild = false").splitlines()
    named = re.compile(r"([a-z0-9-]+)\.workspace = true")
    metadata = {"version", "edition", "rust-version", "license", "publish"}

    def stays(line: str) -> bool:
        name = named.fullmatch(line)
        return name is None or name[1] in metadata | ALSO or re.search(rf"\b{name[1].replace('-', '_')}::", used) is not None

    kept = "\n".join(line for line in lines if stays(line))
    return kept.replace("[lints]\nworkspace = true", '[lints.rust]\nwarnings = "allow"') + "\n"


def mirror(source: pathlib.Path, copy: pathlib.Path) -> None:
    wanted = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    for path in [path for path in copy.rglob("*") if path.is_file()]:
        if path.relative_to(copy) not in wanted:
            path.unlink()
    for path in wanted:
        put(copy / path, (source / path).read_text())


def put(path: pathlib.Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def build(part: str, test: str = "") -> tuple[pathlib.Path | None, str]:
    """The test binary of a part, or what the compiler says. Of the engine, tests are named by their binary first."""
    if part == "engine":
        return ENGINE.build(test.split("::")[0])
    command = ["cargo", "test", "--profile", "mutant", "--package", PACKAGES[part], "--lib", "--no-run", "--message-format", "json"]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(WORK / "target"), "CARGO_INCREMENTAL": "1"}
    built = subprocess.run(command, cwd=TREE, env=environment, capture_output=True, text=True)
    messages = [json.loads(line) for line in built.stdout.splitlines() if line.startswith("{")]
    for message in messages:
        if message["reason"] == "compiler-artifact" and message["executable"] and PACKAGES[part] in message["package_id"]:
            return pathlib.Path(message["executable"]), ""
    errors = [message["message"]["rendered"] for message in messages if message["reason"] == "compiler-message" and message["message"]["level"] == "error"]
    return None, "\n".join(errors) or built.stderr


def run(part: str, binary: pathlib.Path, tests: list[str], threads: int) -> tuple[set[str], set[str]]:
    """The tests that passed and those that failed; a test that hangs is in neither."""
    names = {test.partition("::")[2] if part == "engine" else test: test for test in tests}
    command = [str(binary), "--exact", "--test-threads", str(threads), *names]
    folder = ENGINE.tree / "tests" if part == "engine" else TREE / "host"
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, cwd=folder, env=ENGINE.environment())
    except subprocess.TimeoutExpired:
        return set(), set()
    said = re.findall(r"(?m)^test (\S+) \.\.\. (ok|FAILED)$", ran.stdout)
    return {names[name] for name, end in said if end == "ok"}, {names[name] for name, end in said if end == "FAILED"}


def check_whole(chosen: list[dict]) -> list[str]:
    """Without a bug every test that is named must be there, and pass."""
    wrong = []
    # What is built alone has one binary of tests, the engine many.
    binaries = sorted({(mutant["part"], mutant["test"].split("::")[0] if mutant["part"] == "engine" else "") for mutant in chosen})
    for part, name in binaries:
        tests = sorted({mutant["test"] for mutant in chosen if mutant["part"] == part and mutant["test"].startswith(name)})
        binary, said = build(part, name)
        if binary is None:
            return [f"the copy of {part} does not compile:\n{said}"]
        passed, _ = run(part, binary, tests, os.cpu_count() or 1)
        wrong += [f"{test}: does not pass without a bug" for test in tests if test not in passed]
    return wrong


def plant(mutant: dict) -> tuple[str, float, float]:
    """What became of it, and how long building and testing took."""
    path = tree(mutant) / mutant["file"]
    text = path.read_text()
    path.write_text(mutated(mutant, text))
    try:
        started = time.monotonic()
        binary, said = build(mutant["part"], mutant["test"])
        built = time.monotonic()
        if binary is None:
            return f"DOES NOT COMPILE\n{said}", built - started, 0.0
        passed, failed = run(mutant["part"], binary, [mutant["test"]], 1)
        ended = time.monotonic()
        outcome = "caught" if mutant["test"] in failed else "NOT CAUGHT" if mutant["test"] in passed else "NO ANSWER"
        return outcome, built - started, ended - built
    finally:
        path.write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="show what there is")
    parser.add_argument("names", nargs="*", metavar="MUTANT")
    arguments = parser.parse_args()
    known = mutants()
    unknown = set(arguments.names) - {mutant["name"] for mutant in known}
    if unknown:
        sys.exit(f"no such bug: {', '.join(sorted(unknown))}")
    chosen = [mutant for mutant in known if not arguments.names or mutant["name"] in arguments.names]
    # A part at a time, and its files side by side: less is built again.
    chosen.sort(key=lambda mutant: (["core", "checkpoint", "engine"].index(mutant["part"]), mutant["file"]))
    if arguments.list:
        for mutant in chosen:
            print(f"{mutant['name']:34} {mutant['bug']}")
        return 0
    # Also those that are not planted now, before any time is spent.
    for mutant in known:
        mutated(mutant, (REPOSITORY / mutant["file"]).read_text())
    copy_sources()
    has_engine = any(mutant["part"] == "engine" for mutant in chosen)
    if has_engine:
        ENGINE.copy_sources()
    try:
        return plant_all(chosen)
    finally:
        if has_engine:
            ENGINE.put_back()


def plant_all(chosen: list[dict]) -> int:
    started = time.monotonic()
    wrong = check_whole(chosen)
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"without a bug: every test that is named passes, {time.monotonic() - started:.0f} s\n")
    print(f"{'bug':34} {'':10} {'build':>7} {'test':>7}  test that must fail")
    caught = 0
    for mutant in chosen:
        outcome, building, testing = plant(mutant)
        head, _, rest = outcome.partition("\n")
        caught += head == "caught"
        print(f"{mutant['name']:34} {head:10} {building:6.1f}s {testing:6.1f}s  {mutant['test']}", flush=True)
        print(rest, end="\n" if rest else "")
    print(f"\n{caught} of {len(chosen)} planted bugs are caught, {time.monotonic() - started:.0f} s")
    return 0 if caught == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
