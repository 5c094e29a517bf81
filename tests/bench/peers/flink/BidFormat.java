import org.apache.flink.core.fs.Path;

/** Bids from CSV, digit by digit. It knows these files and no others: no quotes, unsigned numbers. */
final class BidFormat extends LineFormat<Bid> {
  private static final double[] POWERS_OF_TEN = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

  BidFormat() {
    super(Bid.class);
  }

  @Override
  Bid row(Path path) {
    return new Bid();
  }

  @Override
  int parse(byte[] bytes, int at, Bid bid) {
    byte digit;
    long number = 0;
    while ((digit = bytes[at++]) != ',') {
      number = number * 10 + digit - '0';
    }
    bid.auction = number;
    number = 0;
    while ((digit = bytes[at++]) != ',') {
      number = number * 10 + digit - '0';
    }
    bid.bidder = number;
    number = 0;
    int point = at;
    while ((digit = bytes[at++]) != ',') {
      if (digit == '.') {
        point = at;
      } else {
        number = number * 10 + digit - '0';
      }
    }
    bid.price = number / POWERS_OF_TEN[at - 1 - point];
    while (bytes[at++] != ',') {}
    number = 0;
    while ((digit = bytes[at++]) != ',') {
      number = number * 10 + digit - '0';
    }
    bid.ts = number;
    while (bytes[at++] != '\n') {}
    return at;
  }
}
