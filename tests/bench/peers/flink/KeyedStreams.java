import java.time.Duration;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** The keyed queries on the DataStream API. Bids are cut down to what a query needs before they are shuffled. */
final class KeyedStreams {
  private KeyedStreams() {}

  static DataStream<Keyed> of(String query, DataStream<Bid> bids) {
    return switch (query) {
      case "run" -> priced(bids).keyBy(bid -> bid.f0, Types.LONG).process(new Running());
      case "q7" ->
          priced(bids)
              .keyBy(bid -> bid.f0, Types.LONG)
              .window(TumblingEventTimeWindows.of(Duration.ofSeconds(10)))
              .aggregate(new Highest(), new InWindow());
      case "q5" ->
          bids.map(bid -> Tuple2.of(bid.auction, 0.0))
              .returns(Types.TUPLE(Types.LONG, Types.DOUBLE))
              .keyBy(bid -> bid.f0, Types.LONG)
              .window(SlidingEventTimeWindows.of(Duration.ofSeconds(10), Duration.ofSeconds(2)))
              .aggregate(new Count(), new InWindow());
      default -> throw new IllegalArgumentException(query);
    };
  }

  static DataStream<Keyed> wordCount(DataStream<String> lines) {
    return lines
        .flatMap(new Split())
        .returns(Types.TUPLE(Types.STRING, Types.LONG))
        .keyBy(word -> word.f0, Types.STRING)
        .sum(1)
        .map(
            counted -> {
              Keyed result = new Keyed();
              result.word = counted.f0;
              result.count = counted.f1;
              return result;
            })
        .returns(Keyed.class);
  }

  private static DataStream<Tuple2<Long, Double>> priced(DataStream<Bid> bids) {
    return bids.map(bid -> Tuple2.of(bid.bidder, bid.price)).returns(Types.TUPLE(Types.LONG, Types.DOUBLE));
  }

  private static final class Split implements FlatMapFunction<String, Tuple2<String, Long>> {
    @Override
    public void flatMap(String line, Collector<Tuple2<String, Long>> words) {
      int start = 0;
      int end;
      while ((end = line.indexOf(',', start)) >= 0) {
        words.collect(Tuple2.of(line.substring(start, end), 1L));
        start = end + 1;
      }
      words.collect(Tuple2.of(line.substring(start), 1L));
    }
  }

  /** An update for each row. The result is used again from row to row, as Flink allows here. */
  private static final class Running extends KeyedProcessFunction<Long, Tuple2<Long, Double>, Keyed> {
    private transient Keyed result;
    private transient ValueState<Tuple2<Double, Long>> totals;

    @Override
    public void open(OpenContext context) {
      result = new Keyed();
      totals = getRuntimeContext().getState(new ValueStateDescriptor<>("totals", Types.TUPLE(Types.DOUBLE, Types.LONG)));
    }

    @Override
    public void processElement(Tuple2<Long, Double> bid, Context context, Collector<Keyed> results) throws Exception {
      Tuple2<Double, Long> total = totals.value();
      if (total == null) {
        total = Tuple2.of(0.0, 0L);
      }
      total.f0 += bid.f1;
      total.f1++;
      totals.update(total);
      result.key = bid.f0;
      result.price = total.f0;
      result.count = total.f1;
      results.collect(result);
    }
  }

  /** Highest price and count. */
  private static final class Highest implements AggregateFunction<Tuple2<Long, Double>, Tuple2<Double, Long>, Tuple2<Double, Long>> {
    @Override
    public Tuple2<Double, Long> createAccumulator() {
      return Tuple2.of(Double.NEGATIVE_INFINITY, 0L);
    }

    @Override
    public Tuple2<Double, Long> add(Tuple2<Long, Double> bid, Tuple2<Double, Long> highest) {
      if (bid.f1 > highest.f0) {
        highest.f0 = bid.f1;
      }
      highest.f1++;
      return highest;
    }

    @Override
    public Tuple2<Double, Long> getResult(Tuple2<Double, Long> highest) {
      return highest;
    }

    @Override
    public Tuple2<Double, Long> merge(Tuple2<Double, Long> one, Tuple2<Double, Long> other) {
      one.f0 = Math.max(one.f0, other.f0);
      one.f1 += other.f1;
      return one;
    }
  }

  /** A count; the price is zero. */
  private static final class Count implements AggregateFunction<Tuple2<Long, Double>, Tuple2<Double, Long>, Tuple2<Double, Long>> {
    @Override
    public Tuple2<Double, Long> createAccumulator() {
      return Tuple2.of(0.0, 0L);
    }

    @Override
    public Tuple2<Double, Long> add(Tuple2<Long, Double> bid, Tuple2<Double, Long> count) {
      count.f1++;
      return count;
    }

    @Override
    public Tuple2<Double, Long> getResult(Tuple2<Double, Long> count) {
      return count;
    }

    @Override
    public Tuple2<Double, Long> merge(Tuple2<Double, Long> one, Tuple2<Double, Long> other) {
      one.f1 += other.f1;
      return one;
    }
  }

  /** Puts key and window beside what was aggregated. */
  private static final class InWindow extends ProcessWindowFunction<Tuple2<Double, Long>, Keyed, Long, TimeWindow> {
    @Override
    public void process(Long key, Context context, Iterable<Tuple2<Double, Long>> aggregated, Collector<Keyed> results) {
      Tuple2<Double, Long> one = aggregated.iterator().next();
      Keyed result = new Keyed();
      result.key = key;
      result.windowStart = context.window().getStart();
      result.price = one.f0;
      result.count = one.f1;
      results.collect(result);
    }
  }
}
