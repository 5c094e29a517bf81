"""`@enrich`: a class with the functions `ask`, which says what to fetch for a row, and `answer`, which makes rows of the reply, as an operator.

The engine sends what is asked, each different request of a batch once, and calls `answer` with the same rows. Rows are loaded twice, by the
same rules, so that both functions see the same ones; one that is refused asks nothing and is rejected with the answer.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from itertools import repeat
from struct import pack
from typing import Any

from . import _batch, _options, _rows
from . import _wire_enrich as wire
from ._answers import Answers, Reject
from ._arguments import Arguments
from ._asked import Reply, Request
from ._columns import Wrong
from ._context import Context
from ._contract import Plan, Read, fit
from ._types import union
from ._wire import BatchContext, Contract, Input, Output, Rejection, Table

#: What a row waits for that waits for nothing.
NO_REQUEST = (1 << 32) - 1
ASK = "`ask`, which says what to fetch for a row"
ANSWER = "`answer`, which makes rows of the reply"


class Again(Exception):
    """The batch is to be asked again, and why."""


@dataclasses.dataclass
class Opened:
    """What `open` agreed on."""

    plan: Plan
    options: Any


class Function:
    """`ask` or `answer`: what it is called with."""

    def __init__(self, cls: type, name: str, given: dict[Any, str]) -> None:
        self.name = f"{cls.__name__}.{name}"
        self.call: Callable = getattr(cls, name, None)  # type: ignore[assignment]
        if not callable(self.call):
            raise TypeError(f"`{cls.__name__}` has no function `{name}`: an enrich operator has {ASK}, and {ANSWER}")
        if inspect.iscoroutinefunction(self.call):
            raise TypeError(f"`{self.name}` cannot be async: the engine sends what `ask` returns, and calls `answer` with the reply")
        parameters = inspect.signature(self.call).parameters
        if next(iter(parameters), "") == "self":
            raise TypeError(f"`{self.name}` takes `self`, but nothing is kept between rows: make it a `@staticmethod` of the columns that it reads")
        if "reply" in parameters and parameters["reply"].annotation is inspect.Parameter.empty:
            raise TypeError(f"`{self.name}.reply` has no annotation: write `reply: Reply`, or `reply: Reply | None`")
        self.arguments = Arguments(self.name, self.call, given=given, names={**vars(cls), cls.__name__: cls})
        if "return" not in self.arguments.hints:
            raise TypeError(f"say what `{self.name}` returns")
        self.returns = self.arguments.hints["return"]
        #: The places of its columns among those of both functions.
        self.places: list[int] = []

    def of_rows(self, rows: Rows, given: dict[str, Iterable]) -> tuple[Callable, Iterable[tuple]]:
        """What is called, and with what for each row."""
        return self.arguments.of_rows(self.call, rows.numbers, [rows.values[at] for at in self.places], given)


@dataclasses.dataclass
class Rows:
    """The rows of a call that the functions see: their numbers, and the columns that both read."""

    numbers: range | list[int]
    values: list[Any]
    rejected: list[Rejection]


class Enrich:
    """A class that is an operator."""

    def __init__(self, cls: type, passing: _rows.Passing, event_time: str | None) -> None:
        self.cls, self.name, self.passing, self.event_time = cls, cls.__name__, passing, event_time
        # Before there is a reply nobody is given one.
        self.asks = Function(cls, "ask", {Context: "ctx", Reply: "reply", Reply | None: "reply"})
        self.answers = Function(cls, "answer", {Context: "ctx", Reply: "reply", Reply | None: "maybe reply"})
        self.may_ask_nothing = self._asked()
        self._replied()
        self.made = Answers(self.answers.name, self.answers.returns)
        self.reads = self._reads()
        self.options_class = self._options()

    def _asked(self) -> bool:
        """Checks what `ask` takes and returns; whether that may be nothing."""
        if "reply" in self.asks.arguments.order:
            raise TypeError(f"`{self.asks.name}` is called before there is a reply: it is for `answer`")
        members, optional = union(self.asks.returns)
        if members != [Request]:
            raise TypeError(
                f"`{self.asks.name}` returns `{inspect.formatannotation(self.asks.returns)}`: it returns a `Request`, or `Request | None` where a row may need nothing"
            )
        return optional

    def _replied(self) -> None:
        """Checks how `answer` takes the reply."""
        order = self.answers.arguments.order
        if order.count("reply") + order.count("maybe reply") != 1:
            wants = "Reply | None" if self.may_ask_nothing else "Reply"
            raise TypeError(f"`{self.answers.name}` takes the reply, once: `reply: {wants}`")
        if self.may_ask_nothing and "reply" in order:
            raise TypeError(f"`{self.asks.name}` may ask nothing, so `{self.answers.name}` takes `reply: Reply | None`")

    def _reads(self) -> list[Read]:
        """The columns that the two read; one that both read is one."""
        reads: list[Read] = []
        for function in (self.asks, self.answers):
            for read in function.arguments.reads:
                at = next((at for at, known in enumerate(reads) if known.column == read.column), len(reads))
                if at == len(reads):
                    reads.append(read)
                elif reads[at].type != read.type:
                    raise TypeError(f"`{reads[at].field}` and `{read.field}` are one column: annotate them alike")
                function.places.append(at)
        return reads

    def _options(self) -> type | None:
        found = [of.arguments.options_class for of in (self.asks, self.answers) if of.arguments.options_class is not None]
        if len(set(found)) > 1:
            raise TypeError(f"`{self.name}` has one class of options, but its functions take `{found[0].__name__}` and `{found[1].__name__}`")
        return found[0] if found else None

    def open(self, inputs: list[Input], options: str) -> tuple[Contract, Opened]:
        """Raises `Unfit` or `BadOptions` with words for the job's owner."""
        read_options = _options.read(self.options_class, options)
        contract, plan = fit(inputs, self.reads, self.made.ports, self.passing, self.event_time)
        return contract, Opened(plan, read_options)

    def _load(self, opened: Opened, table: Table) -> Rows:
        columns = _batch.views(table, opened.plan.formats, self.reads)
        rejected: list[Rejection] = []
        kept = _batch.refuse_nulls(columns, self.reads, table.rows, rejected)
        numbers = range(table.rows) if kept is None else kept
        return Rows(numbers, _batch.values(columns, self.reads, kept), rejected)

    def asked(self, opened: Opened, context: BatchContext, table: Table) -> tuple[list[Request], bytes]:
        """Each different request once, in the order in which rows ask for them; and for each row the number of its own (u32)."""
        rows, ctx = self._load(opened, table), Context(context)
        function, calls = self.asks.of_rows(rows, {"ctx": map(ctx.at, rows.numbers), "options": repeat(opened.options)})
        places: dict[Request, int] = {}
        wanted = [NO_REQUEST] * table.rows
        for row, arguments in zip(rows.numbers, calls):
            try:
                request = function(*arguments)
            except Reject as why:
                raise Wrong(f"`ask` rejects a row ({why}): it returns None instead, and `answer` rejects the row") from None
            if isinstance(request, Request):
                wanted[row] = places.setdefault(request, len(places))
            elif request is not None or not self.may_ask_nothing:
                raise Wrong(f"`ask` returned {request!r:.200}, but its annotation says `{'Request | None' if self.may_ask_nothing else 'Request'}`")
        return list(places), pack(f"<{len(wanted)}I", *wanted)

    def ask(self, opened: Opened, context: BatchContext, table: Table) -> wire.Requests:
        """The same, as it crosses to the host."""
        requests, wanted = self.asked(opened, context, table)
        return wire.Requests([wire.Request(of.endpoint, of.method, of.path, list(of.headers), of.body) for of in requests], wanted)

    def answer(self, opened: Opened, context: BatchContext, table: Table, wanted: bytes, told: list[wire.Reply]) -> Output:
        """Raises `Again` where a row said so."""
        rows, ctx = self._load(opened, table), Context(context)
        replies = [Reply(of.status, of.body, of.headers, error=of.error) for of in told]
        numbers = memoryview(wanted).cast("I")

        def reply(row: int) -> Reply | None:
            if numbers[row] < len(replies):
                return replies[numbers[row]]
            if numbers[row] == NO_REQUEST and self.may_ask_nothing:
                return None
            raise Wrong("the engine has no reply for a row that waits for one")

        given = {"ctx": map(ctx.at, rows.numbers), "options": repeat(opened.options)}
        given |= dict.fromkeys(("reply", "maybe reply"), map(reply, rows.numbers))
        function, calls = self.answers.of_rows(rows, given)
        made = self.made.collect(function, rows.numbers, calls, rows.rejected)
        for one in replies:
            if one._again is not None:
                raise Again(one._again)
        return Output(self.made.emitted(made, opened.plan.order, table.rows), rows.rejected)


def enrich(
    cls: type | None = None,
    *,
    passes: str | Iterable[str] = "all",
    drop: Iterable[str] = (),
    rename: Mapping[str, str] | None = None,
    event_time: str | None = None,
) -> Any:
    """Makes a class an operator, by its functions `ask` and `answer`. They can still be called.

    The arguments of both name columns, as those of a transform do, and may take `options` and `ctx`; `answer` takes the reply, and returns what
    a transform's function may. `passes`, `drop`, `rename` and `event_time` are as there.
    """

    def decorate(cls: type) -> type:
        cls.__pelton_operator__ = Enrich(cls, _rows.passing(passes, drop, rename or {}), event_time)  # type: ignore[attr-defined]
        return cls

    return decorate(cls) if cls is not None else decorate
