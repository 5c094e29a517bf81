"""The types of columns: how an annotation in Python, a format string on the wire and a name in a job file correspond."""

from __future__ import annotations

import datetime as dt
import decimal as dec
import types
import typing
from dataclasses import dataclass
from typing import Annotated, Any, NewType

#: A moment as microseconds since 1970-01-01T00:00:00Z: cheaper than a `datetime`, which is read and made as well.
Timestamp = NewType("Timestamp", int)

#: Names in job files of the formats that have no parameters.
NAMES = {
    "b": "bool", "c": "s8", "s": "s16", "i": "s32", "l": "s64", "C": "u8", "S": "u16", "I": "u32", "L": "u64",
    "f": "f32", "g": "f64", "u": "utf8", "U": "utf8", "z": "binary", "Z": "binary", "tdD": "date",
}
UNITS = {"s": "s", "m": "ms", "u": "us", "n": "ns"}
#: What a value of a narrower number may be read as without loss.
WIDENS = {
    "s": "cC", "i": "cCsS", "l": "cCsSiI", "S": "C", "I": "CS", "L": "CSI", "f": "cCsS", "g": "cCsSiIf",
}


def name(format: str) -> str:
    """The type of a column as a job file has it."""
    if format in NAMES:
        return NAMES[format]
    if format.startswith("ts"):
        unit, _, zone = format[2:].partition(":")
        return f"timestamp[{UNITS.get(unit, unit)}{', ' + zone if zone else ''}]"
    if format.startswith("d:"):
        return f"decimal({format[2:].replace(',', ', ')})"
    return {"+l": "list", "+s": "struct"}.get(format, format)


@dataclass(frozen=True)
class Name:
    """`Annotated[str, Name("user-id")]`: a column whose name is not an identifier of Python."""

    name: str


@dataclass(frozen=True)
class Unit:
    """`Annotated[Timestamp, Unit("ms")]`: the unit of a timestamp that is made: `s`, `ms` or `us`."""

    unit: str


@dataclass(frozen=True)
class ColumnType:
    """The type of an argument, or of a field of a row that is made."""

    #: How values look in Python: "number", "bool", "str", "bytes", "date", "datetime", "timestamp" or "decimal".
    kind: str
    #: Arrow's format string of a column that is made.
    format: str
    nullable: bool = False

    @property
    def name(self) -> str:
        """As a job file has it; a timestamp has any unit when it is read."""
        word = "timestamp" if self.kind in ("datetime", "timestamp") else name(self.format)
        return word + ("?" if self.nullable else "")

    def accepts(self, format: str) -> bool:
        """Whether a column of this format can be read."""
        if self.kind in ("datetime", "timestamp"):
            return format.startswith("ts")
        if self.kind in ("str", "bytes"):
            return format in (self.format, self.format.upper())
        if self.kind == "decimal" and format.startswith("d:"):
            return _digits(format)[0] <= _digits(self.format)[0] and _digits(format)[1] == _digits(self.format)[1]
        return format == self.format or format in WIDENS.get(self.format, "")


def _digits(format: str) -> tuple[int, int]:
    precision, scale = format[2:].split(",")[:2]
    return int(precision), int(scale)


def _number(format: str) -> ColumnType:
    return ColumnType("number", format)


s8 = Annotated[int, _number("c")]
s16 = Annotated[int, _number("s")]
s32 = Annotated[int, _number("i")]
s64 = Annotated[int, _number("l")]
u8 = Annotated[int, _number("C")]
u16 = Annotated[int, _number("S")]
u32 = Annotated[int, _number("I")]
u64 = Annotated[int, _number("L")]
f32 = Annotated[float, _number("f")]
f64 = Annotated[float, _number("g")]


def decimal(precision: int, scale: int) -> Any:
    """The type of a `decimal.Decimal` of so many digits, `scale` of them after the point."""
    if not (1 <= precision <= 38 and 0 <= scale <= precision):
        raise TypeError("a decimal has 1 to 38 digits, and no more of them after the point")
    return Annotated[dec.Decimal, ColumnType("decimal", f"d:{precision},{scale}")]


PLAIN = {
    bool: ColumnType("bool", "b"),
    int: _number("l"),
    float: _number("g"),
    str: ColumnType("str", "u"),
    bytes: ColumnType("bytes", "z"),
    dt.date: ColumnType("date", "tdD"),
    dt.datetime: ColumnType("datetime", "tsu:"),
    Timestamp: ColumnType("timestamp", "tsu:"),
}


def union(annotation: Any) -> tuple[list[Any], bool]:
    """The members of `A | B | None`, and whether None is one of them."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = list(typing.get_args(annotation))
        return [member for member in members if member is not type(None)], type(None) in members
    return [annotation], False


def column(of: str, annotation: Any, default_name: str) -> tuple[str, ColumnType]:
    """The column that an argument or field stands for: its name and type. `of` is how messages call it."""
    found_name, found, unit = default_name, None, None
    nullable = False
    while True:
        if typing.get_origin(annotation) is Annotated:
            annotation, *notes = typing.get_args(annotation)
            for note in notes:
                if isinstance(note, Name):
                    found_name = note.name
                elif isinstance(note, Unit):
                    unit = note.unit
                elif isinstance(note, ColumnType):
                    found = note
        members, optional = union(annotation)
        if not optional or len(members) != 1:
            break
        annotation, nullable = members[0], True
    found = found or PLAIN.get(annotation)
    if found is None:
        known = "bool, int, float, str, bytes, date, datetime, Timestamp, decimal(…) and s8 … u64, f32, f64"
        raise TypeError(f"{of} is annotated {annotation!r}, which no column is; use {known}")
    format = found.format
    if unit is not None:
        if found.kind not in ("datetime", "timestamp") or unit not in ("s", "ms", "us"):
            raise TypeError(f"{of}: `Unit` is for timestamps, and is `s`, `ms` or `us`")
        format = f"ts{unit[0]}:"
    return found_name, ColumnType(found.kind, format, nullable)
