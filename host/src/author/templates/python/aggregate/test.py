from pelton_guest.testing import fold

from {{file}} import {{pascal}}


def test_prices_are_apart():
    out = fold({{pascal}}, {"auction": [1, 2, 1], "price": [3.0, 5.0, 10.5]}, key=["auction"])
    assert out.main == {"auction": [1, 2], "range": [7.5, 0.0]}


def test_low_prices_do_not_count():
    assert fold({{pascal}}, {"price": [0.5]}, options={"min": 1.0}).main == {"range": []}
