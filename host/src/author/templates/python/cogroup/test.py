from pelton_guest.testing import join

from {{file}} import {{id}}


def test_what_is_still_to_be_paid():
    items = {"order": [1, 2, 1], "price": [5.0, 8.0, 6.0]}
    payments = {"order": [2, 1, 4], "euro": [8.0, 4.0, 9.0]}
    out = join({{id}}, items, payments, key=["order"], options={"least": 1.0})
    assert out.main == {"order": [1], "unpaid": [7.0]}
    assert out.rejected == [(5, "there is no order 4")]
