import java.nio.file.Files;
import java.time.Duration;
import java.util.Set;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.reader.TextLineInputFormat;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.types.Row;

/**
 * The queries on Flink, two slots in one process, exactly-once checkpoints every second, for {@code make bench-peers} and {@code
 * bench-ysb}.
 *
 * <p>Called by tests/bench/peers.py and ysb.py: {@code FlinkBench QUERY VARIANT verify|timed DIRECTORY SCRATCH FROM TO}; prints one line
 * of JSON. What is timed lies between the FROM-th and the TO-th row of one job ({@link Meter}). Variants:
 *
 * <ul>
 *   <li>{@code sql}: SQL, filesystem connector, CSV format, into the connector {@code blackhole}
 *   <li>{@code text}: DataStream, lines of text, split by hand
 *   <li>{@code bytes}: DataStream, the expert's source {@link BidFormat}
 *   <li>{@code bytes-sql}: SQL over that source
 * </ul>
 *
 * {@link Views} has those of {@code ysb}.
 *
 * <p>Invariant: a verified run is the timed one with sums at its end. The DataStream variants always end in sums; the
 * SQL blackhole reads no column, which is to Flink's advantage.
 */
public final class FlinkBench {
  private static final double RATE = 0.908;
  private static final long DIVISOR = 123;
  private static final Set<String> ROW_BY_ROW = Set.of("q1", "q2");
  private static final Set<String> WITH_WINDOWS = Set.of("q5", "q7");

  public static void main(String[] arguments) throws Exception {
    String query = arguments[0];
    String variant = arguments[1];
    boolean isVerified = arguments[2].equals("verify");
    String directory = arguments[3];
    StreamExecutionEnvironment environment = environment(arguments[4]);
    boolean isKeyed = !ROW_BY_ROW.contains(query);
    JobClient job =
        isKeyed
            ? keyed(environment, query, variant, directory, isVerified)
            : switch (variant) {
              case "sql" -> sql(environment, query, directory, isVerified);
              case "text" -> stream(environment, query, text(environment, directory));
              case "bytes" -> stream(environment, query, bytes(environment, query, directory));
              default -> throw new IllegalArgumentException(variant);
            };
    if (isVerified) {
      job.getJobExecutionResult().get();
      System.out.printf("{\"answer\": %s}%n", isKeyed ? KeyedBlackhole.answer(query) : Blackhole.answer());
    } else {
      Meter.Mark from = Meter.await(Long.parseLong(arguments[5]));
      Meter.Mark to = Meter.await(Long.parseLong(arguments[6]));
      job.getJobExecutionResult().get();
      System.out.printf("{%s, \"peak_bytes\": %d}%n", to.since(from), peakBytes());
    }
    System.exit(0);
  }

  private static StreamExecutionEnvironment environment(String scratch) {
    Configuration configuration = new Configuration();
    configuration.setString("execution.checkpointing.interval", "1s");
    configuration.setString("execution.checkpointing.mode", "EXACTLY_ONCE");
    configuration.setString("execution.checkpointing.storage", "filesystem");
    configuration.setString("execution.checkpointing.dir", "file://" + scratch);
    configuration.setString("state.backend.type", "hashmap");
    configuration.setString("pipeline.object-reuse", "true");
    configuration.setString("parallelism.default", "2");
    configuration.setString("taskmanager.numberOfTaskSlots", "2");
    configuration.setString("metrics.reporters", "meter");
    configuration.setString("metrics.reporter.meter.factory.class", Meter.class.getName());
    return StreamExecutionEnvironment.createLocalEnvironment(2, configuration);
  }

  private static JobClient keyed(
      StreamExecutionEnvironment environment, String query, String variant, String directory, boolean isVerified) throws Exception {
    if (variant.equals("sql") || variant.equals("bytes-sql")) {
      StreamTableEnvironment tables = KeyedTables.environment(environment);
      if (query.equals("wc")) {
        KeyedTables.lines(tables, directory);
      } else {
        KeyedTables.bids(tables, bytes(environment, query, directory), WITH_WINDOWS.contains(query));
      }
      return KeyedTables.run(environment, tables, query, isVerified);
    }
    if (query.equals("ysb")) {
      Views.of(environment, variant, directory).sinkTo(new KeyedBlackhole(query, false));
      return environment.executeAsync(query);
    }
    boolean hasUpdates = !WITH_WINDOWS.contains(query);
    DataStream<Keyed> results =
        query.equals("wc")
            ? KeyedStreams.wordCount(lines(environment, directory))
            : KeyedStreams.of(query, bytes(environment, query, directory));
    results.sinkTo(new KeyedBlackhole(query, isVerified && hasUpdates));
    return environment.executeAsync(query);
  }

