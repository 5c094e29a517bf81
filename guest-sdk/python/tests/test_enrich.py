"""Enrich operators: what is asked, what becomes of replies, rows that are not shown, options, and mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import pytest

from pelton_guest import Context, Name, Reject, Reply, Request, encode, enrich, port
from pelton_guest._wire import BatchContext
from pelton_guest.testing import Refused, Wrong, enriched
from pelton_guest.testing._rows import Given


@dataclass
class Options:
    limit: int
    endpoint: str = "dictionary"


class Told(NamedTuple):
    word: str
    text: str


@port("heavy", passes="none")
class Heavy(NamedTuple):
    row: int


@enrich(drop=["weight"])
class Look:
    @staticmethod
    def ask(word: str, options: Options) -> Request:
        return Request(options.endpoint, f"/words/{encode(word)}", body="what?", headers={"accept": "text/plain"})

    @staticmethod
    def answer(word: str, weight: int, reply: Reply, options: Options, ctx: Context) -> list[Told | Heavy]:
        if reply.body == b"later":
            raise reply.again(f"`{word}` is not known yet")
        told: list[Told | Heavy] = [Told(word, reply.text())]
        return [*told, Heavy(ctx.row)] if weight > options.limit else told


LINES = {"id": [1, 2, 3, 4], "word": ["a b", None, "c", "a b"], "weight": [1, 2, 30, 40]}


def test_rows_are_told_what_they_asked_and_those_that_are_not_shown_ask_nothing():
    out = enriched(Look, LINES, replies=lambda request: Reply(200, request.path), options={"limit": 10})
    assert out.main == {"id": [1, 3, 4], "word": ["a b", "c", "a b"], "text": ["/words/a%20b", "/words/c", "/words/a%20b"]}
    assert out.port("heavy") == {"row": [2, 3]}
    assert out.rejected == [(1, "`word` is null")]
    assert Look.ask("x", Options(1)).path == "/words/x", "the plain function can be called"


def test_each_different_request_is_asked_once():
    told = []
    replies = lambda request: told.append(request) or Reply(200, "")  # noqa: E731
    out = enriched(Look, LINES, replies=replies, options={"limit": 10, "endpoint": "other"})
    assert told == out.requests
    assert [(of.endpoint, of.method, of.path) for of in told] == [("other", "POST", "/words/a%20b"), ("other", "POST", "/words/c")]
    assert told[0].body == b"what?" and told[0].headers == (("accept", "text/plain"),)


def test_what_rows_wait_for_crosses_as_numbers():
    operator = Look.__pelton_operator__
    given = Given.of(LINES, None)
    contract, state = operator.open([given.input()], '{"limit": 1}')
    assert contract.reads == [["word", "weight"]]
    asked = operator.ask(state, BatchContext(1, 0, 0, 0, 0), given.table(contract.reads[0], range(4)))
    assert list(memoryview(asked.wanted).cast("I")) == [0, 0xFFFF_FFFF, 1, 0]
    assert [(of.method, of.path, of.headers) for of in asked.requests][1] == ("POST", "/words/c", [("accept", "text/plain")])


def test_what_went_wrong_rejects_the_rows_that_wait_for_it():
    replies = lambda request: Reply(500) if request.path == "/words/c" else Reply(error="refused")  # noqa: E731
    out = enriched(Look, LINES, replies=replies, options={"limit": 10})
    assert out.rejected == [(0, "refused"), (1, "`word` is null"), (2, "status 500"), (3, "refused")]
    assert out.main["word"] == [] and out.port("heavy") == {"row": []}
    out = enriched(Look, LINES, replies=lambda _: Reply(200, b"\xff"), options={"limit": 10})
    assert out.rejected[0] == (0, "the reply is not UTF-8")


def test_a_batch_may_be_asked_again():
    asked = []

    def replies(request: Request) -> Reply:
        asked.append(request.path)
        return Reply(200, "later" if len(asked) < 4 else "now")

    out = enriched(Look, LINES, replies=replies, options={"limit": 100})
    assert out.main["text"] == ["now", "now", "now"]
    assert len(asked) == 6, "two requests, three times"
    with pytest.raises(AssertionError, match="`Look` wants to ask again: `a b` is not known yet"):
        enriched(Look, LINES, replies=lambda _: Reply(200, "later"), options={"limit": 100}, retries=1)


@enrich
class Patient:
    @staticmethod
    def ask(id: int) -> Request:
        return Request("slow", f"/{id}")

    @staticmethod
    def answer(reply: Reply) -> bool:
        if reply.error is not None:
            raise reply.again(reply.error)
        return reply.ok


def test_only_what_failed_is_asked_again_and_a_filter_makes_nothing():
    asked = []

    def replies(request: Request) -> Reply:
        asked.append(request.path)
        return Reply(error="refused") if asked == ["/1", "/2"] else Reply(204 if request.path == "/2" else 404)

    assert enriched(Patient, {"id": [1, 2]}, replies=replies).main == {"id": [2]}
    assert asked == ["/1", "/2", "/2"]


class Rated(NamedTuple):
    euro: float


@enrich
class InEuro:
    def ask(currency: str) -> Request | None:
        return None if currency == "EUR" else Request("rates", "/latest", query={"of": currency, "n": 1})

    def answer(price: float, reply: Reply | None) -> Rated | None:
        if reply is None:
            return Rated(price)
        return Rated(price * float(reply.text())) if reply.ok else None


def test_columns_of_both_functions_are_read_and_a_row_may_need_nothing():
    rows = {"currency": ["EUR", "é€", "XXX", "EUR"], "price": [3.0, 8.0, 1.0, None]}
    out = enriched(InEuro, rows, replies=lambda request: Reply(200, "0.5") if "%" in request.path else Reply(404))
    assert out.main["euro"] == [3.0, 4.0] and out.origins["out"] == [0, 1]
    assert out.rejected == [(3, "`price` is null")]
    assert out.requests == [Request("rates", "/latest?of=%C3%A9%E2%82%AC&n=1"), Request("rates", "/latest?of=XXX&n=1")]


def test_options_and_columns_are_checked():
    def refusal(rows, **options):
        with pytest.raises(Refused) as refused:
            enriched(Look, rows, replies=lambda _: Reply(), options=options)
        return str(refused.value)

    assert refusal(LINES) == "option `limit` is missing: it must be an integer"
    missing = refusal({"word": ["a"], "weigth": [1]}, limit=1)
    assert missing == "the input has no column `weight`, which `Look.answer.weight` reads as s64: did you mean `weigth`?"


def test_text_is_encoded_but_for_what_is_unreserved():
    assert encode("AZaz09-_.~") == "AZaz09-_.~"
    assert encode("a/b c?&=%+!'()*\n") == "a%2Fb%20c%3F%26%3D%25%2B%21%27%28%29%2A%0A"
    assert encode("é€🦀") == "%C3%A9%E2%82%AC%F0%9F%A6%80"
    assert Request("r", "/p?x", query={"a b": "ü"}).path == "/p?x&a%20b=%C3%BC"


def test_headers_of_a_reply_have_no_case():
    reply = Reply(204, headers={"X-Left": "7"})
    assert (reply.header("x-left"), reply.header("x-right")) == ("7", None)
    assert reply.ok and not Reply(304).ok and not Reply(error="gone").ok


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Request("rates", 5), "the path of a request to `rates` is a str, not 5"),
        (lambda: Request("rates", "/", body={"a": 1}), "the body of a request to `rates` is a str or bytes, not {'a': 1}"),
        (lambda: Request("rates", "/", headers={"n": 1}), "the header `n` of a request to `rates` is a str, not 1"),
        (lambda: Request("rates", "/", query={"n": None}), "`n` of the query to `rates` is a str or an int, not None"),
        (lambda: Reply("200"), "the status of a reply is an int, not '200'"),
    ],
)
def test_what_is_no_request_is_named(made, message):
    with pytest.raises(TypeError) as wrong:
        made()
    assert str(wrong.value) == message


def answer(reply: Reply) -> bool: ...


def answer_or_nothing(reply: Reply | None) -> bool: ...


def always(word: str) -> Request: ...


class Other(NamedTuple):
    n: int


@dataclass
class OtherOptions:
    n: int


async def later(word: str) -> Request: ...


MISTAKES = [
    ({"answer": answer}, "`X` has no function `ask`: an enrich operator has `ask`, which says what to fetch for a row, and `answer`, which"),
    ({"ask": always}, "`X` has no function `answer`"),
    ({"ask": lambda self, word: None, "answer": answer}, "`X.ask` takes `self`, but nothing is kept between rows: make it a `@staticmethod`"),
    ({"ask": later, "answer": answer}, "`X.ask` cannot be async"),
]


@pytest.mark.parametrize(("functions", "message"), MISTAKES)
def test_functions_that_cannot_be_called_are_told_at_import(functions, message):
    with pytest.raises(TypeError) as wrong:
        enrich(type("X", (), functions))
    assert str(wrong.value).startswith(message)


def test_mistakes_in_annotations_are_told_at_import():
    def refused(of_ask, of_answer=answer, /):
        with pytest.raises(TypeError) as wrong:
            enrich(type("X", (), {"ask": staticmethod(of_ask), "answer": staticmethod(of_answer)}))
        return str(wrong.value)

    def silent(word: str): ...
    def text(word: str) -> str: ...
    def early(reply: Reply) -> Request: ...
    def maybe(word: str) -> Request | None: ...
    def deaf(word: str) -> bool: ...
    def nullable(word: str | None, reply: Reply) -> bool: ...
    def limited(word: str, options: Options) -> Request: ...
    def otherwise(reply: Reply, options: OtherOptions) -> bool: ...
    def nothing(reply: Reply) -> str: ...
    def unsaid(reply) -> bool: ...

    assert refused(silent) == "say what `X.ask` returns"
    assert refused(text) == "`X.ask` returns `str`: it returns a `Request`, or `Request | None` where a row may need nothing"
    assert refused(early) == "`X.ask` is called before there is a reply: it is for `answer`"
    assert refused(maybe) == "`X.ask` may ask nothing, so `X.answer` takes `reply: Reply | None`"
    assert refused(always, unsaid) == "`X.answer.reply` has no annotation: write `reply: Reply`, or `reply: Reply | None`"
    assert refused(always, deaf) == "`X.answer` takes the reply, once: `reply: Reply`"
    assert refused(always, nullable) == "`X.ask.word` and `X.answer.word` are one column: annotate them alike"
    assert refused(limited, otherwise) == "`X` has one class of options, but its functions take `Options` and `OtherOptions`"
    assert "`X.answer` returns <class 'str'>" in refused(always, nothing)


def test_what_ask_returns_is_checked():
    @enrich
    class Wrongly:
        @staticmethod
        def ask(word: str) -> Request | None:
            if word == "reject":
                raise Reject("no word")
            return word or None  # type: ignore[return-value]

        @staticmethod
        def answer(word: Annotated[str, Name("word")], reply: Reply | None) -> Other:
            return Other(1)

    replies = lambda _: Reply()  # noqa: E731
    with pytest.raises(Wrong, match=r"`ask` returned 'a', but its annotation says `Request \| None`"):
        enriched(Wrongly, {"word": ["a"]}, replies=replies)
    with pytest.raises(Wrong, match=r"`ask` rejects a row \(no word\): it returns None instead, and `answer` rejects the row"):
        enriched(Wrongly, {"word": ["reject"]}, replies=replies)
    assert enriched(Wrongly, {"word": [""]}, replies=replies).main == {"word": [""], "n": [1]}
    with pytest.raises(TypeError, match="`replies` answers with a `Reply`, not None"):
        enriched(Look, LINES, replies=lambda _: None, options={"limit": 1})


def test_functions_that_keep_something_are_caught():
    seen: list[str] = []

    @enrich
    class Counts:
        @staticmethod
        def ask(word: str) -> Request:
            seen.append(word)
            return Request("words", f"/{len(seen)}")

        @staticmethod
        def answer(reply: Reply) -> bool:
            return True

    with pytest.raises(AssertionError, match="what is asked depends on how rows are cut into batches: row 0 by itself asks"):
        enriched(Counts, {"word": ["a", "b"]}, replies=lambda _: Reply(200))
