#!/usr/bin/env python3
"""q1 and q2 on Spark, `local[2]`, for `make bench-peers`.

Started by tests/bench/peers.py: spark_bench.py SCRATCH. Spark's JVM stays up between runs, so that every timed run
finds it warm. Each line of standard input is a run, {"query", "variant", "directory", "verify"}; each
is answered by one line of JSON on standard output: `answer` (when asked to verify), `wall_seconds`, `cpu_seconds` and
`peak_bytes` of the JVM.

Variants: how rows are parsed, and how the job runs.
  csv-…      Spark's CSV reader
  text-…     lines, split and cast in SQL: faster, but it knows no quotes
  …-stream   Structured Streaming over the files, a micro-batch of about a second, a checkpoint for each
  …-batch    one batch job over the same files: no durability at all

The sink is `noop`: Spark computes every output column into a row and drops it. Invariant: a timed run and a verified run
are the same query; verifying only adds sums in front of the sink.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession, functions as f
from pyspark.sql.streaming.query import StreamingQuery

SCHEMA = "auction LONG, bidder LONG, price DOUBLE, channel STRING, ts LONG, filler STRING"
PRICE_UNITS = 1 << 20
# One micro-batch takes about a second, as long as an epoch of Pelton and a checkpoint interval of Flink.
FILES_PER_BATCH = 4


def session() -> SparkSession:
    spark = (
        SparkSession.builder.master("local[2]")
        .appName("bench-peers")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.memory", "2g")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.streaming.numRecentProgressUpdates", "10000")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def bids(spark: SparkSession, variant: str, directory: str) -> DataFrame:
    """The columns that the queries read; a stream when the variant is one."""
    parser, _, mode = variant.partition("-")
    reader = spark.read
    if mode == "stream":
        reader = spark.readStream.option("maxFilesPerTrigger", FILES_PER_BATCH)
    if parser == "csv":
        return reader.schema(SCHEMA).csv(directory)
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
    return rows.where("auction % 123 = 0").select("auction", "bidder", "price", "ts")


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


def write_stream(rows: DataFrame, checkpoint: Path) -> StreamingQuery:
    """Runs the stream to the end of its input, from an empty checkpoint."""
    shutil.rmtree(checkpoint, ignore_errors=True)
    writer = rows.writeStream.format("noop").option("checkpointLocation", str(checkpoint))
    query = writer.trigger(availableNow=True).start()
    query.awaitTermination()
    return query


def write_batch(rows: DataFrame) -> None:
    rows.write.format("noop").mode("overwrite").save()


def verify(spark: SparkSession, order: dict, scratch: Path) -> dict:
    """The answer, all numbers integers but `price`."""
    rows = run_query(order["query"], bids(spark, order["variant"], order["directory"]))
    if rows.isStreaming:
        progress = write_stream(rows.observe("answer", *sums()), scratch / "verify").recentProgress
        answers = [batch.observedMetrics["answer"].asDict() for batch in progress if batch.observedMetrics]
    else:
        answers = [rows.select(*sums()).first().asDict()]
    # A micro-batch without rows has sums of null.
    total = {name: sum(answer[name] or 0 for answer in answers) for name in answers[0]}
    return total | {"ts": int(total["ts"])}


def timed(spark: SparkSession, order: dict, scratch: Path) -> dict:
    jvm = spark._jvm.java.lang.ProcessHandle.current().pid()
    begin, cpu_begin = time.perf_counter(), cpu_seconds(jvm)
    rows = run_query(order["query"], bids(spark, order["variant"], order["directory"]))
    if rows.isStreaming:
        write_stream(rows, scratch / "timed")
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
