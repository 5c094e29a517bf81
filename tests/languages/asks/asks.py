"""What an endpoint knows of words: asked by a path, or by a body; what it does not know is left out."""

from dataclasses import dataclass
from typing import NamedTuple

from pelton_guest import Reject, Reply, Request, encode, enrich, s32


@dataclass
class Options:
    least: int


class Known(NamedTuple):
    status: s32
    answer: str | None
    of: str | None


@enrich
class Asks:
    @staticmethod
    def ask(what: str | None, n: int, options: Options) -> Request | None:
        if what is None or n < options.least:
            return None
        if what.startswith("count "):
            return Request("words", "/count", body=what.removeprefix("count "), headers={"accept": "text/plain"})
        return Request("words", f"/words/{encode(what)}", query={"n": n})

    @staticmethod
    def answer(reply: Reply | None, options: Options) -> Known | None:
        if reply is None:
            return Known(0, None, None)
        if reply.error is not None:
            raise Reject("nobody answers")
        if reply.status == 202:
            raise reply.again("not ready yet")
        if reply.status == 404:
            return None
        return Known(reply.status, reply.text(), reply.header("X-Of"))
