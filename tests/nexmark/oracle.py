"""Answers the queries by DuckDB, which shares nothing with Pelton: oracle.py DATA ANSWERS.

Run by test_nexmark.py in an environment that has DuckDB. Reads what generate.py wrote to DATA, and writes ANSWERS/qN.csv, with a header, for
each query below. These are the queries of the Nexmark suite; README.md says where and why one differs.
"""

import sys
from pathlib import Path

import duckdb

COLUMNS = {
    "person": {
        "id": "BIGINT",
        "name": "VARCHAR",
        "email_address": "VARCHAR",
        "credit_card": "VARCHAR",
        "city": "VARCHAR",
        "state": "VARCHAR",
        "date_time": "TIMESTAMP",
        "extra": "VARCHAR",
    },
    "auction": {
        "id": "BIGINT",
        "item_name": "VARCHAR",
        "description": "VARCHAR",
        "initial_bid": "BIGINT",
        "reserve": "BIGINT",
        "date_time": "TIMESTAMP",
        "expires": "TIMESTAMP",
        "seller": "BIGINT",
        "category": "BIGINT",
        "extra": "VARCHAR",
    },
    "bid": {
        "auction": "BIGINT",
        "bidder": "BIGINT",
        "price": "BIGINT",
        "channel": "VARCHAR",
        "url": "VARCHAR",
        "date_time": "TIMESTAMP",
        "extra": "VARCHAR",
    },
    "side_input": {"key": "BIGINT", "value": "VARCHAR"},
}
FILES = {"person": "persons-*.csv", "auction": "auctions-*.csv", "bid": "bids-*.csv", "side_input": "side_input.csv"}

