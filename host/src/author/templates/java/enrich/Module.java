import pelton.guest.Enrich;
import pelton.guest.Reject;
import pelton.guest.Reply;
import pelton.guest.Request;

/** Bids priced in euro, by the rate that the endpoint {@code rates} has for their currency. All other columns pass through untouched. */
@Enrich
final class {{pascal}} {
    record Bid(double price, String currency) {}

    record Priced(double euro) {}

    /** What a bid needs to know; bids in euro need nothing. */
    static Request ask(Bid bid) {
        return bid.currency().equals("EUR") ? null : Request.get("rates", "/latest/" + Request.encode(bid.currency()));
    }

    static Priced answer(Bid bid, Reply reply) {
        if (reply == null) return new Priced(bid.price());
        try {
            return new Priced(bid.price() * Double.parseDouble(reply.text().trim()));
        } catch (NumberFormatException wrong) {
            throw new Reject("the rate is no number");
        }
    }
}
