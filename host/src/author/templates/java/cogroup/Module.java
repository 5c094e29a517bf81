import java.util.List;
import pelton.guest.Cogroup;
import pelton.guest.Emitter;
import pelton.guest.Options;

/** What is still to be paid of each order, if it is {@code least} or more. */
final class {{pascal}} {
    @Options
    record Limits(double least) {}

    record Order(long order) {}

    record Item(double price) {}

    record Payment(double euro) {}

    record Rest(double unpaid) {}

    @Cogroup
    static void process(Order order, List<Item> items, List<Payment> payments, Emitter<Rest> out, Limits limits) {
        if (items.isEmpty()) {
            for (Payment payment : payments) out.reject(payment, "there is no order " + order.order());
            return;
        }
        double unpaid = 0;
        for (Item item : items) unpaid += item.price();
        for (Payment payment : payments) unpaid -= payment.euro();
        if (unpaid >= limits.least()) out.emit(new Rest(unpaid));
    }
}
