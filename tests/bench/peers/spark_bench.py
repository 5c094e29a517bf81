#!/usr/bin/env python3
"""The queries on Spark, `local[2]`, for `make bench-peers` and `bench-ysb`.

Started by tests/bench/peers.py and ysb.py: spark_bench.py SCRATCH. Spark's JVM stays up between runs, so that every timed run
finds it warm. Each line of standard input is a run, {"query", "variant", "directory", "verify"}; each
is answered by one line of JSON on standard output: `answer` (when asked to verify), `wall_seconds`, `cpu_seconds` and
`peak_bytes` of the JVM.

Variants: how rows are parsed, and how the job runs.
  csv-…      Spark's CSV reader
  text-…     lines, split and cast in SQL: faster, but it knows no quotes
  …          those of spark_views.py for `ysb`
  …-stream   Structured Streaming over the files, a micro-batch of about a second, a checkpoint for each
  …-batch    one batch job over the same files: no durability at all

The sink is `noop`: Spark computes every output column into a row and drops it. Invariant: a timed run and a verified run
are the same query; verifying only adds sums in front of the sink, or for keyed queries, keeps the results and sums them afterwards.

A stream makes running counts after each micro-batch (output mode `update`; the answer is the last update of each key, and since
counts and sums only grow, the greatest) and windows once they are closed (`append`). A batch job makes each result once.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path

from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession, functions as f
from pyspark.sql.streaming.query import StreamingQuery
from pyspark.sql.streaming.readwriter import DataStreamReader

import spark_views

SCHEMA = "auction LONG, bidder LONG, price DOUBLE, channel STRING, ts LONG, filler STRING"
PRICE_UNITS = 1 << 20
# One micro-batch takes about a second, as long as an epoch of Pelton and a checkpoint interval of Flink.
FILES_PER_BATCH = 4
ROW_BY_ROW = ("q1", "q2")
WITH_UPDATES = ("run", "wc")
KEYS = {"run": "bidder", "wc": "word", "q7": "bidder", "q5": "auction", "ysb": "campaign"}


def session() -> SparkSession:
    spark = (
        SparkSession.builder.master("local[2]")
        .appName("bench-peers")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.memory", "2g")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.streaming.numRecentProgressUpdates", "10000")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def results(spark: SparkSession, order: dict) -> DataFrame:
    """What the query answers; a stream when the variant is one."""
    query, directory = order["query"], order["directory"]
    parser, _, mode = order["variant"].partition("-")
    reader = spark.read
    if mode == "stream":
        reader = spark.readStream.option("maxFilesPerTrigger", FILES_PER_BATCH)
    if query == "ysb":
        return spark_views.counts(spark, spark_views.views(reader, parser, directory), directory)
    return run_query(query, bids(reader, query, parser, directory))


def bids(reader: DataFrameReader | DataStreamReader, query: str, parser: str, directory: str) -> DataFrame:
    """The columns that the queries read (lines, for the word count)."""
    if parser == "csv":
        return reader.schema(SCHEMA).csv(directory)
    if query == "wc":
        return reader.text(directory)
    fields = reader.text(directory).select(f.split("value", ",").alias("field"))
    return fields.selectExpr(
        "CAST(field[0] AS LONG) auction",
        "CAST(field[1] AS LONG) bidder",
        "CAST(field[2] AS DOUBLE) price",
        "CAST(field[4] AS LONG) ts",
    )


def run_query(query: str, rows: DataFrame) -> DataFrame:
    if query == "q1":
        return rows.selectExpr("auction", "bidder", "price * 0.908D AS price", "ts")
    if query == "q2":
        return rows.where("auction % 123 = 0").select("auction", "bidder", "price", "ts")
    if query == "wc":
        words = rows.select(f.explode(f.split("value", ",")).alias("word"))
        return words.groupBy("word").agg(f.count("*").alias("count"))
    if query == "run":
        return rows.groupBy("bidder").agg(f.sum("price").alias("price"), f.count("*").alias("count"))
    timed = rows.withColumn("time", f.timestamp_millis("ts")).withWatermark("time", "2 seconds")
    if query == "q7":
        groups = timed.groupBy(f.window("time", "10 seconds"), "bidder")
        results = groups.agg(f.max("price").alias("price"), f.count("*").alias("count"))
    else:
        results = timed.groupBy(f.window("time", "10 seconds", "2 seconds"), "auction").agg(f.count("*").alias("count"))
    return results.withColumn("window_start", f.unix_millis("window.start")).drop("window")


def sums() -> list[Column]:
    return [
        f.count("*").alias("rows"),
        f.sum("auction").alias("auction"),
        f.sum("bidder").alias("bidder"),
        # As a decimal: it passes 2^63.
        f.sum(f.col("ts").cast("decimal(20,0)")).alias("ts"),
        f.sum("price").alias("price"),
        f.sum((f.col("price") * PRICE_UNITS).cast("long")).alias("price_units"),
    ]


def write_stream(rows: DataFrame, order: dict, checkpoint: Path, keep: Path | None = None) -> StreamingQuery:
    """Runs the stream to the end of its input, from an empty checkpoint; keeps what comes out, or drops it."""
    shutil.rmtree(checkpoint, ignore_errors=True)
    writer = rows.writeStream.option("checkpointLocation", str(checkpoint))
    writer = writer.outputMode("update" if order["query"] in WITH_UPDATES else "append")
    if keep is None:
        writer = writer.format("noop")
    else:
        writer = writer.foreachBatch(lambda batch, _: batch.write.mode("append").parquet(str(keep)))
    query = writer.trigger(availableNow=True).start()
    query.awaitTermination()
    return query


def write_batch(rows: DataFrame) -> None:
    rows.write.format("noop").mode("overwrite").save()


def verify(spark: SparkSession, order: dict, scratch: Path) -> dict:
    """The answer, all numbers integers but `price`."""
    query, rows = order["query"], results(spark, order)
    if query not in ROW_BY_ROW:
        return verify_keyed(spark, order, rows, scratch)
    if rows.isStreaming:
        progress = write_stream(rows.observe("answer", *sums()), order, scratch / "verify").recentProgress
        answers = [batch.observedMetrics["answer"].asDict() for batch in progress if batch.observedMetrics]
    else:
        answers = [rows.select(*sums()).first().asDict()]
    # A micro-batch without rows has sums of null.
    total = {name: sum(answer[name] or 0 for answer in answers) for name in answers[0]}
    return total | {"ts": int(total["ts"])}


def verify_keyed(spark: SparkSession, order: dict, rows: DataFrame, scratch: Path) -> dict:
    """The answer, all numbers integers but `price`."""
    query, key = order["query"], KEYS[order["query"]]
    if rows.isStreaming:
        keep = scratch / "results"
        shutil.rmtree(keep, ignore_errors=True)
        write_stream(rows, order, scratch / "verify", keep)
        rows = spark.read.parquet(str(keep))
    if query in WITH_UPDATES:
        rows = rows.groupBy(key).agg(*[f.max(name).alias(name) for name in rows.columns if name != key])
    if query == "wc":
        rows = rows.withColumn("word", f.crc32("word"))
    if query == "ysb":
        rows = rows.withColumn("campaign", f.crc32("campaign_id")).drop("campaign_id")
    if "price" in rows.columns:
        rows = rows.withColumn("cents", f.round(f.col("price") * 100).cast("long"))
    weight = {
        "wc": "count * word",
        "run": "(count + cents) * (bidder + 1)",
        "q7": "(count + cents) * (bidder + window_start)",
        "q5": "count * (auction + window_start)",
        "ysb": "count * (campaign + window_start)",
    }[query]
    integers = [name for name in rows.columns if name != "price"]
    exact = [f.sum(f.col(name).cast("decimal(20,0)")).alias(name) for name in integers]
    # Of the products, which wrap around in no query, as decimals: their sum does.
    weighted = f.sum(f.expr(weight).cast("decimal(20,0)")).alias("weighted")
    price = [f.sum("price").alias("price")] if query == "q7" else []
    answer = rows.select(f.count("*").alias("rows"), *exact, weighted, *price).first().asDict()
    return {name: value if name == "price" else int(value) for name, value in answer.items()}


def timed(spark: SparkSession, order: dict, scratch: Path) -> dict:
    jvm = spark._jvm.java.lang.ProcessHandle.current().pid()
    begin, cpu_begin = time.perf_counter(), cpu_seconds(jvm)
    rows = results(spark, order)
    if rows.isStreaming:
        write_stream(rows, order, scratch / "timed")
    else:
        write_batch(rows)
    return {
        "wall_seconds": time.perf_counter() - begin,
        "cpu_seconds": cpu_seconds(jvm) - cpu_begin,
        "peak_bytes": peak_bytes(jvm),
    }


def cpu_seconds(process: int) -> float:
    """User and system time of all threads: the 14th and 15th field, counted from behind the name."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_bytes(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) << 10


def main() -> None:
    scratch = Path(sys.argv[1])
    spark = session()
    for line in sys.stdin:
        order = json.loads(line)
        result = {"answer": verify(spark, order, scratch)} if order["verify"] else timed(spark, order, scratch)
        print(json.dumps(result), flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
