from pelton_guest.testing import start

from {{file}} import {{id}}

SCHEMA = {"bidder": "s64", "price": "f64", "at": "timestamp[us]"}
SECOND = 1_000_000


def test_a_session_ends_after_the_gap():
    run = start({{id}}, key=["bidder"], schema=SCHEMA, options={"gap": 30})
    run.rows({"bidder": [1, 2, 1], "price": [3.0, 5.0, 10.5], "at": [0, SECOND, 2 * SECOND]})
    assert run.state == {"bidder": [1, 2], "bids": [2, 1], "spent": [13.5, 5.0], "ends": [32 * SECOND, 31 * SECOND]}
    assert run.watermark(31 * SECOND).main == {"bidder": [2], "bids": [1], "spent": [5.0]}


def test_a_bid_after_the_gap_begins_another_session():
    run = start({{id}}, key=["bidder"], schema=SCHEMA, options={"gap": 30})
    out = run.rows({"bidder": [1, 1], "price": [3.0, 5.0], "at": [0, 30 * SECOND]})
    assert out.main == {"bidder": [1], "bids": [1], "spent": [3.0]}


def test_what_is_no_price_is_rejected():
    run = start({{id}}, key=["bidder"], schema=SCHEMA, options={"gap": 30})
    out = run.rows({"bidder": [1], "price": [-1.0], "at": [0]})
    assert out.rejected == [(0, "-1 is no price")]
