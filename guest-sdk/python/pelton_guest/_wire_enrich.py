"""The records of `wit/enrich.wit`: generated ones within an enrich operator's component, those below everywhere else."""

from __future__ import annotations

from dataclasses import dataclass

try:
    from wit_world.exports.enrich import Reply, Request, Requests
except ImportError:

    @dataclass
    class Request:
        endpoint: str
        method: str
        path: str
        headers: list[tuple[str, str]]
        body: bytes

    @dataclass
    class Requests:
        requests: list[Request]
        wanted: bytes

    @dataclass
    class Reply:
        status: int
        headers: list[tuple[str, str]]
        body: bytes
        error: str | None
