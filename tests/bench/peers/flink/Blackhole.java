import java.util.Locale;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;

/**
 * Folds every column of every bid into a sum, so that no column's work can be optimised away. The sums are also the
 * answer that is compared before anything is timed. All but {@code price} are exact, whatever the order of rows.
 */
final class Blackhole implements Sink<Bid> {
  private static final double PRICE_UNITS = 1 << 20;
  private static final Sums TOTAL = new Sums();

  /** The answer of all subtasks, which run in this process. {@code ts} wraps around. */
  static String answer() {
    synchronized (TOTAL) {
      return String.format(
          Locale.ROOT,
          "{\"rows\": %d, \"auction\": %d, \"bidder\": %d, \"ts\": %d, \"price\": %.6f, \"price_units\": %d}",
          TOTAL.rows, TOTAL.auction, TOTAL.bidder, TOTAL.ts, TOTAL.price, TOTAL.priceUnits);
    }
  }

  @Override
  public SinkWriter<Bid> createWriter(WriterInitContext context) {
    return new Writer();
  }

  private static final class Sums {
    long rows;
    long auction;
    long bidder;
    double price;
    long priceUnits;
    long ts;
  }

  private static final class Writer implements SinkWriter<Bid> {
    private final Sums sums = new Sums();

    @Override
    public void write(Bid bid, Context context) {
      sums.rows++;
      sums.auction += bid.auction;
      sums.bidder += bid.bidder;
      sums.price += bid.price;
      sums.priceUnits += (long) (bid.price * PRICE_UNITS);
      sums.ts += bid.ts;
    }

    @Override
    public void flush(boolean endOfInput) {}

    @Override
    public void close() {
      synchronized (TOTAL) {
        TOTAL.rows += sums.rows;
        TOTAL.auction += sums.auction;
        TOTAL.bidder += sums.bidder;
        TOTAL.price += sums.price;
        TOTAL.priceUnits += sums.priceUnits;
        TOTAL.ts += sums.ts;
      }
    }
  }
}
