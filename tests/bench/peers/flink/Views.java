import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/**
 * Yahoo's streaming benchmark on the DataStream API: views of each campaign's advertisements in each ten seconds. Campaigns are
 * numbers until their windows are emitted, so that little is shuffled.
 *
 * <p>{@code text}: lines, parsed by Jackson, as most would write it. {@code bytes}: the expert's {@link EventFormat}. {@code
 * combined}: the same, counted before the shuffle by {@link Combine}.
 */
final class Views {
  static final Duration WINDOW = Duration.ofSeconds(10);
  private static final Duration BOUND = Duration.ofSeconds(1);
  private static final TypeInformation<Tuple2<Integer, Long>> COUNTED = Types.TUPLE(Types.INT, Types.LONG);

  private Views() {}

  /** {@code directory} holds {@code ads.csv} and {@code events/json}. */
  static DataStream<Keyed> of(StreamExecutionEnvironment environment, String variant, String directory) throws Exception {
    Advertisements ads = Advertisements.read(Path.of(directory, "ads.csv"));
    var files = new org.apache.flink.core.fs.Path(directory, "events/json");
    DataStream<Tuple2<Integer, Long>> counts =
        switch (variant) {
          case "text" -> text(environment, files).flatMap(new OfCampaign(ads)).returns(COUNTED);
          case "bytes" -> bytes(environment, files).flatMap(new OfCampaign(ads)).returns(COUNTED);
          case "combined" -> bytes(environment, files).transform("combine", COUNTED, new Combine(ads));
          default -> throw new IllegalArgumentException(variant);
        };
    return counts
        .keyBy(count -> count.f0, Types.INT)
        .window(TumblingEventTimeWindows.of(WINDOW))
        .aggregate(new Sum(), new InWindow(ads));
  }

  private static DataStream<Event> bytes(StreamExecutionEnvironment environment, org.apache.flink.core.fs.Path files) {
    FileSource<Event> events = FileSource.forBulkFileFormat(new EventFormat(), files).setSplitAssigner(InOrder::new).build();
    return environment.fromSource(events, watermark(), "events");
  }

  /** The watermark comes behind the parser, which knows the time. */
  private static DataStream<Event> text(StreamExecutionEnvironment environment, org.apache.flink.core.fs.Path files) {
    FileSource<TextFormat.Line> lines = FileSource.forBulkFileFormat(new TextFormat(), files).setSplitAssigner(InOrder::new).build();
    return environment
        .fromSource(lines, WatermarkStrategy.noWatermarks(), "events")
        .map(new ReadLine())
        .assignTimestampsAndWatermarks(watermark());
  }

  private static WatermarkStrategy<Event> watermark() {
    return WatermarkStrategy.<Event>forBoundedOutOfOrderness(BOUND).withTimestampAssigner((event, before) -> event.ts);
  }

  private static final class ReadLine implements MapFunction<TextFormat.Line, Event> {
    private static final ObjectMapper JSON = new ObjectMapper();
    private transient Event event;

    @Override
    public Event map(TextFormat.Line line) throws Exception {
      if (event == null) {
        event = new Event();
      }
      JsonNode fields = JSON.readTree(line.text);
      event.setAd(fields.get("ad_id").textValue());
      event.isView = fields.get("event_type").textValue().equals("view");
      event.ts = LocalDateTime.parse(fields.get("event_time").textValue()).toInstant(ZoneOffset.UTC).toEpochMilli() + line.laterMs;
      return event;
    }
  }

  /** Views with the number of their campaign. The result is used again from row to row, as Flink allows here. */
  private static final class OfCampaign implements FlatMapFunction<Event, Tuple2<Integer, Long>> {
    private final Advertisements ads;
    private final Tuple2<Integer, Long> one = Tuple2.of(0, 1L);

    OfCampaign(Advertisements ads) {
      this.ads = ads;
    }

    @Override
    public void flatMap(Event event, Collector<Tuple2<Integer, Long>> views) {
      if (event.isView) {
        int campaign = ads.campaign(event);
        if (campaign != Advertisements.NONE) {
          one.f0 = campaign;
          views.collect(one);
        }
      }
    }
  }

  private static final class Sum implements AggregateFunction<Tuple2<Integer, Long>, Long, Long> {
    @Override
    public Long createAccumulator() {
      return 0L;
    }

    @Override
    public Long add(Tuple2<Integer, Long> count, Long sum) {
      return sum + count.f1;
    }

    @Override
    public Long getResult(Long sum) {
      return sum;
    }

    @Override
    public Long merge(Long one, Long other) {
      return one + other;
    }
  }

  /** Puts the campaign's name and the window beside the count. */
  private static final class InWindow extends ProcessWindowFunction<Long, Keyed, Integer, TimeWindow> {
    private final Advertisements ads;

    InWindow(Advertisements ads) {
      this.ads = ads;
    }

    @Override
    public void process(Integer campaign, Context context, Iterable<Long> sums, Collector<Keyed> results) {
      Keyed result = new Keyed();
      result.word = ads.name(campaign);
      result.windowStart = context.window().getStart();
      result.count = sums.iterator().next();
      results.collect(result);
    }
  }
}
