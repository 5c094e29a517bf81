"""What there is to know of each query of `make bench-peers`: its columns, the programs that run it and over which bids, and the goals.
ysb.py says the same of its own.

The queries themselves are in jobs/ and guests/ (Pelton), native/, peers/spark_bench.py and peers/flink/.
"""

from dataclasses import dataclass

FILES = {"1m": 4, "5m": 20, "20m": 80}
ROWS_PER_FILE = 250_000
# Every program answers right over this set before anything is timed.
SMALLEST = "1m"


@dataclass(frozen=True)
class Steady:
    """What Flink is measured over: a set of bids, from the row at which its compiler has warmed up to the last but `LAST_ROWS`."""

    set: str
    times: int
    warm_rows: int

    # One reader may read the last files alone.
    LAST_ROWS = 1_000_000

    @property
    def name(self) -> str:
        return "100m" if self.times > 1 else self.set


@dataclass(frozen=True)
class Goals:
    """How many times as fast Pelton is to be as Spark (rows/s), as Flink's best variant (rows per CPU-second)."""

    spark_floor: float
    # None: no more than the floor.
    spark: float | None
    flink_floor: float | None
    flink: float


@dataclass(frozen=True)
class Query:
    """A query that Pelton is compared by."""

    name: str
    # An answer has a number for each of these; see harness/answer.py.
    columns: tuple[str, ...]
    # The modules that its job has from tests/bench/guests.
    guests: tuple[str, ...]
    natives: tuple[str, ...]
    sparks: tuple[str, ...]
    # The sets that Spark runs over, and the one over which its faster mode is found.
    spark_sizes: tuple[str, ...]
    spark_trial: str
    flinks: tuple[str, ...]
    steady: Steady
    goals: Goals
    # Whether its results are windows: an endless stream leaves the last ones open.
    has_windows: bool = False
    # Whether its results are updates of groups. How many there are is up to the program: what is compared are the last ones.
    has_updates: bool = False

    @property
    def is_keyed(self) -> bool:
        return self.has_windows or self.has_updates


ROW_BY_ROW = {
    "natives": ("hand", "csv-core"),
    "sparks": ("csv", "text"),
    "spark_sizes": ("5m", "20m"),
    "spark_trial": "5m",
    "flinks": ("sql", "text", "bytes"),
    "steady": Steady("20m", times=5, warm_rows=60_000_000),
    "goals": Goals(spark_floor=10, spark=20, flink_floor=None, flink=1.2),
}
# Spark needs minutes for 20 M rows of these; Flink needs fewer rows to get warm, since each takes it longer.
KEYED = {
    "natives": ("hand",),
    "sparks": ("text",),
    "spark_sizes": ("5m",),
    "spark_trial": SMALLEST,
    "flinks": ("bytes", "bytes-sql"),
    "steady": Steady("20m", times=1, warm_rows=10_000_000),
}

QUERIES = {
    query.name: query
    for query in (
        Query("q1", ("auction", "bidder", "price", "ts"), guests=("q1",), **ROW_BY_ROW),
        Query("q2", ("auction", "bidder", "price", "ts"), guests=("q2",), **ROW_BY_ROW),
        Query("run", ("bidder", "cents", "count"), (), goals=Goals(20, 30, 2, 5), has_updates=True, **KEYED),
        Query(
            "wc",
            ("word", "count"),
            guests=("wc",),
            goals=Goals(20, 25, 2, 5),
            has_updates=True,
            **KEYED | {"flinks": ("text", "sql"), "steady": Steady("5m", times=1, warm_rows=2_000_000)},
        ),
        Query(
            "q7",
            ("bidder", "window_start", "price", "count"),
            (),
            goals=Goals(40, 60, 2, 5),
            has_windows=True,
            **KEYED,
        ),
        Query("q5", ("auction", "window_start", "count"), (), goals=Goals(40, 100, 2, 5), has_windows=True, **KEYED),
    )
}
