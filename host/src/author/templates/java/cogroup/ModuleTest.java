import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import pelton.guest.testing.Harness;
import pelton.guest.testing.Out;

class {{pascal}}Test {
    private static Out join(long order, List<{{pascal}}.Item> items, List<{{pascal}}.Payment> payments) {
        return Harness.of({{pascal}}.class).options(new {{pascal}}.Limits(1)).join(new {{pascal}}.Order(order), items, payments);
    }

    @Test
    void whatIsStillToBePaid() {
        Out out = join(1, List.of(new {{pascal}}.Item(5), new {{pascal}}.Item(6)), List.of(new {{pascal}}.Payment(4)));
        assertEquals(List.of(new {{pascal}}.Rest(7)), out.made());
        assertEquals(List.of(), join(2, List.of(new {{pascal}}.Item(8)), List.of(new {{pascal}}.Payment(8))).made());
    }

    @Test
    void aPaymentWithoutAnOrderIsRejected() {
        assertEquals(List.of(new Out.Rejected(0, "there is no order 4")), join(4, List.of(), List.of(new {{pascal}}.Payment(9))).rejected());
    }
}
