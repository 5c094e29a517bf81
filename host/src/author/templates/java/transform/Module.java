import pelton.guest.Default;
import pelton.guest.Options;
import pelton.guest.Reject;
import pelton.guest.Transform;

/** Bids over {@code min}, priced in euro. All other columns pass through untouched. */
final class {{pascal}} {
    @Options
    record Rates(double rate, @Default("0") double min) {}

    record Bid(double price) {}

    record Priced(double euro) {}

    @Transform
    static Priced priced(Bid bid, Rates rates) {
        if (bid.price() < 0) throw new Reject(bid.price() + " is no price");
        return bid.price() > rates.min() ? new Priced(bid.price() * rates.rate()) : null;
    }
}
