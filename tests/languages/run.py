#!/usr/bin/env python3
"""The same operators in every language, one suite of golden cases for all: the answers must be the same lines.

    tests/languages/run.py [--quick] [--bless] PELTON [LANGUAGE …]

Each operator below this directory has one source for each language and cases for all. A project is made of each, built and
tested by the real binary as an author would; the templates' own cases run too, from `pelton new`. Some are tried by `pelton check` as
well, and one that is wrong must be found wrong; what fails must say where; and what an older module has kept, one in Rust, is migrated. A language whose tools are missing is skipped, loudly, and
counted. `--quick` is what `make test` has time for.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
#: For each language the extension of an operator's source, and where it stands in a project.
LANGUAGES = {
    "c": ("c", "src/{id}.c"),
    "cpp": (None, None),
    "go": ("go", "{id}.go"),
    "zig": ("zig", "src/{id}.zig"),
    "assemblyscript": ("as.ts", "src/{name}.ts"),
    "typescript": ("ts", "src/{name}.ts"),
    "javascript": (None, None),
    "rust": ("rs", "src/lib.rs"),
    "python": ("py", "{id}.py"),
    "java": ("java", "src/main/java/{pascal}.java"),
}
#: The kinds of operators that are no transforms.
KINDS = {
    "spread": "aggregate", "sessions": "keyed", "total": "aggregate", "visits": "keyed", "lossy": "aggregate", "fails": "keyed",
    "plays": "keyed", "shelves": "keyed", "till": "aggregate", "pairs": "cogroup", "unpaid": "cogroup", "stays": "keyed", "bills": "cogroup",
    "sums": "keyed", "in-euro": "enrich", "asks": "enrich", "tells": "enrich",
}
#: What templates make, by names that are given to them; the sample of a cogroup has a word `unpaid` of its own.
TEMPLATES = ("to-euro", "spread", "sessions", "unpaid", "in-euro")
#: What `--quick` runs.
QUICK = {
    "c": {
        "to-euro", "spread", "sessions", "unpaid", "kinds", "words", "total", "till", "visits", "fails", "plays", "shelves", "pairs", "route", "stays",
        "flights", "sums", "in-euro", "asks", "tells", "reference",
    },
    "go": {"to-euro", "unpaid", "kinds", "total", "till", "visits", "lossy", "plays", "route", "stays", "flights", "sums", "asks", "reference"},
    "typescript": {"unpaid", "words", "total", "till", "visits", "plays", "route", "sums", "asks", "reference"},
    "zig": {"to-euro", "unpaid", "words", "total", "till", "visits", "fails", "plays", "shelves", "route", "flights", "sums", "asks"},
    "assemblyscript": {
        "to-euro", "spread", "sessions", "unpaid", "kinds", "total", "till", "visits", "fails", "plays", "shelves", "pairs",
        "route", "stays", "bills", "flights", "sums", "in-euro", "asks", "tells",
    },
    "java": {"to-euro"},
}
#: How `pelton check` is called.
CHECKED = {
    "spread": ["--columns", "price: f64?"],
    "sessions": ["--columns", "bidder: s64, price: f64, at: timestamp[s]", "--key", "bidder", "--event-time", "at", "--options", '{"gap": 30}'],
    "unpaid": ["--columns", "order: s64, price: f64", "--right", "order: s64, euro: f64", "--key", "order", "--options", '{"least": 1.0}'],
    "total": ["--columns", "n: s64?, x: f64?, word: utf8?"],
    "till": ["--columns", "cents: s64?, tip: s64?"],
    "lossy": ["--columns", "n: s64"],
    "pairs": [
        "--columns", "user: utf8?, n: s16?", "--right", "user: utf8?, word: utf8?, x: f64?", "--key", "user", "--options", '{"most": 5}',
    ],
    "stays": ["--columns", "user: utf8?, at: timestamp[s], page: utf8", "--key", "user", "--event-time", "at"],
    "sums": ["--columns", "k: s64, n: s16", "--key", "k"],
    "reference": ["--columns", "auction: s64, price: f64?", "--rows", "100"],
}
#: The version before an operator, of the crate tests/guests/versions.
BEFORE = {"sums": "version_1"}
#: What is said of state that no version can take over, and of laws that a module may break.
REFUSES, DEPENDS = "nobody pays so much", "depends"
#: Aggregates that can take rows back, and the law that no others are asked.
TAKES_BACK = {"till"}
TAKEN_BACK = "taken-back"
#: The law that an operator breaks, on purpose.
BROKEN = {"lossy": "identity-left"}
#: The end of the line at which an operator fails, on purpose.
FAILS = {"fails": "HERE"}
TOOL_MISSING = "PELTON-0903"
#: To see that nothing changed; the goal is 0.2 s, the rest is a busy machine's.
UNCHANGED_SECONDS = 2


def placed(place, name):
    """The path of an operator's source in a project."""
    words = name.split("-")
    return place.format(id="_".join(words), name=name, pascal="".join(word.capitalize() for word in words))


