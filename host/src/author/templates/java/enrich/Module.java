import pelton.guest.Enrich;
import pelton.guest.Reject;
import pelton.guest.Reply;
import pelton.guest.Request;

/** Bids priced in euro, by the rate that the endpoint {@code rates} has for their currency. All other columns pass through untouched. */
@Enrich
final class {{pascal}} {
    record Bid(double price, String currency) {}

    record Priced(double euro) {}

    /** What a bid needs to know; bids in euro need nothing, and a path is made of nothing but a currency. */
    static Request ask(Bid bid) {
        boolean isForeign = !bid.currency().equals("EUR") && isCurrency(bid.currency());
        return isForeign ? Request.get("rates", "/latest/" + bid.currency()) : null;
    }

    static Priced answer(Bid bid, Reply reply) {
        if (reply == null && !bid.currency().equals("EUR")) throw new Reject("this is no currency");
        if (reply == null) return new Priced(bid.price());
        try {
            return new Priced(bid.price() * Double.parseDouble(reply.text().trim()));
        } catch (NumberFormatException wrong) {
            throw new Reject("the rate is no number");
        }
    }

    private static boolean isCurrency(String text) {
        for (char letter : text.toCharArray()) if (letter < 'A' || letter > 'Z') return false;
        return text.length() == 3;
    }
}
