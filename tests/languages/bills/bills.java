import java.util.List;
import pelton.guest.Cogroup;
import pelton.guest.Emitter;
import pelton.guest.Port;
import pelton.guest.Rename;

/** Orders and what was paid for them, each by an output of its own: what is owed, what is paid, and the payments of what is paid twice. */
final class Bills {
    record Key(long order) {}

    record Item(double price) {}

    record Payment(double euro) {}

    sealed interface Bill {}

    record Owed(double rest) implements Bill {}

    record Paid() implements Bill {}

    @Port(rename = @Rename(from = "order", to = "bill"))
    record Over(double euro) implements Bill {}

    @Cogroup
    static void bills(Key key, List<Item> items, List<Payment> payments, Emitter<Bill> out) {
        double rest = 0;
        for (Item item : items) rest += item.price();
        double paid = 0;
        for (Payment payment : payments) paid += payment.euro();
        rest -= paid;
        for (Payment payment : payments) {
            if (items.isEmpty()) out.reject(payment, "there is no order " + key.order());
            else if (rest < 0) out.emit(new Over(payment.euro()));
        }
        if (!items.isEmpty() && rest >= 0) out.emit(rest > 0 ? new Owed(rest) : new Paid());
    }
}
