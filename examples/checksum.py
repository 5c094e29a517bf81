#!/usr/bin/env python3
"""One checksum for the rows of files, whatever their format and order: checksum.py --columns 'id BIGINT, note VARCHAR' PATH…

Prints `ROWS rows, sha256 HEX` of the rows in all PATHs together: files, or directories of CSV with a header, JSON lines (either also as .gz or .zst) and
Parquet, also in folders by column as Hive names them. Names that begin with `.` or `_` are passed over. The columns are named with DuckDB's types. Text is cast to them;
a Parquet file must have them, so that a number which was written as text is an error here and not a matter of luck.

Each row becomes a line of JSON in which a value has one form only; the checksum is that of the sorted checksums of these lines. So it knows a row that is missing,
is there twice, or has two values exchanged, and knows nothing of files, parts, folders and order.

It is made by DuckDB, which shares nothing with Pelton, and which is fetched from PyPI once, into the target directory.
"""

import argparse
import csv
import fcntl
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

DUCKDB = "duckdb==1.4.4"
HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / os.environ.get("CARGO_TARGET_DIR", "target")
FORMATS = {".csv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}
# Rows in memory at one time.
ROWS = 10_000


def with_duckdb() -> None:
    """Goes on in an interpreter that has DuckDB."""
    venv = TARGET / "checksum" / DUCKDB
    python = venv / "bin" / "python"
    venv.parent.mkdir(parents=True, exist_ok=True)
    with (venv.parent / "lock").open("w") as lock:
        # Several may want it at once, and one that was interrupted left half of it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = venv / "done"
        if not done.exists():
            print(f"getting {DUCKDB} from PyPI", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
            pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "--only-binary", ":all:", DUCKDB], check=True)
            done.touch()
    os.execv(python, [str(python), *sys.argv])


def columns(text: str) -> dict[str, str]:
    """Names and types; a type may have a comma in its brackets."""
    parts = re.split(r",\s*(?![^(]*\))", text.strip())
    return dict(part.strip().split(" ", 1) for part in parts)


def files(paths: list[Path]) -> dict[str, list[str]]:
    """By their format."""
    found: dict[str, list[str]] = {}
    for path in paths:
        if not path.exists():
            raise SystemExit(f"{path} is not there")
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inside:
            hidden = any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
            if hidden or not file.is_file():
                continue
            endings = [ending for ending in file.suffixes if ending not in (".gz", ".zst")]
            form = FORMATS.get(endings[-1] if endings else "")
            if form is None:
                raise SystemExit(f"{file} is of no known format")
            found.setdefault(form, []).append(str(file))
    return found


def header(file: str) -> list[str]:
    opened = gzip.open(file, "rt", encoding="utf-8") if file.endswith(".gz") else open(file, encoding="utf-8")
    with opened as lines:
        return next(csv.reader(lines), [])


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def listed(names: list[str]) -> str:
    return "[" + ", ".join(text(name) for name in names) + "]"


def all_text(names: list[str]) -> str:
    return "{" + ", ".join(f"{text(name)}: 'VARCHAR'" for name in names) + "}"


def reader(form: str, names: list[str], wanted: dict[str, str], null: str) -> str:
    """The SQL that reads files."""
    hive = "hive_partitioning = true, hive_types_autocast = false"
    if form == "parquet":
        return f"read_parquet({listed(names)}, {hive})"
    if form == "json":
        # What is missing in the objects but is a folder's comes from the folder.
        folders = {part.split("=")[0] for part in Path(names[0]).parts if "=" in part}
        inside = [name for name in wanted if name not in folders]
        return f"read_json({listed(names)}, format = 'newline_delimited', columns = {all_text(inside)}, {hive})"
    return (
        f"read_csv({listed(names)}, header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
        f"nullstr = {text(null)}, allow_quoted_nulls = false, columns = {all_text(header(names[0]))}, {hive})"
    )


def check_types(database, source: str, names: list[str], wanted: dict[str, str]) -> None:
    folders = {part.split("=")[0] for part in Path(names[0]).parts if "=" in part}
    have = {row[0]: row[1] for row in database.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    for name, kind in wanted.items():
        # Timestamps of seconds, milliseconds and microseconds are one type to those who compare instants.
        got = re.sub(r"^TIMESTAMP_(S|MS|NS)$", "TIMESTAMP", have.get(name, "nothing"))
        canonical = database.execute(f"SELECT typeof(CAST(NULL AS {kind}))").fetchone()[0]
        if name not in folders and got != canonical:
            raise SystemExit(f"the Parquet files have {name} as {have.get(name)}, not as {kind}")


def selected(wanted: dict[str, str]) -> str:
    """Each value in a form that does not depend on where it came from: instants as whole microseconds, decimals and dates as text."""
    chosen = []
    for name, kind in wanted.items():
        value = f"CAST({quoted(name)} AS {kind})"
        if kind.startswith("TIMESTAMP"):
            value = f"epoch_us({value})"
        elif kind.startswith(("DECIMAL", "DATE")):
            value = f"CAST({value} AS VARCHAR)"
        chosen.append(value)
    return ", ".join(chosen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--columns", required=True, type=columns)
    parser.add_argument("--null", default="\\N", help="what CSV has for null, unquoted (\\N)")
    parser.add_argument("--latest", metavar="KEY:VERSION", help="only the row of each key with the greatest version")
    parser.add_argument("paths", nargs="+", type=Path)
    wanted = parser.parse_args()
    try:
        import duckdb
    except ImportError:
        with_duckdb()

    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    database.execute("SET preserve_insertion_order = false")
    parts = []
    for form, names in files(wanted.paths).items():
        source = reader(form, names, wanted.columns, wanted.null)
        if form == "parquet":
            check_types(database, source, names, wanted.columns)
        casts = ", ".join(f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}" for name, kind in wanted.columns.items())
        parts.append(f"SELECT {casts} FROM {source}")
    if not parts:
        raise SystemExit("there are no files")
    rows = " UNION ALL ".join(parts)
    if wanted.latest:
        key, version = wanted.latest.split(":")
        rows = f"SELECT * FROM ({rows}) QUALIFY row_number() OVER (PARTITION BY {quoted(key)} ORDER BY {quoted(version)} DESC) = 1"
    answer = database.execute(f"SELECT {selected(wanted.columns)} FROM ({rows})")
    digests = []
    while batch := answer.fetchmany(ROWS):
        for row in batch:
            line = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
            digests.append(hashlib.sha256(line.encode()).digest())
    digests.sort()
    print(f"{len(digests)} rows, sha256 {hashlib.sha256(b''.join(digests)).hexdigest()}")


main()
