"""The records that cross the boundary, by the names of `wit/types.wit`.

Within a component they are the generated classes; in plain Python, where tests run, they are the ones below. Nothing
else in the package knows in which of the two it runs.
"""

from __future__ import annotations

from dataclasses import dataclass

try:
    from componentize_py_types import Err
    from wit_world.imports import log as host
    from wit_world.imports.types import (
        BatchContext, Contract, Emitted, Failure_Fatal, Failure_Retry, Field, Input, Node, Output, OutputField_Computed,
        OutputField_Pass, Port, Rejection, StateTable, Table,
    )

    IN_COMPONENT = True
except ImportError:
    IN_COMPONENT = False
    host = None

    @dataclass
    class Field:
        name: str
        format: str
        nullable: bool
        children: int

    @dataclass
    class Node:
        rows: int
        buffers: list[bytes]

    @dataclass
    class Table:
        rows: int
        nodes: list[Node]

    @dataclass
    class Input:
        name: str
        fields: list[Field]
        key: list[str]
        event_time: str | None
        mode: str
        properties: list[tuple[str, str]]

    @dataclass
    class OutputField_Pass:
        value: tuple[str, str]

    @dataclass
    class OutputField_Computed:
        value: Field

    @dataclass
    class Port:
        name: str
        fields: list
        event_time: str | None

    @dataclass
    class StateTable:
        name: str
        subkey: list[Field]
        values: list[Field]

    @dataclass
    class Contract:
        reads: list[list[str]]
        ports: list[Port]
        tables: list[str]
        state: list
        state_version: int
        properties: list[tuple[str, str]]

    @dataclass
    class BatchContext:
        epoch: int
        first_row: int
        now: int
        watermark: int
        seed: int

    @dataclass
    class Emitted:
        port: int
        origin: bytes | None
        computed: Table

    @dataclass
    class Rejection:
        row: int
        reason: str

    @dataclass
    class Output:
        emitted: list[Emitted]
        rejected: list[Rejection]

    @dataclass
    class Failure_Fatal:
        value: str

    @dataclass
    class Failure_Retry:
        value: str

    @dataclass(frozen=True)
    class Err(Exception):
        value: object
