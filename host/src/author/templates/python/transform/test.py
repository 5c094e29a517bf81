from pelton_guest.testing import run

from {{file}} import {{id}}


def test_cheap_bids_are_left_out():
    out = run({{id}}, {"auction": [1, 2], "price": [99.0, 300.0]}, options={"rate": 0.5, "min": 100.0})
    assert out.main == {"auction": [2], "price": [300.0], "euro": [150.0]}


def test_what_is_no_price_is_rejected():
    out = run({{id}}, {"price": [-1.0]}, options={"rate": 0.5})
    assert out.rejected == [(0, "-1 is no price")]
