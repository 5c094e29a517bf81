import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import pelton.guest.testing.Harness;
import pelton.guest.testing.Out;

class {{pascal}}Test {
    @Test
    void pricesAreApart() {
        Out out = Harness.of({{pascal}}.class).options(new {{pascal}}.Limits(0)).fold(new {{pascal}}.Bid(3), new {{pascal}}.Bid(10.5), new {{pascal}}.Bid(5));
        assertEquals(List.of(new {{pascal}}.Apart(7.5)), out.made());
    }

    @Test
    void lowPricesDoNotCount() {
        assertEquals(List.of(), Harness.of({{pascal}}.class).options(new {{pascal}}.Limits(1)).fold(new {{pascal}}.Bid(0.5)).made());
    }
}
