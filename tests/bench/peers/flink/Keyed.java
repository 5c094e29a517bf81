/** A result of a keyed query: as many of the columns as the query has. Public fields, so that Flink serialises it by field. */
public class Keyed {
  /** Auction or bidder. */
  public long key;
  /** Milliseconds since 1970. */
  public long windowStart;
  /** The highest price, or their sum. */
  public double price;
  public long count;
  /** The word, or the campaign; null if the key is a number. */
  public String word;
}
