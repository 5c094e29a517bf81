"""Tests of operators in plain Python, without an engine and without WebAssembly.

    from pelton_guest.testing import enriched, fold, run, start

    def test_cheap_bids_are_left_out():
        out = run(to_euro, {"auction": [1, 2], "price": [99.0, 300.0]}, options={"rate": 0.5, "min": 100.0})
        assert out.main == {"auction": [2], "price": [300.0], "euro": [150.0]}

    def test_prices_are_apart():
        out = fold(Spread, {"auction": [1, 2, 1], "price": [3.0, 5.0, 10.5]}, key=["auction"])
        assert out.main == {"auction": [1, 2], "range": [7.5, 0.0]}

    def test_a_visit_ends():
        run = start(visits, key=["user"])
        run.rows({"user": ["a"], "at": [0]})
        assert run.watermark(61_000_000).main == {"user": ["a"], "clicks": [1]}

    def test_bids_are_priced():
        out = enriched(InEuro, {"price": [8.0], "currency": ["USD"]}, replies=lambda request: Reply(200, "0.5"))
        assert out.main["euro"] == [4.0]

The code that runs is the module's, through the buffers that cross the boundary. Rows of transforms and enrich operators are also run one by
one, and those of aggregates folded in parts: an answer that depends on how rows are cut fails the test.
"""

from .._columns import Wrong
from ._batches import Out, run
from ._enriched import enriched
from ._epochs import Run, start
from ._folds import fold
from ._joins import join
from ._rows import Refused

__all__ = ["Out", "Refused", "Run", "Wrong", "enriched", "fold", "join", "run", "start"]
