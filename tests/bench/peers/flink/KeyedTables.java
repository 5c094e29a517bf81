import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;

/**
 * The keyed queries in SQL. Updates are made in mini-batches of a second, combined before they are shuffled, which is as fast as Flink
 * gets. The connector {@code filesystem} cannot be told to read files in their order, so windows take their bids from {@link BidFormat}.
 */
final class KeyedTables {
  private KeyedTables() {}

  static StreamTableEnvironment environment(StreamExecutionEnvironment environment) {
    StreamTableEnvironment tables = StreamTableEnvironment.create(environment);
    tables.getConfig().set("table.exec.mini-batch.enabled", "true");
    tables.getConfig().set("table.exec.mini-batch.allow-latency", "1 s");
    tables.getConfig().set("table.exec.mini-batch.size", "200000");
    tables.getConfig().set("table.optimizer.agg-phase-strategy", "TWO_PHASE");
    return tables;
  }

  /** Bids whose watermark, if the query needs one, comes with them. */
  static void bids(StreamTableEnvironment tables, DataStream<Bid> bids, boolean hasWindows) {
    Schema.Builder schema =
        Schema.newBuilder()
            .column("auction", "BIGINT NOT NULL")
            .column("bidder", "BIGINT NOT NULL")
            .column("price", "DOUBLE NOT NULL")
            .column("ts", "BIGINT NOT NULL");
    if (hasWindows) {
      schema.columnByMetadata("bid_time", DataTypes.TIMESTAMP_LTZ(3), "rowtime").watermark("bid_time", "SOURCE_WATERMARK()");
    }
    tables.createTemporaryView("bids", bids, schema.build());
  }

  static void lines(StreamTableEnvironment tables, String directory) {
    tables.executeSql(
        "CREATE TABLE bids (line STRING) WITH ('connector' = 'filesystem', 'path' = 'file://" + directory + "', 'format' = 'raw')");
  }

  static JobClient run(StreamExecutionEnvironment environment, StreamTableEnvironment tables, String query, boolean isVerified)
      throws Exception {
    if (isVerified) {
      tables
          .toChangelogStream(tables.sqlQuery(select(query)))
          .filter(row -> row.getKind() != RowKind.UPDATE_BEFORE)
          .map(row -> fromRow(query, row))
          .returns(Keyed.class)
          .sinkTo(new KeyedBlackhole(query, query.equals("run") || query.equals("wc")));
      return environment.executeAsync(query);
    }
    tables.executeSql("CREATE TABLE results (" + columns(query) + ") WITH ('connector' = 'blackhole')");
    return tables.executeSql("INSERT INTO results " + select(query)).getJobClient().orElseThrow();
  }

  private static String select(String query) {
    return switch (query) {
      case "run" -> "SELECT bidder, SUM(price) AS price, COUNT(*) AS `count` FROM bids GROUP BY bidder";
      case "wc" -> "SELECT word, COUNT(*) AS `count` FROM bids CROSS JOIN UNNEST(SPLIT(line, ',')) AS words (word) GROUP BY word";
      case "q7" ->
          "SELECT bidder, window_start, MAX(price) AS price, COUNT(*) AS `count` "
              + "FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(bid_time), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, bidder";
      case "q5" ->
          "SELECT auction, window_start, COUNT(*) AS `count` "
              + "FROM TABLE(HOP(TABLE bids, DESCRIPTOR(bid_time), INTERVAL '2' SECOND, INTERVAL '10' SECOND)) "
              + "GROUP BY window_start, window_end, auction";
      default -> throw new IllegalArgumentException(query);
    };
  }

  private static String columns(String query) {
    return switch (query) {
      case "run" -> "bidder BIGINT, price DOUBLE, `count` BIGINT";
      case "wc" -> "word STRING, `count` BIGINT";
      case "q7" -> "bidder BIGINT, window_start TIMESTAMP(3), price DOUBLE, `count` BIGINT";
      default -> "auction BIGINT, window_start TIMESTAMP(3), `count` BIGINT";
    };
  }

  private static Keyed fromRow(String query, Row row) {
    Keyed result = new Keyed();
    result.count = row.<Long>getFieldAs("count");
    if (query.equals("wc")) {
      result.word = row.getFieldAs("word");
      return result;
    }
    result.key = row.<Long>getFieldAs(0);
    if (!query.equals("q5")) {
      result.price = row.<Double>getFieldAs("price");
    }
    if (!query.equals("run")) {
      java.time.LocalDateTime start = row.getFieldAs("window_start");
      result.windowStart = start.toInstant(java.time.ZoneOffset.UTC).toEpochMilli();
    }
    return result;
  }
}