QUERIES = {
    "q0": "SELECT auction, bidder, price, channel, url, date_time, extra FROM bid",
    "q1": "SELECT auction, bidder, 0.908 * price AS price, date_time, extra FROM bid",
    "q2": "SELECT auction, price FROM bid WHERE auction % 123 = 0",
    "q3": """
        SELECT P.name, P.city, P.state, A.id
        FROM auction A JOIN person P ON A.seller = P.id
        WHERE A.category = 10 AND P.state IN ('OR', 'ID', 'CA')""",
    "q4": """
        SELECT category, avg(final) AS final
        FROM (
            SELECT max(B.price) AS final, A.category
            FROM auction A JOIN bid B ON A.id = B.auction AND B.date_time BETWEEN A.date_time AND A.expires
            GROUP BY A.id, A.category)
        GROUP BY category""",
    "q5": """
        WITH hops AS (
            SELECT auction, time_bucket(INTERVAL '2 seconds', date_time) - back * INTERVAL '2 seconds' AS window_start
            FROM bid, range(5) AS ago(back)),
        counts AS (SELECT auction, count(*) AS num, window_start FROM hops GROUP BY auction, window_start)
        SELECT window_start + INTERVAL '10 seconds' AS window_end, auction, num
        FROM counts
        QUALIFY num = max(num) OVER (PARTITION BY window_start)""",
    "q7": """
        SELECT B.auction, B.bidder, B.price, B.date_time, B.extra
        FROM bid B JOIN (
            SELECT max(price) AS price, time_bucket(INTERVAL '10 seconds', date_time) AS window_start
            FROM bid
            GROUP BY window_start) M
        ON B.price = M.price AND time_bucket(INTERVAL '10 seconds', B.date_time) = M.window_start""",
    "q8": """
        SELECT P.id, P.name, P.window_start
        FROM (SELECT DISTINCT id, name, time_bucket(INTERVAL '10 seconds', date_time) AS window_start FROM person) P
        JOIN (SELECT DISTINCT seller, time_bucket(INTERVAL '10 seconds', date_time) AS window_start FROM auction) A
        ON P.id = A.seller AND P.window_start = A.window_start""",
    "q9": """
        SELECT
            A.id AS auction, A.item_name, A.description, A.initial_bid, A.reserve, A.date_time AS auction_date_time, A.expires, A.seller,
            A.category, A.extra AS auction_extra, B.bidder, B.price, B.date_time, B.extra
        FROM auction A JOIN bid B ON A.id = B.auction AND B.date_time BETWEEN A.date_time AND A.expires
        QUALIFY row_number() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.date_time, B.bidder DESC, B.extra DESC) = 1""",
    "q11": """
        WITH starts AS (
            SELECT bidder, date_time, coalesce(date_time - lag(date_time) OVER earlier >= INTERVAL '10 seconds', true) AS is_start
            FROM bid
            WINDOW earlier AS (PARTITION BY bidder ORDER BY date_time)),
        sessions AS (
            SELECT bidder, date_time, count_if(is_start) OVER (PARTITION BY bidder ORDER BY date_time) AS session
            FROM starts)
        SELECT bidder, count(*) AS bid_count, min(date_time) AS window_start, max(date_time) + INTERVAL '10 seconds' AS window_end
        FROM sessions
        GROUP BY bidder, session""",
    # Of one window without end; test_nexmark.py adds up those that a run had.
    "q12": "SELECT bidder, count(*) AS bid_count FROM bid GROUP BY bidder",
    "q13": """
        SELECT B.auction, B.bidder, B.price, B.date_time, S.value
        FROM bid B JOIN side_input S ON B.auction % 10000 = S.key""",
    "q14": """
        SELECT
            auction, bidder, 0.908 * price AS price,
            CASE
                WHEN hour(date_time) >= 8 AND hour(date_time) <= 18 THEN 'dayTime'
                WHEN hour(date_time) <= 6 OR hour(date_time) >= 20 THEN 'nightTime'
                ELSE 'otherTime'
            END AS bid_time_type,
            date_time, extra, length(extra) - length(replace(extra, 'c', '')) AS c_counts
        FROM bid
        WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000""",
    "q15": "SELECT {day} AS day, {counts}, {distinct} FROM bid GROUP BY day",
    "q16": """
        SELECT channel, {day} AS day, max(strftime(date_time, '%H:%M')) AS minute, {counts}, {distinct}
        FROM bid
        GROUP BY channel, day""",
    "q17": """
        SELECT
            auction, {day} AS day, {counts},
            min(price) AS min_price, max(price) AS max_price, avg(price) AS avg_price, sum(price) AS sum_price
        FROM bid
        GROUP BY auction, day""",
    "q18": """
        SELECT auction, bidder, price, channel, url, date_time, extra
        FROM bid
        QUALIFY row_number() OVER (
            PARTITION BY bidder, auction ORDER BY date_time DESC, price DESC, channel DESC, url DESC, extra DESC) = 1""",
    "q19": """
        SELECT
            auction, bidder, price, channel, url, date_time, extra,
            row_number() OVER (
                PARTITION BY auction ORDER BY price DESC, bidder DESC, channel DESC, url DESC, date_time DESC, extra DESC) AS rank
        FROM bid
        QUALIFY rank <= 10""",
    "q20": """
        SELECT
            auction, bidder, price, channel, url, B.date_time, B.extra,
            item_name, description, initial_bid, reserve, A.date_time AS auction_date_time, expires, seller, category,
            A.extra AS auction_extra
        FROM bid B JOIN auction A ON B.auction = A.id
        WHERE A.category = 10""",
}

RANKS = {"rank1": "price < 10000", "rank2": "price >= 10000 AND price < 1000000", "rank3": "price >= 1000000"}


def distinct(column: str) -> list[str]:
    """Different values of a column: in all, and by rank."""
    one = f"count(DISTINCT {column})"
    return [f"{one} AS total_{column}s", *[f"{one} FILTER ({rank}) AS {name}_{column}s" for name, rank in RANKS.items()]]


PARTS = {
    "day": "CAST(date_time AS DATE)",
    "counts": ", ".join(["count(*) AS total_bids", *[f"count(*) FILTER ({rank}) AS {name}_bids" for name, rank in RANKS.items()]]),
    "distinct": ", ".join(distinct("bidder") + distinct("auction")),
}


def load(database: duckdb.DuckDBPyConnection, data: Path) -> None:
    for table, columns in COLUMNS.items():
        path = str(data / FILES[table])
        read = f"read_csv(?, header = false, columns = {columns}, delim = ',', quote = '\"', escape = '\"')"
        database.execute(f"CREATE TABLE {table} AS FROM {read}", [path])


def answer(data: Path, answers: Path) -> None:
    database = duckdb.connect()
    load(database, data)
    for name, query in QUERIES.items():
        database.execute(f"COPY ({query.format(**PARTS)}) TO '{answers / name}.csv' (HEADER)")


if __name__ == "__main__":
    answer(*map(Path, sys.argv[1:]))
