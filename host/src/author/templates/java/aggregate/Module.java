import pelton.guest.Aggregate;
import pelton.guest.Default;
import pelton.guest.Options;

/** How far apart prices are, those under {@code min} left out. */
@Aggregate
final class {{pascal}} {
    @Options
    record Limits(@Default("0") double min) {}

    record Bid(double price) {}

    /** What the engine keeps for each group. */
    record Prices(Double least, Double most) {}

    record Apart(double range) {}

    /** That of no rows. */
    static Prices zero() {
        return new Prices(null, null);
    }

    static Prices add(Prices prices, Bid bid, Limits limits) {
        return bid.price() < limits.min() ? prices : merge(prices, new Prices(bid.price(), bid.price()));
    }

    static Prices merge(Prices prices, Prices later) {
        if (prices.least() == null) return later;
        if (later.least() == null) return prices;
        return new Prices(Math.min(prices.least(), later.least()), Math.max(prices.most(), later.most()));
    }

    static Apart finish(Prices prices) {
        return prices.least() == null ? null : new Apart(prices.most() - prices.least());
    }
}