class Suite:
    def __init__(self, binary, work, bless):
        self.binary, self.work, self.blessed = binary, work, bless
        self.guests = pathlib.Path(binary).resolve().parents[1] / "wasm32-unknown-unknown/guest/examples"
        self.passed, self.failed, self.skipped = 0, [], []

    def pelton(self, *arguments):
        return subprocess.run([self.binary, *arguments, "--color", "never"], capture_output=True, text=True)

    def project(self, name, language, operator):
        """A project from the template, with the source and the cases of `operator` in their places, if there is one."""
        directory = self.work / f"{name}-{language}"
        kind = KINDS.get(name, "transform")
        made = self.pelton("new", name, "--lang", language, "--kind", kind, "--dir", str(directory))
        if made.returncode:
            raise RuntimeError(made.stderr)
        if operator is not None:
            extension, place = LANGUAGES[language]
            shutil.copy(operator / f"{name}.{extension}", directory / placed(place, name))
            shutil.rmtree(directory / "cases", ignore_errors=True)
            if (operator / "cases").is_dir():
                shutil.copytree(operator / "cases", directory / "cases")
        return directory

    def run(self, name, language, operator=None):
        if language in self.skipped:
            return
        what = f"{name} in {language}"
        directory = self.project(name, language, operator)
        started = time.monotonic()
        built = self.pelton("build", str(directory))
        seconds = time.monotonic() - started
        if TOOL_MISSING in built.stderr:
            self.skipped.append(language)
            print(f"SKIPPED  {language}: {built.stderr.strip()}", flush=True)
        elif built.returncode:
            self.fail(what, built.stderr)
        elif self.is_right(directory, what, name, language, operator):
            self.passed += 1
            size = next(directory.glob("*.wasm")).stat().st_size / 1024
            print(f"ok       {what}: built in {seconds:.1f} s, {size:,.0f} KiB", flush=True)

    def is_right(self, directory, what, name, language, operator):
        if name in FAILS:
            return self.fails_where_it_says(directory, what, name, language, operator)
        if name in CHECKED and not self.check(directory, what, name):
            return False
        if name in BEFORE:
            return self.migrates(directory, what, name, operator)
        return name in BROKEN or (
            self.is_known_unchanged(directory, what) and self.test(directory, what, language, operator)
        )

    def check(self, directory, what, name):
        """The laws hold, or the one that is broken on purpose is found."""
        before = ["--from", str(self.before(name))] if name in BEFORE else []
        checked = self.pelton("check", str(next(directory.glob("*.wasm"))), *CHECKED[name], *before, "--tables", "10", "--output", "json")
        laws = [json.loads(line) for line in checked.stdout.splitlines()]
        broken = [law.get("law", law) for law in laws if not law.get("holds") and law.get("event") != DEPENDS]
        is_asked = any(law.get("law") == TAKEN_BACK for law in laws)
        if laws and broken == ([BROKEN[name]] if name in BROKEN else []) and is_asked == (name in TAKES_BACK):
            return True
        asked = ", asked whether rows can be taken back," if is_asked else ""
        self.fail(what, f"`pelton check`{asked} found {broken} broken: {checked.stdout}{checked.stderr}")
        return False

    def fails_where_it_says(self, directory, what, name, language, operator):
        """What a case prints is in the log; the error of the other names the line of the source."""
        extension, place = LANGUAGES[language]
        lines = (operator / f"{name}.{extension}").read_text().splitlines()
        (number,) = [at for at, line in enumerate(lines, 1) if FAILS[name] in line]
        source = pathlib.Path(placed(place, name)).name
        tested = self.pelton("test", str(directory))
        said = "".join((tested.stdout + tested.stderr).split())
        is_one = "1passed,1failed" in said
        if is_one and f"{source}:{number}" in said and "saidbefore" in said:
            return True
        self.fail(what, f"it does not name {source}:{number}:\n{tested.stdout}{tested.stderr}")
        return False

    def before(self, name):
        return self.guests / f"{BEFORE[name]}.wasm"

    def migrates(self, directory, what, name, operator):
        """What the version before has kept of one epoch is its state in the next; what it refuses stops it."""
        module = next(directory.glob("*.wasm"))
        for case in ("takes", "refuses"):
            job = directory / case
            shutil.copytree(operator / "rows", job / "rows")
            if case == "refuses":
                shutil.copy(operator / "refused.jsonl", job / "rows/1.jsonl")
            text = (operator / "job.toml").read_text().replace("MODULE", str(self.before(name)))
            (job / "job.toml").write_text(text)
            run = self.pelton("run", str(job / "job.toml"))
            tried = self.pelton("replay", str(job / "job.toml"), "--epoch", "2", "--with", f"{name}={module}", "--out", str(job / "out-2"))
            got = "".join(path.read_text() for path in sorted(job.glob("out-2/*/*.jsonl")))
            said = "".join((tried.stdout + tried.stderr).split())
            is_right = got == (operator / "expected.jsonl").read_text() if case == "takes" else tried.returncode and REFUSES.replace(" ", "") in said
            if run.returncode or not is_right:
                self.fail(what, f"it {case} what `{self.before(name)}` has kept:\n{run.stderr}{tried.stdout}{tried.stderr}{got}")
                return False
        return True

    def is_known_unchanged(self, directory, what):
        """An unchanged module is not built again, and that is known quickly."""
        started = time.monotonic()
        again = self.pelton("build", str(directory), "--output", "json")
        seconds = time.monotonic() - started
        if not again.stdout or not json.loads(again.stdout.splitlines()[-1]).get("unchanged"):
            self.fail(what, f"an unchanged module was built again: {again.stdout}{again.stderr}")
        elif seconds > UNCHANGED_SECONDS:
            self.fail(what, f"it took {seconds:.2f} s to see that nothing changed")
        else:
            return True
        return False

    def test(self, directory, what, language, operator):
        bless = operator is not None and language == self.blessed
        tested = self.pelton("test", str(directory), *(["--bless"] if bless else []))
        if bless:
            shutil.copytree(directory / "cases", operator / "cases", dirs_exist_ok=True)
        if tested.returncode or " 0 failed" not in tested.stdout or tested.stdout.startswith("0 passed"):
            self.fail(what, tested.stdout + tested.stderr)
            return False
        return True

    def raw(self):
        """A module that no SDK made runs like any other, and keeps the laws."""
        directory = self.work / "raw"
        shutil.copytree(HERE / "raw", directory)
        run = self.pelton("run", str(directory / "job.toml"))
        checked = self.pelton("check", str(directory / "twice.wat"), "--columns", "n: s64?")
        got = "".join(path.read_text() for path in sorted((directory / "out").glob("*.jsonl")))
        if run.returncode or checked.returncode or got != (directory / "expected.jsonl").read_text():
            self.fail("a module without an SDK", run.stderr + checked.stdout + got)
        else:
            self.passed += 1
            print("ok       a module without an SDK", flush=True)

    def fail(self, what, why):
        self.failed.append(what)
        print(f"FAILED   {what}\n{why}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pelton")
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", metavar="OPERATOR", action="append", help="this operator or template; may be repeated")
    parser.add_argument("--bless", action="store_true", help="accept what the first of the languages comes to")
    given = parser.parse_args()
    chosen = given.languages or list(LANGUAGES)
    operators = sorted(path for path in HERE.iterdir() if (path / "cases").is_dir() or path.name in {*BROKEN, *BEFORE})
    with tempfile.TemporaryDirectory(prefix="pelton-languages-") as work:
        suite = Suite(os.path.abspath(given.pelton), pathlib.Path(work), chosen[0] if given.bless else None)
        suite.raw()
        for language in chosen:
            wanted = given.only or (QUICK.get(language, set()) if given.quick else None)
            for name in TEMPLATES:
                if wanted is None or name in wanted:
                    suite.run(name, language)
            extension, _ = LANGUAGES[language]
            for operator in operators:
                is_wanted = wanted is None or operator.name in wanted
                if is_wanted and extension and (operator / f"{operator.name}.{extension}").is_file():
                    suite.run(operator.name, language, operator)
    if given.quick:
        print("these are the quick ones; `make test-languages` runs all operators in all languages")
    if suite.skipped:
        print(f"SKIPPED for want of their tools: {', '.join(suite.skipped)}")
    print(f"{suite.passed} passed, {len(suite.failed)} failed, {len(suite.skipped)} languages skipped")
    sys.exit(1 if suite.failed or not suite.passed else 0)


if __name__ == "__main__":
    main()
