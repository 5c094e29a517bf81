"""The answer to `open`: what a transform reads and makes, fitted to the columns of its input.

Every message is for the owner of the job, who sees columns and options, not Python.
"""

from __future__ import annotations

from dataclasses import dataclass

from ._names import suggest
from ._rows import Passing, PortSpec
from ._types import ColumnType, name
from ._wire import Contract, Field, Input, OutputField_Computed, OutputField_Pass, Port


class Unfit(Exception):
    """Columns that do not fit, in words for the job's owner."""


@dataclass(frozen=True)
class Read:
    """A column that a function reads, as its argument says."""

    #: How messages call the argument: `to_euro.price`.
    field: str
    column: str
    type: ColumnType


@dataclass
class Plan:
    """How batches are read and answered, as agreed in `open`."""

    #: The formats of the columns read.
    formats: list[str]
    #: For each port, its computed columns in the contract's order: places in the row class.
    order: list[list[int]]


def fit(
    inputs: list[Input], reads: list[Read], ports: list[PortSpec], passing: Passing, event_time: str | None
) -> tuple[Contract, Plan]:
    edges = [given for given in inputs if given.mode != "table"]
    if len(edges) != 1:
        raise Unfit(f"this module has one input, but the operator has {len(edges)}")
    columns = top_level(edges[0].fields)
    formats = [read_format(read, columns) for read in reads]
    laid_out, order = [], []
    for index, port in enumerate(ports):
        fields, places = lay_out(port, (port.passing or passing).of(edges[0].key), list(columns))
        of_port = port.event_time or (event_time if index == 0 else None)
        if of_port is not None:
            check_event_time(of_port, port.name, fields)
        laid_out.append(Port(port.name, fields, of_port))
        order.append(places)
    contract = Contract([[read.column for read in reads]], laid_out, [], [], 0, [])
    return contract, Plan(formats, order)


def top_level(fields: list[Field]) -> dict[str, Field]:
    """The columns, without the children of lists and structs."""
    columns, skip = {}, 0
    for field in fields:
        if skip:
            skip += field.children - 1
        else:
            columns[field.name] = field
            skip = field.children
    return columns


def read_format(read: Read, columns: dict[str, Field], of: str = "the input") -> str:
    wants = read.type.name
    if read.column not in columns:
        hint = suggest(read.column, columns)
        raise Unfit(f"{of} has no column `{read.column}`, which `{read.field}` reads as {wants}: {hint}")
    format = columns[read.column].format
    if not read.type.accepts(format):
        raise Unfit(f"column `{read.column}` is {name(format)}, but `{read.field}` reads it as {wants}")
    return format


def lay_out(port: PortSpec, passing: Passing, columns: list[str]) -> tuple[list, list[int]]:
    """The columns of a port: the passed ones in the input's order, a computed one in the place of the passed one whose
    name it has, and then the other computed ones."""
    check_names(port.name, passing, columns)
    computed = {name: at for at, (name, _) in enumerate(port.columns)}
    fields, order, taken = [], [], set()

    def compute(name: str) -> None:
        taken.add(name)
        order.append(computed[name])
        type = port.columns[computed[name]][1]
        fields.append(OutputField_Computed(Field(name, type.format, type.nullable, 0)))

    for column in filter(passing.passes, columns):
        new_name = passing.name_of(column)
        if new_name in computed:
            if new_name not in taken:
                compute(new_name)
        elif new_name in taken:
            raise Unfit(
                f"output `{port.name}` would have two columns `{new_name}`: "
                "`rename` gives a column this name, and another has it already"
            )
        else:
            taken.add(new_name)
            fields.append(OutputField_Pass((column, new_name)))
    for column in computed:
        if column not in taken:
            compute(column)
    return fields, order


def check_names(port: str, passing: Passing, columns: list[str]) -> None:
    """Every column that `passes`, `drop` or `rename` names must be there."""
    renamed = [old for old, _ in passing.rename]
    for attribute, names in (("passes", passing.only or ()), ("drop", passing.drop), ("rename", renamed)):
        for column in names:
            if column not in columns:
                hint = suggest(column, columns)
                raise Unfit(f"the input has no column `{column}`, which `{attribute}` of output `{port}` names: {hint}")


def check_event_time(column: str, port: str, fields: list) -> None:
    names = [field.value[1] if isinstance(field, OutputField_Pass) else field.value.name for field in fields]
    if column not in names:
        raise Unfit(f"output `{port}` has no column `{column}` to be its event time: {suggest(column, names)}")
