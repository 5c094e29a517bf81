import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.zip.CRC32;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;

/**
 * {@link Blackhole} for keyed results. When the results are updates and the run is to be verified, the last update of each key is kept
 * and summed at the end; a key's updates all arrive at one subtask, in their order. Text counts as its CRC-32.
 */
final class KeyedBlackhole implements Sink<Keyed> {
  private static final Sums TOTAL = new Sums();

  private final String query;
  private final boolean isLast;

  /** With {@code isLast} only the last update of each key counts. */
  KeyedBlackhole(String query, boolean isLast) {
    this.query = query;
    this.isLast = isLast;
  }

  /** The answer of all subtasks, which run in this process. Sums wrap around. */
  static String answer(String query) {
    synchronized (TOTAL) {
      String start = String.format(Locale.ROOT, "{\"rows\": %d, \"count\": %d, \"weighted\": %d", TOTAL.rows, TOTAL.count, TOTAL.weighted);
      return start
          + switch (query) {
            case "run" -> String.format(Locale.ROOT, ", \"bidder\": %d, \"cents\": %d}", TOTAL.key, TOTAL.cents);
            case "wc" -> String.format(Locale.ROOT, ", \"word\": %d}", TOTAL.key);
            case "q7" -> String.format(
                Locale.ROOT,
                ", \"bidder\": %d, \"window_start\": %d, \"cents\": %d, \"price\": %.6f}",
                TOTAL.key, TOTAL.windowStart, TOTAL.cents, TOTAL.price);
            case "ysb" -> String.format(Locale.ROOT, ", \"campaign\": %d, \"window_start\": %d}", TOTAL.key, TOTAL.windowStart);
            default -> String.format(Locale.ROOT, ", \"auction\": %d, \"window_start\": %d}", TOTAL.key, TOTAL.windowStart);
          };
    }
  }

  @Override
  public SinkWriter<Keyed> createWriter(WriterInitContext context) {
    return new Writer();
  }

  private static final class Sums {
    long rows;
    long key;
    long windowStart;
    double price;
    long cents;
    long count;
    long weighted;

    void add(Keyed result, long key, String query) {
      long inCents = Math.round(result.price * 100);
      rows++;
      this.key += key;
      windowStart += result.windowStart;
      price += result.price;
      cents += inCents;
      count += result.count;
      weighted +=
          switch (query) {
            case "run" -> (result.count + inCents) * (key + 1);
            case "wc" -> result.count * key;
            default -> (result.count + inCents) * (key + result.windowStart);
          };
    }

    void add(Sums other) {
      rows += other.rows;
      key += other.key;
      windowStart += other.windowStart;
      price += other.price;
      cents += other.cents;
      count += other.count;
      weighted += other.weighted;
    }
  }

  private final class Writer implements SinkWriter<Keyed> {
    private final Sums sums = new Sums();
    private final Map<Object, Keyed> last = new HashMap<>();

    @Override
    public void write(Keyed result, Context context) {
      if (isLast) {
        Keyed kept = last.computeIfAbsent(result.word == null ? (Object) result.key : result.word, key -> new Keyed());
        kept.key = result.key;
        kept.price = result.price;
        kept.count = result.count;
        kept.word = result.word;
      } else {
        sums.add(result, key(result), query);
      }
    }

    /** Updates of words are too many for more than their hash; only their last ones are compared. */
    private long key(Keyed result) {
      if (result.word == null) {
        return result.key;
      }
      return query.equals("wc") ? result.word.hashCode() : crc(result.word);
    }

    @Override
    public void flush(boolean endOfInput) {}

    @Override
    public void close() {
      last.values().forEach(result -> sums.add(result, result.word == null ? result.key : crc(result.word), query));
      synchronized (TOTAL) {
        TOTAL.add(sums);
      }
    }
  }

  private static long crc(String word) {
    CRC32 crc = new CRC32();
    crc.update(word.getBytes(StandardCharsets.UTF_8));
    return crc.getValue();
  }
}
