/** A bid, as far as the queries read it. A public class with public fields, so that Flink serialises it by field. */
public class Bid {
  public long auction;
  public long bidder;
  public double price;
  /** Milliseconds since 1970. */
  public long ts;

  /** Reads a row of text, as one would in a map function: fields by their commas, library calls for numbers. */
  void read(String line) {
    int auctionEnd = line.indexOf(',');
    int bidderEnd = line.indexOf(',', auctionEnd + 1);
    int priceEnd = line.indexOf(',', bidderEnd + 1);
    int channelEnd = line.indexOf(',', priceEnd + 1);
    int tsEnd = line.indexOf(',', channelEnd + 1);
    auction = Long.parseLong(line, 0, auctionEnd, 10);
    bidder = Long.parseLong(line, auctionEnd + 1, bidderEnd, 10);
    price = Double.parseDouble(line.substring(bidderEnd + 1, priceEnd));
    ts = Long.parseLong(line, channelEnd + 1, tsEnd, 10);
  }
}
