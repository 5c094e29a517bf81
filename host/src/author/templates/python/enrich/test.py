from pelton_guest import Reply, Request
from pelton_guest.testing import enriched

from {{file}} import {{pascal}}


def rates(request: Request) -> Reply:
    return Reply(200, "0.5\n") if request.path == "/latest/USD" else Reply(404, "no such file")


def test_bids_are_priced_by_the_rate_of_their_currency():
    out = enriched({{pascal}}, {"price": [8.0, 3.0, 1.0], "currency": ["USD", "EUR", "XXX"]}, replies=rates)
    assert out.main["euro"] == [4.0, 3.0]
    assert out.rejected == [(2, "status 404")]


def test_each_currency_is_asked_for_once():
    out = enriched({{pascal}}, {"price": [8.0, 3.0, 2.0], "currency": ["USD", "EUR", "USD"]}, replies=rates)
    assert out.requests == [Request("rates", "/latest/USD")]