  private static JobClient sql(StreamExecutionEnvironment environment, String query, String directory, boolean isVerified)
      throws Exception {
    StreamTableEnvironment tables = StreamTableEnvironment.create(environment);
    tables.executeSql(
        "CREATE TABLE bids (auction BIGINT, bidder BIGINT, price DOUBLE, channel STRING, ts BIGINT, filler STRING) "
            + "WITH ('connector' = 'filesystem', 'path' = 'file://" + directory + "', 'format' = 'csv')");
    String select =
        query.equals("q1")
            ? "SELECT auction, bidder, price * CAST(0.908 AS DOUBLE) AS price, ts FROM bids"
            : "SELECT auction, bidder, price, ts FROM bids WHERE MOD(auction, 123) = 0";
    if (isVerified) {
      tables.toDataStream(tables.sqlQuery(select)).map(FlinkBench::fromRow).returns(Bid.class).sinkTo(new Blackhole());
      return environment.executeAsync(query);
    }
    tables.executeSql(
        "CREATE TABLE results (auction BIGINT, bidder BIGINT, price DOUBLE, ts BIGINT) WITH ('connector' = 'blackhole')");
    return tables.executeSql("INSERT INTO results " + select).getJobClient().orElseThrow();
  }

  private static Bid fromRow(Row row) {
    Bid bid = new Bid();
    bid.auction = row.<Long>getFieldAs("auction");
    bid.bidder = row.<Long>getFieldAs("bidder");
    bid.price = row.<Double>getFieldAs("price");
    bid.ts = row.<Long>getFieldAs("ts");
    return bid;
  }

  private static DataStream<String> lines(StreamExecutionEnvironment environment, String directory) {
    FileSource<String> lines = FileSource.forRecordStreamFormat(new TextLineInputFormat(), new Path(directory)).build();
    return environment.fromSource(lines, WatermarkStrategy.noWatermarks(), "bids");
  }

  private static DataStream<Bid> text(StreamExecutionEnvironment environment, String directory) {
    return lines(environment, directory).map(new ReadLine());
  }

  private static DataStream<Bid> bytes(StreamExecutionEnvironment environment, String query, String directory) {
    FileSource<Bid> bids =
        FileSource.forBulkFileFormat(new BidFormat(), new Path(directory)).setSplitAssigner(InOrder::new).build();
    WatermarkStrategy<Bid> watermark =
        WITH_WINDOWS.contains(query)
            ? WatermarkStrategy.<Bid>forBoundedOutOfOrderness(Duration.ofSeconds(2)).withTimestampAssigner((bid, before) -> bid.ts)
            : WatermarkStrategy.noWatermarks();
    return environment.fromSource(bids, watermark, "bids");
  }

  /** Objects are used again from row to row, so that q1 may change the bid where it lies. */
  private static JobClient stream(StreamExecutionEnvironment environment, String query, DataStream<Bid> bids)
      throws Exception {
    DataStream<Bid> results = query.equals("q1") ? bids.map(new ToEuro()) : bids.filter(bid -> bid.auction % DIVISOR == 0);
    results.sinkTo(new Blackhole());
    return environment.executeAsync(query);
  }

  private static final class ReadLine implements MapFunction<String, Bid> {
    private transient Bid bid;

    @Override
    public Bid map(String line) {
      if (bid == null) {
        bid = new Bid();
      }
      bid.read(line);
      return bid;
    }
  }

  private static final class ToEuro implements MapFunction<Bid, Bid> {
    @Override
    public Bid map(Bid bid) {
      bid.price *= RATE;
      return bid;
    }
  }

  /** The largest resident memory so far. */
  private static long peakBytes() throws java.io.IOException {
    String line =
        Files.readAllLines(java.nio.file.Path.of("/proc/self/status")).stream()
            .filter(text -> text.startsWith("VmHWM:"))
            .findFirst()
            .orElseThrow();
    return Long.parseLong(line.replaceAll("\\D", "")) << 10;
  }
}
