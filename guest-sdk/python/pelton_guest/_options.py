"""Options: the JSON of a job file, as a dataclass of the author with its defaults."""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import Any

from ._names import suggest
from ._types import Name, union


class BadOptions(Exception):
    """Options that do not fit, in words for the job's owner."""


def read(cls: type | None, text: str) -> Any:
    """The options as an instance of `cls`; of a module without options, None."""
    try:
        given = json.loads(text or "{}")
    except ValueError as error:
        raise BadOptions(f"the options are not JSON: {error}") from None
    if not isinstance(given, dict):
        raise BadOptions(f"the options must be a table of names and values, not {json.dumps(given)}")
    if cls is None:
        for name in given:
            raise BadOptions(f"there is no option `{name}`: this module has no options")
        return None
    fields = {option_name(cls, field): field for field in dataclasses.fields(cls)}
    for name in given:
        if name not in fields:
            raise BadOptions(f"there is no option `{name}`: {suggest(name, fields)}")
    hints = typing.get_type_hints(cls)
    values = {}
    for name, field in fields.items():
        wanted = hints[field.name]
        if name in given:
            values[field.name] = convert(f"option `{name}`", wanted, given[name])
        elif union(wanted)[1] and _has_no_default(field):
            values[field.name] = None
        elif _has_no_default(field):
            raise BadOptions(f"option `{name}` is missing: it must be {expected(wanted)}")
    try:
        return cls(**values)
    except ValueError as error:
        raise BadOptions(str(error)) from None


def option_name(cls: type, field: dataclasses.Field) -> str:
    annotation = typing.get_type_hints(cls, include_extras=True)[field.name]
    notes = typing.get_args(annotation)[1:] if typing.get_origin(annotation) is typing.Annotated else ()
    return next((note.name for note in notes if isinstance(note, Name)), field.name)


def _has_no_default(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


WORDS = {bool: "true or false", int: "an integer", float: "a number", str: "a text"}


def expected(wanted: Any) -> str:
    members, _ = union(wanted)
    (member,) = members if len(members) == 1 else (wanted,)
    origin = typing.get_origin(member) or member
    if origin is list:
        return "a list"
    if origin is dict or dataclasses.is_dataclass(origin):
        return "a table"
    return WORDS.get(origin, "a value")


def convert(of: str, wanted: Any, value: Any) -> Any:
    """`value` of the JSON as the type that the field is annotated with."""
    members, optional = union(wanted)
    if value is None and optional:
        return None
    if len(members) == 1:
        wanted = members[0]
    origin, args = typing.get_origin(wanted) or wanted, typing.get_args(wanted)
    if origin is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if origin is list and isinstance(value, list):
        return [convert(of, args[0], item) for item in value] if args else value
    if origin is dict and isinstance(value, dict):
        return {key: convert(of, args[1], item) for key, item in value.items()} if args else value
    if dataclasses.is_dataclass(origin) and isinstance(value, dict):
        return read(origin, json.dumps(value))
    if origin in (str, bool) and isinstance(value, origin):
        return value
    if origin is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if origin is Any:
        return value
    raise BadOptions(f"{of} must be {expected(wanted)}, not {json.dumps(value)}")
