"""Yahoo's streaming benchmark on Spark: views of each campaign's advertisements in each ten seconds, for spark_bench.py.

How lines of JSON are parsed:
  json       Spark's JSON reader, with the columns that the query reads
  from_json  lines, and `from_json` of the same columns
  get_json   lines, and `get_json_object` of each field, the advertisement and the time of views alone
  text       lines, cut by hand in SQL at the names of fields: it knows nothing that is escaped, and no spaces

The table of advertisements is read with each query and handed to both cores (a broadcast join).
"""

from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession, functions as f
from pyspark.sql.streaming.readwriter import DataStreamReader

SCHEMA = "ad_id STRING, event_type STRING, event_time TIMESTAMP"
ADS = "ad_id STRING, campaign_id STRING"


def views(reader: DataFrameReader | DataStreamReader, parser: str, directory: str) -> DataFrame:
    """The advertisement and the time of each view."""
    events = f"{directory}/events/json"
    if parser == "json":
        rows = reader.schema(SCHEMA).json(events)
        return rows.where("event_type = 'view'").select("ad_id", "event_time")
    lines = reader.text(events)
    if parser == "from_json":
        rows = lines.select(f.from_json("value", SCHEMA).alias("event"))
        return rows.where("event.event_type = 'view'").select("event.ad_id", "event.event_time")
    if parser == "get_json":
        found = lines.where(f.get_json_object("value", "$.event_type") == "view")
        ad, time = (f.get_json_object("value", f"$.{name}") for name in ("ad_id", "event_time"))
    else:
        found = lines.where(f.contains("value", f.lit('"event_type":"view"')))
        ad, time = cut("ad_id"), cut("event_time")
    return found.select(ad.alias("ad_id"), time.cast("timestamp").alias("event_time"))


def cut(name: str) -> Column:
    """What stands between a field's name and the next quote."""
    begin = f'"{name}":"'
    behind = f.substring_index("value", begin, -1)
    return f.substring_index(behind, '"', 1)


def counts(spark: SparkSession, rows: DataFrame, directory: str) -> DataFrame:
    ads = spark.read.schema(ADS).option("header", True).csv(f"{directory}/ads.csv")
    seen = rows.withWatermark("event_time", "1 second").join(f.broadcast(ads), "ad_id")
    counted = seen.groupBy(f.window("event_time", "10 seconds"), "campaign_id").agg(f.count("*").alias("count"))
    return counted.select("campaign_id", f.unix_millis("window.start").alias("window_start"), "count")
