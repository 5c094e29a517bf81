import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import pelton.guest.Reply;
import pelton.guest.Request;
import pelton.guest.testing.Harness;
import pelton.guest.testing.Out;

class {{pascal}}Test {
    private static Out enriched({{pascal}}.Bid... bids) {
        return Harness.of({{pascal}}.class)
            .replies(request -> request.path().equals("/latest/USD") ? Reply.of(200, "0.5\n") : Reply.of(404, "no such file"))
            .run((Object[]) bids);
    }

    @Test
    void bidsArePricedByTheRateOfTheirCurrency() {
        Out out = enriched(new {{pascal}}.Bid(8, "USD"), new {{pascal}}.Bid(3, "EUR"), new {{pascal}}.Bid(1, "XXX"));
        assertEquals(List.of(new {{pascal}}.Priced(4), new {{pascal}}.Priced(3)), out.made());
        assertEquals(List.of(new Out.Rejected(2, "status 404")), out.rejected());
    }

    @Test
    void eachCurrencyIsAskedForOnce() {
        Out out = enriched(new {{pascal}}.Bid(8, "USD"), new {{pascal}}.Bid(3, "EUR"), new {{pascal}}.Bid(2, "USD"));
        assertEquals(List.of(Request.get("rates", "/latest/USD")), out.requests());
    }
}
