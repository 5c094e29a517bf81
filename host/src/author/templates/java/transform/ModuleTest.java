import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import pelton.guest.testing.Harness;
import pelton.guest.testing.Out;

class {{pascal}}Test {
    @Test
    void cheapBidsAreLeftOut() {
        Out out = Harness.of({{pascal}}.class).options(new {{pascal}}.Rates(0.5, 100)).run(new {{pascal}}.Bid(99), new {{pascal}}.Bid(300));
        assertEquals(List.of(new {{pascal}}.Priced(150)), out.made());
        assertEquals(List.of(1), out.origins());
    }

    @Test
    void whatIsNoPriceIsRejected() {
        Out out = Harness.of({{pascal}}.class).options(new {{pascal}}.Rates(0.5, 0)).run(new {{pascal}}.Bid(-1));
        assertEquals(List.of(new Out.Rejected(0, "-1.0 is no price")), out.rejected());
    }
}
