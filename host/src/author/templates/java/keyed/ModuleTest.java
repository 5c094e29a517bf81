import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import pelton.guest.testing.Epochs;
import pelton.guest.testing.Harness;
import pelton.guest.testing.Out;

class {{pascal}}Test {
    private static Epochs start() {
        return Harness.of({{pascal}}.class).options(new {{pascal}}.Limits(30)).start();
    }

    @Test
    void aSessionEndsAfterTheGap() {
        Epochs epochs = start();
        epochs.rows("ann", new {{pascal}}.Bid(3, 0), new {{pascal}}.Bid(10.5, 2_000_000));
        assertEquals(new {{pascal}}.Session(2, 13.5, 32_000_000), epochs.state("ann"));
        assertEquals(List.of(), epochs.watermark(31_000_000).made());
        assertEquals(List.of(new {{pascal}}.Ended(2, 13.5)), epochs.watermark(32_000_000).made());
    }

    @Test
    void aBidAfterTheGapBeginsAnotherSession() {
        Out out = start().rows("ann", new {{pascal}}.Bid(3, 0), new {{pascal}}.Bid(5, 30_000_000));
        assertEquals(List.of(new {{pascal}}.Ended(1, 3)), out.made());
    }

    @Test
    void whatIsNoPriceIsRejected() {
        Out out = start().rows("ann", new {{pascal}}.Bid(-1, 0));
        assertEquals(List.of(new Out.Rejected(0, "-1.0 is no price")), out.rejected());
    }
}
