"""What an enrich operator asks, and what it is told: requests and replies."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from ._answers import Reject

#: By names, or in pairs where a name comes more than once.
Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]

#: The characters that RFC 3986 calls unreserved.
UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")


def encode(text: str) -> str:
    """Text as it may stand within a segment of a path: all but letters, digits, `-`, `_`, `.` and `~` becomes `%41`.

    The engine refuses a segment that is `.` or `..`, however it is written: a row that may have one asks nothing.
    """
    return "".join(chr(byte) if byte in UNRESERVED else f"%{byte:02X}" for byte in text.encode())


@dataclasses.dataclass(frozen=True, init=False, slots=True)
class Request:
    """A request to an endpoint, by the name that the job file gives it. The engine adds the endpoint's URL and secrets, and sends it.

        Request("rates", f"/latest/{encode(currency)}", query={"base": "EUR"})
        Request("words", "/count", body=text, headers={"accept": "text/plain"})

    With a `body` it is a POST, else a GET: to ask, and change nothing, for it may be sent more than once. `query` is encoded and appended to
    `path`, which is below the endpoint's URL; parts of `path` that come from rows are to be encoded by `encode`.
    """

    endpoint: str
    #: With the query.
    path: str
    method: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def __init__(
        self,
        endpoint: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        headers: Headers = (),
        body: str | bytes | None = None,
    ) -> None:
        _check("the endpoint of a request", endpoint, str)
        _check(f"the path of a request to `{endpoint}`", path, str)
        for name, value in (query or {}).items():
            _check(f"`{name}` of the query to `{endpoint}`", value, (str, int), "a str or an int")
            path += f"{'&' if '?' in path else '?'}{encode(name)}={encode(str(value))}"
        said = {
            "endpoint": endpoint,
            "path": path,
            "method": "GET" if body is None else "POST",
            "headers": _pairs(f"a request to `{endpoint}`", headers),
            "body": _bytes(f"the body of a request to `{endpoint}`", b"" if body is None else body),
        }
        for name, value in said.items():
            object.__setattr__(self, name, value)


@dataclasses.dataclass(init=False, slots=True)
class Reply:
    """What was answered, or why nothing was. Statuses such as 404 and 500 are replies; a refused connection, a timeout, or a body over the
    endpoint's `max-reply` is an `error`. In tests: `Reply(200, "0.5")`, `Reply(error="refused")`.
    """

    #: 0 if there is no answer.
    status: int = 0
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    #: Why no answer came; None if one did.
    error: str | None = None
    #: Why the batch is to be asked again.
    _again: str | None = dataclasses.field(default=None, init=False, repr=False, compare=False)

    def __init__(self, status: int = 0, body: str | bytes = b"", headers: Headers = (), *, error: str | None = None) -> None:
        _check("the status of a reply", status, int, "an int")
        self.status, self.body, self.error = status, _bytes("the body of a reply", body), error
        self.headers, self._again = _pairs("a reply", headers), None

    @property
    def ok(self) -> bool:
        """A status from 200 to 299."""
        return self.error is None and 200 <= self.status < 300

    def header(self, name: str) -> str | None:
        """The first header of this name, whatever its case."""
        name = name.lower()
        return next((value for header, value in self.headers if header.lower() == name), None)

    def text(self) -> str:
        """The body of a reply that is ok. Of any other it rejects the row, with what came instead."""
        if self.error is not None:
            raise Reject(self.error)
        if not self.ok:
            raise Reject(f"status {self.status}")
        try:
            return self.body.decode()
        except UnicodeDecodeError:
            raise Reject("the reply is not UTF-8") from None

    def again(self, why: str) -> Reject:
        """`raise reply.again("not ready yet")`: has the whole batch asked again, after a while: replies that are errors, or all if there are
        none such. If that was done as often as the endpoint allows, the job fails."""
        self._again = str(why)
        return Reject(self._again)


def _pairs(of: str, headers: Headers) -> tuple[tuple[str, str], ...]:
    pairs = tuple((name, value) for name, value in (headers.items() if isinstance(headers, Mapping) else headers))
    for name, value in pairs:
        _check(f"the name of a header of {of}", name, str)
        _check(f"the header `{name}` of {of}", value, str)
    return pairs


def _bytes(of: str, given: str | bytes) -> bytes:
    _check(of, given, (str, bytes), "a str or bytes")
    return given.encode() if isinstance(given, str) else given


def _check(of: str, given: object, is_a: type | tuple[type, ...], words: str = "a str") -> None:
    if not isinstance(given, is_a) or isinstance(given, bool):
        raise TypeError(f"{of} is {words}, not {given!r:.200}")
